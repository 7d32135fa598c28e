#pragma once

#include <libpq-fe.h>

#include <span>
#include <string>
#include <vector>

#include "tidings/store/sql.hpp"

namespace tidings::stores::postgres {

// Types by their numbers, which are the same in every database: src/include/catalog/pg_type.dat of PostgreSQL.
inline constexpr Oid oid_unknown = 0;  ///< the statement tells
inline constexpr Oid oid_bool = 16;
inline constexpr Oid oid_bytes = 17;
inline constexpr Oid oid_int8 = 20;
inline constexpr Oid oid_int2 = 21;
inline constexpr Oid oid_int4 = 23;
inline constexpr Oid oid_text = 25;
inline constexpr Oid oid_oid = 26;
inline constexpr Oid oid_float4 = 700;
inline constexpr Oid oid_float8 = 701;
inline constexpr Oid oid_numeric = 1700;

/// Parameters as libpq takes them. Numbers and text go as text, of the type that the statement has in their place, so
/// that an integer may be for a smallint, a boolean or a numeric, and text for a date; bytes go as they are. Borrows
/// what is borrowed.
class Parameters {
 public:
  /// Error `sql_error` (never) for text with a NUL, which the database does not have.
  static Result<Parameters> make(std::span<const SqlView> values);

  [[nodiscard]] int count() const { return static_cast<int>(values_.size()); }
  [[nodiscard]] const char* const* values() const { return values_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }
  /// A letter for each: statements are made ready for parameters of these kinds.
  [[nodiscard]] const std::string& kinds() const { return kinds_; }

 private:
  std::vector<std::string> texts_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::string kinds_;
};

/// The types to make a statement ready with, of parameters of such kinds.
[[nodiscard]] std::vector<Oid> types_of(std::string_view kinds);
/// Where a statement takes numbers of `kinds` and would have them as text (`found` are its types), such as in `select
/// $1`, they are the largest of their kind: then true, and `types` say so.
[[nodiscard]] bool numbers_are_numbers(std::string_view kinds, std::span<const Oid> found, std::vector<Oid>& types);

/// A row of a result, borrowed from it. Truth values are the integers 0 and 1; a numeric without a fraction is an
/// integer where it fits, and else a floating point number; types that are none of ours are text as the database writes
/// them.
class RowReader {
 public:
  explicit RowReader(const PGresult* result);
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// Until the next call.
  [[nodiscard]] std::span<const SqlView> row(int number);

 private:
  [[nodiscard]] SqlView cell(int row, int column);

  const PGresult* result_;
  std::vector<std::string> names_;
  std::vector<Oid> types_;
  std::vector<SqlView> cells_;
  std::vector<std::vector<std::byte>> bytes_;  // for each column
};

}  // namespace tidings::stores::postgres
