#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "stores/postgres/link.hpp"
#include "tidings/store/store.hpp"
#include "tidings/store/turns.hpp"

namespace tidings::stores::postgres {

/// Connections to one database: as many at once as `StoreOptions::connections`, made when they are needed, and kept.
/// One that broke is made anew by the next transaction.
class PostgresStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(std::string_view url, const StoreOptions& options);
  ~PostgresStore() override;

  [[nodiscard]] SqlDialect dialect() const override { return SqlDialect::postgres; }
  Result<std::unique_ptr<OpenTransaction>> begin(Duration wait_max) override;
  Result<std::unique_ptr<Listener>> listen(std::string_view channel) override;
  Result<> close(Duration wait_max) override;

 private:
  friend class Open;
  PostgresStore(Url url, const StoreOptions& options);
  /// A connection, in which a transaction begins with the first that is asked over it.
  struct Begun {
    std::unique_ptr<Link> link;
    bool was_idle = false;  ///< it may have broken since
  };
  Result<Begun> begun(Duration within);
  std::unique_ptr<Link> idle();
  void keep(std::unique_ptr<Link> link);
  /// From who has had a turn.
  void give_back(std::unique_ptr<Link> link);

  const Url url_;
  const StoreOptions options_;
  const std::string begin_;
  const unsigned forks_;
  Turns turns_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Link>> idle_;  // the last used last, which is the next
};

}  // namespace tidings::stores::postgres
