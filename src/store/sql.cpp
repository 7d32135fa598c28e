#include "tidings/store/sql.hpp"

#include <algorithm>
#include <array>

#include "tidings/base/text.hpp"

namespace tidings {

std::string_view sql_kind(const SqlView& value) {
  static constexpr std::array<std::string_view, 5> kinds{"null", "an integer", "a floating point number", "text",
                                                         "bytes"};
  return kinds.at(value.index());
}

namespace detail {

Error wrong_cell(std::string_view column, const SqlView& cell, std::string_view wanted) {
  const auto name = "column '" + printable(column) + "' ";
  if (std::holds_alternative<std::monostate>(cell))
    return {"null_value", name + "is null; read it into a std::optional, or exclude it in the query"};
  if (wanted.empty()) return {"out_of_range", name + "has a number that its member cannot hold; take a larger type"};
  return {"wrong_type", name + "has " + std::string(sql_kind(cell)) + ", and " + std::string(wanted) + " is read"};
}

Result<std::vector<std::size_t>> find_columns(std::span<const std::string_view> members,
                                              std::span<const std::string> columns) {
  std::vector<std::size_t> places;
  for (const auto& member : members) {
    const auto found = std::ranges::find(columns, member);
    if (found == columns.end()) {
      std::string all;
      for (const auto& column : columns) all += (all.empty() ? "" : ", ") + printable(column);
      return Error{"no_column",
                   "the query gives no column '" + std::string(member) + "', only " + all + "; name it so with `as`"};
    }
    places.push_back(static_cast<std::size_t>(found - columns.begin()));
  }
  return places;
}

}  // namespace detail
}  // namespace tidings
