#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/event/detail/is_optional.hpp"
#include "tidings/event/reflect.hpp"

/// Values on their way to a database and back: null, integers, floating point numbers, text, bytes. What else a program
/// has, it writes as one of these.
namespace tidings {

/// A value as a database has it, borrowed: a parameter for the call, a cell for the row.
using SqlView = std::variant<std::monostate, std::int64_t, double, std::string_view, std::span<const std::byte>>;

/// What `value` is called in messages: `an integer`, `null`.
[[nodiscard]] std::string_view sql_kind(const SqlView& value);

namespace detail {

template <class T>
concept SqlText = std::convertible_to<const T&, std::string_view>;
template <class T>
concept SqlBytes = std::convertible_to<const T&, std::span<const std::byte>>;
template <class T>
concept SqlScalar = std::is_arithmetic_v<T> || SqlText<T> || SqlBytes<T>;
template <class T>
concept SqlParameter =
    SqlScalar<T> || std::same_as<T, std::nullopt_t> || (is_optional<T> && SqlScalar<typename T::value_type>);

/// Error `out_of_range` for an integer that a database does not have.
template <class T>
Result<SqlView> to_sql(const T& value) {
  if constexpr (std::same_as<T, std::nullopt_t>) {
    return SqlView{};
  } else if constexpr (is_optional<T>) {
    return value ? to_sql(*value) : SqlView{};
  } else if constexpr (std::is_floating_point_v<T>) {
    return SqlView(static_cast<double>(value));
  } else if constexpr (std::is_integral_v<T>) {
    if (!std::in_range<std::int64_t>(value + 0))
      return Error{"out_of_range", std::to_string(value) + " is above what a database has as an integer"};
    return SqlView(static_cast<std::int64_t>(value));
  } else if constexpr (SqlText<T>) {
    return SqlView(std::string_view(value));
  } else {
    return SqlView(std::span<const std::byte>(value));
  }
}

/// The error of a cell that is not what the program wants.
[[nodiscard]] Error wrong_cell(std::string_view column, const SqlView& cell, std::string_view wanted);

/// Errors (never): `null_value`, `wrong_type`, `out_of_range`.
template <class T>
Result<> from_sql(std::string_view column, const SqlView& cell, T& into) {
  if constexpr (is_optional<T>) {
    if (std::holds_alternative<std::monostate>(cell)) {
      into.reset();
      return {};
    }
    return from_sql(column, cell, into.emplace());
  } else if constexpr (std::same_as<T, bool>) {
    const auto* const number = std::get_if<std::int64_t>(&cell);
    if (number == nullptr || (*number != 0 && *number != 1)) return wrong_cell(column, cell, "a truth value");
    into = *number == 1;
  } else if constexpr (std::is_integral_v<T>) {
    const auto* const number = std::get_if<std::int64_t>(&cell);
    if (number == nullptr) return wrong_cell(column, cell, "an integer");
    if (!std::in_range<T>(*number)) return wrong_cell(column, cell, "");
    into = static_cast<T>(*number);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (const auto* const whole = std::get_if<std::int64_t>(&cell))
      into = static_cast<T>(*whole);
    else if (const auto* const number = std::get_if<double>(&cell))
      into = static_cast<T>(*number);
    else
      return wrong_cell(column, cell, "a number");
  } else if constexpr (std::same_as<T, std::string>) {
    const auto* const text = std::get_if<std::string_view>(&cell);
    if (text == nullptr) return wrong_cell(column, cell, "text");
    into.assign(*text);
  } else {
    static_assert(
        std::same_as<T, std::vector<std::byte>>,
        "tidings: a column is read into a number, bool, std::string, std::vector<std::byte>, or an optional of "
        "these");
    const auto* const bytes = std::get_if<std::span<const std::byte>>(&cell);
    if (bytes == nullptr) return wrong_cell(column, cell, "bytes");
    into.assign(bytes->begin(), bytes->end());
  }
  return {};
}

/// Where each member of a row stands among the columns. Error `no_column` (never) where one does not.
[[nodiscard]] Result<std::vector<std::size_t>> find_columns(std::span<const std::string_view> members,
                                                            std::span<const std::string> columns);

/// Takes rows as they come.
class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Once, before the first row; also where there is none.
  virtual Result<> columns(std::span<const std::string> names) = 0;
  virtual Result<> row(std::span<const SqlView> cells) = 0;
};

/// Rows as values: of a struct by its members' names, of anything else the only column.
template <class Row>
class Rows final : public RowSink {
 public:
  Result<> columns(std::span<const std::string> names) override {
    names_.assign(names.begin(), names.end());
    if constexpr (PlainStruct<Row>) {
      auto found = find_columns(member_names<Row>, names_);
      if (!found) return found.error();
      places_ = std::move(*found);
    } else if (names_.size() != 1) {
      return Error{"wrong_columns", "the query gives " + std::to_string(names_.size()) +
                                        " columns, and one value is read; name a struct with those members"};
    }
    return {};
  }
  Result<> row(std::span<const SqlView> cells) override {
    Row into{};  // not in its place: a vector of truth values has no references
    Result<> read;
    if constexpr (PlainStruct<Row>) {
      std::size_t at = 0;
      const auto one = [&](auto& member) {
        if (read) read = from_sql(names_[places_[at]], cells[places_[at]], member);
        ++at;
      };
      with_members(into, [&](auto&... members) { (one(members), ...); });
    } else {
      read = from_sql(names_[0], cells[0], into);
    }
    rows_.push_back(std::move(into));
    return read;
  }
  std::vector<Row> take() && { return std::move(rows_); }

 private:
  std::vector<std::string> names_;
  std::vector<std::size_t> places_;
  std::vector<Row> rows_;
};

}  // namespace detail
}  // namespace tidings
