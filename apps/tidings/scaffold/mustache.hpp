#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"

namespace tidings::scaffold {

/// What tags stand for. A name may have one dot: `has.outbox`.
struct TagValues {
  std::map<std::string, std::string> texts;
  std::map<std::string, bool> truths;
  std::map<std::string, std::vector<std::map<std::string, std::string>>> lists;
};

/// Mustache with `<%` and `%>`, and nothing escaped, since C++ and GitHub have `{{` of their own. Error
/// `invalid_capability` (never), with `where`.
[[nodiscard]] Result<std::string> fill(std::string_view text, const TagValues& values, const std::string& where);

}  // namespace tidings::scaffold
