#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/store/store.hpp"

namespace tidings::cli {

/// The databases of those of the shop's services that have one, each of its own: a file in the service's folder, or a
/// schema in a PostgreSQL, made for the run. An outbox goes to one broker and namespace, and these are the run's own.
class Stores {
 public:
  /// `url`: of a PostgreSQL; none: files. Errors: `invalid_url`, what the database says.
  static Result<Stores> make(const std::optional<std::string>& url, const std::string& directory);

  /// What the service's `--store` is; empty: it has none.
  [[nodiscard]] std::string url(std::string_view service) const;
  /// Once the service has run.
  Result<Store*> of(std::string_view service);
  /// What is in between.
  struct Left {
    std::uint64_t events =
        0;  ///< that stand in outboxes still and are to be published; those parked are not among them
    std::uint64_t sagas =
        0;  ///< that run, or go back: 1,000 at most are counted; those that are stuck are not among them
  };
  Result<Left> left();

  /// Removes the schemas with all that is in them. Files go with their folder.
  Result<> remove();
  /// The schemas, if there are any.
  [[nodiscard]] const std::vector<std::string>& schemas() const { return schemas_; }

 private:
  Result<> in_database(const std::vector<std::string>& statements) const;

  std::string server_;  // empty: files
  std::vector<std::string> schemas_;
  std::map<std::string, std::string, std::less<>> urls_;
  std::map<std::string, std::unique_ptr<Store>, std::less<>> open_;
};

/// Whether `--store` may be that: a file is what it is without. Error `invalid_url`.
[[nodiscard]] Result<> check_store(const std::string& url);

/// The URL of a PostgreSQL with that schema before all others, whatever options it has.
[[nodiscard]] std::string with_schema(std::string_view url, std::string_view schema);

}  // namespace tidings::cli
