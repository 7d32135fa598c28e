#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"

namespace tidings::scaffold {

/// A tag of a template, `<%#has.outbox%>`.
struct Tag {
  char kind = ' ';  ///< '#', '^', '/', or ' ' for a variable
  std::string name;
  std::size_t line = 1;
};

/// All of them, in order. Error `invalid_capability` with `where` and the line: one that is not closed, sections that
/// do not end.
[[nodiscard]] Result<std::vector<Tag>> tags_of(std::string_view text, const std::string& where);

}  // namespace tidings::scaffold
