#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"

namespace tidings::cli {

/// A JSON value whose shape is not known beforehand, as schemas are. Members keep their order.
struct JsonTree {
  enum class Kind { object, array, text, other };
  Kind kind = Kind::other;
  std::string scalar;  ///< of a text what it says, of a number or literal how it is written
  std::vector<std::pair<std::string, JsonTree>> members;
  std::vector<JsonTree> items;

  [[nodiscard]] const JsonTree* find(std::string_view member) const;
};

/// Errors (never): those of `check_json`.
[[nodiscard]] Result<JsonTree> parse_json_tree(std::string_view document);
/// On one line.
[[nodiscard]] std::string to_json(const JsonTree& tree);

}  // namespace tidings::cli
