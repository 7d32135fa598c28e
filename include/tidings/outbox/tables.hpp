#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::outbox {

/// Events are spread over so many parts, by their keys; relays share them. Fixed for life: rows have their part.
inline constexpr std::uint32_t part_count = 64;

/// The part of the events of a key: XXH64, as partitions are chosen.
[[nodiscard]] std::uint32_t part_of(std::string_view key);

/// What the tables of an outbox are called. A database may have several outboxes, each with names of its own.
class Tables {
 public:
  /// `tidings_outbox…`, in the schema that the connection has first.
  Tables();
  /// In a schema of PostgreSQL, where it is not empty; with a prefix. Both are `[a-z_][a-z0-9_]*`, 40 bytes at most.
  /// Error `invalid_name` (never).
  static Result<Tables> named(std::string_view schema, std::string_view prefix = "tidings_");

  [[nodiscard]] const std::string& schema() const { return schema_; }
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  /// `"shop".tidings_outbox`; of the others `outbox_parts`, and so on.
  [[nodiscard]] std::string name(std::string_view table) const;
  /// The statement that puts an event in, the same in every dialect.
  [[nodiscard]] const std::string& insert() const { return insert_; }

  friend bool operator==(const Tables&, const Tables&) = default;

 private:
  Tables(std::string_view schema, std::string_view prefix);

  std::string schema_;
  std::string prefix_;
  std::string insert_;
};

/// With the names that nobody changed.
[[nodiscard]] const Tables& default_tables();

}  // namespace tidings::outbox
