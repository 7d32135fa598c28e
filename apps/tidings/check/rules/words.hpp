#pragma once

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <string_view>

#include "check/rule.hpp"
#include "tidings/base/strings.hpp"

// What several rules ask of words.
namespace tidings::check {

inline bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

/// Whether a text is the beginning of a statement of SQL; `"select "` is, with what is put behind it.
inline bool begins_sql(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\n\r");
  const auto said = in_lower_case(text.substr(std::min(begin, text.size())));
  for (const std::string_view word :
       {"select ", "insert into ", "insert or ", "update ", "delete from ", "replace into ", "merge into "})
    if (said.starts_with(word)) return word != "update " || said.find(" set") != std::string::npos || said.size() < 12;
  return false;
}

inline std::string quoted(std::string_view word) {
  return "'" + std::string(word) + "'";
}

/// `handler 'reserve-stock'`.
inline std::string name_of(const Handler& handler) {
  if (!handler.name.empty()) return "handler " + quoted(handler.name);
  return handler.kind == HandlerKind::service ? "a handler" : "a subscriber of the bus";
}

/// For each project.
template <class F>
void each(const Workspace& workspace, F&& f) {
  for (const auto& one : workspace.projects) f(*one->project, one->code, one->facts);
}

}  // namespace tidings::check
