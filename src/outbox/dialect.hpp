#pragma once

#include <concepts>
#include <span>
#include <string>
#include <string_view>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::outbox {

/// A statement of ours in a database's own words. What differs stands behind an `@`:
///
///     @outbox @parts @relays @keys @held @archive @schema    the tables; @outbox_NAME an index of theirs
///     @now @now_ms             the database's clock, as a time and as milliseconds since 1970
///     @later($1)               so many milliseconds after it
///     @ms(COLUMN)              a time as milliseconds since 1970
///     @seconds @micros         the clock as a number: since 2024, since 1970
///     @among($1)               `in` a list of numbers, as `number_list` writes it
///     @each($1)                rows with a column `value`, of a list of numbers or of a JSON array
///     @lock                    the rows that are read stay as they are until the end
///     @skip                    the same, without those that somebody else has locked
///     @id @bytes @time         types of columns
[[nodiscard]] std::string in_dialect(std::string_view statement, SqlDialect dialect, const Tables& tables);

/// For `@among` and `@each`.
template <std::integral Number>
[[nodiscard]] std::string number_list(std::span<const Number> numbers, SqlDialect dialect) {
  std::string list(1, dialect == SqlDialect::sqlite ? '[' : '{');
  for (const auto number : numbers) {
    if (list.size() > 1) list += ',';
    list += std::to_string(number);
  }
  return list += dialect == SqlDialect::sqlite ? ']' : '}';
}

}  // namespace tidings::outbox
