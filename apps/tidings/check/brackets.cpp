#include <algorithm>
#include <array>

#include "check/structure.hpp"

namespace tidings::check {

namespace {

constexpr std::uint32_t angles_max = 400;  // no list of template arguments is longer than so many tokens

constexpr auto keywords = std::to_array<std::string_view>({"alignas",
                                                           "alignof",
                                                           "and",
                                                           "asm",
                                                           "auto",
                                                           "bool",
                                                           "break",
                                                           "case",
                                                           "catch",
                                                           "char",
                                                           "class",
                                                           "co_await",
                                                           "co_return",
                                                           "co_yield",
                                                           "const",
                                                           "const_cast",
                                                           "consteval",
                                                           "constexpr",
                                                           "constinit",
                                                           "continue",
                                                           "decltype",
                                                           "default",
                                                           "delete",
                                                           "do",
                                                           "double",
                                                           "dynamic_cast",
                                                           "else",
                                                           "enum",
                                                           "explicit",
                                                           "export",
                                                           "extern",
                                                           "false",
                                                           "float",
                                                           "for",
                                                           "friend",
                                                           "goto",
                                                           "if",
                                                           "inline",
                                                           "int",
                                                           "long",
                                                           "mutable",
                                                           "namespace",
                                                           "new",
                                                           "noexcept",
                                                           "not",
                                                           "nullptr",
                                                           "operator",
                                                           "or",
                                                           "private",
                                                           "protected",
                                                           "public",
                                                           "register",
                                                           "reinterpret_cast",
                                                           "requires",
                                                           "return",
                                                           "short",
                                                           "signed",
                                                           "sizeof",
                                                           "static",
                                                           "static_assert",
                                                           "static_cast",
                                                           "struct",
                                                           "switch",
                                                           "template",
                                                           "this",
                                                           "thread_local",
                                                           "throw",
                                                           "true",
                                                           "try",
                                                           "typedef",
                                                           "typeid",
                                                           "typename",
                                                           "union",
                                                           "unsigned",
                                                           "using",
                                                           "virtual",
                                                           "void",
                                                           "volatile",
                                                           "while"});
static_assert(std::ranges::is_sorted(keywords));

}  // namespace

bool is_keyword(std::string_view word) {
  return std::ranges::binary_search(keywords, word);
}

bool is_type_word(std::string_view word) {
  for (const std::string_view one :
       {"auto", "bool", "char", "double", "float", "int", "long", "short", "signed", "unsigned", "void"})
    if (word == one) return true;
  return false;
}

std::vector<std::uint32_t> match_brackets(const std::vector<Token>& tokens) {
  std::vector<std::uint32_t> match(tokens.size(), none);
  std::vector<std::uint32_t> open;
  for (std::uint32_t at = 0; at < tokens.size(); ++at) {
    if (tokens[at].kind != TokenKind::punctuator || tokens[at].text.size() != 1) continue;
    const char c = tokens[at].text[0];
    if (c == '(' || c == '[' || c == '{') open.push_back(at);
    if (c != ')' && c != ']' && c != '}') continue;
    const char wanted = c == ')' ? '(' : c == ']' ? '[' : '{';
    // What is open within has no end. A brace ends it; a stray ')' does not reach over braces.
    while (!open.empty() && tokens[open.back()].text[0] != wanted && (c == '}' || tokens[open.back()].text[0] != '{'))
      open.pop_back();
    if (open.empty() || tokens[open.back()].text[0] != wanted) continue;
    match[at] = open.back();
    match[open.back()] = at;
    open.pop_back();
  }
  return match;
}

std::uint32_t behind_angles(const std::vector<Token>& tokens, const std::vector<std::uint32_t>& match, std::uint32_t at,
                            std::uint32_t end) {
  std::uint32_t depth = 0;
  const auto last = std::min(end, at + angles_max);
  for (auto i = at; i < last; ++i) {
    const auto& token = tokens[i];
    if (token.kind != TokenKind::punctuator) continue;
    if (token.text == "<") {
      ++depth;
    } else if (token.text == ">") {
      if (--depth == 0) return i + 1;
    } else if (token.text == "(" || token.text == "[" || token.text == "{") {
      if (match[i] == none || match[i] >= last) return none;
      i = match[i];
    } else if (token.text == ";" || token.text == ")" || token.text == "]" || token.text == "}" || token.text == "||") {
      return none;
    } else if (token.text == "&&") {
      if (i + 1 >= last || !(tokens[i + 1].is(">") || tokens[i + 1].is(",") || tokens[i + 1].is("..."))) return none;
    }
  }
  return none;
}

std::vector<Range> split(const std::vector<Token>& tokens, const std::vector<std::uint32_t>& match, Range range) {
  std::vector<Range> parts;
  if (range.empty()) return parts;
  auto begin = range.begin;
  for (auto i = range.begin; i < range.end; ++i) {
    const auto& token = tokens[i];
    if (token.kind != TokenKind::punctuator) continue;
    if (token.text == "(" || token.text == "[" || token.text == "{") {
      if (match[i] != none && match[i] < range.end) i = match[i];
    } else if (token.text == "<" && i > range.begin && tokens[i - 1].is_identifier()) {
      const auto behind = behind_angles(tokens, match, i, range.end);
      if (behind != none) i = behind - 1;
    } else if (token.text == ",") {
      parts.push_back({begin, i});
      begin = i + 1;
    }
  }
  parts.push_back({begin, range.end});
  return parts;
}

}  // namespace tidings::check
