#include "check/cmake.hpp"

#include <cctype>
#include <cstdint>

namespace tidings::check {

namespace {

/// `[==[ … ]==]`: where it ends, and what stands in it; 0 where none begins.
std::size_t bracket_end(std::string_view text, std::size_t at, std::size_t& content) {
  auto i = at + 1;
  while (i < text.size() && text[i] == '=') ++i;
  if (i >= text.size() || text[i] != '[') return 0;
  const auto closing = "]" + std::string(i - at - 1, '=') + "]";
  content = i + 1;
  const auto found = text.find(closing, content);
  return found == std::string_view::npos ? text.size() : found + closing.size();
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

}  // namespace

std::vector<CMakeCommand> read_cmake(std::string_view text) {
  std::vector<CMakeCommand> commands;
  std::uint32_t line = 1;
  std::size_t depth = 0;
  std::string name;
  std::uint32_t name_line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::size_t content = 0;
    if (c == '\n') {
      ++line, ++at;
    } else if (c == '#') {
      auto end = at + 1 < text.size() && text[at + 1] == '[' ? bracket_end(text, at + 1, content) : 0;
      if (end == 0) end = std::min(text.find('\n', at), text.size());
      for (; at < end; ++at) line += text[at] == '\n' ? 1 : 0;
    } else if (c == '(') {
      if (depth++ == 0) {
        for (auto& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
        commands.push_back({name, {}, name_line});
      }
      ++at;
    } else if (c == ')') {
      if (depth > 0) --depth;
      name.clear();
      ++at;
    } else if (c == '"' && depth > 0) {
      std::string word;
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        line += text[at] == '\n' ? 1 : 0;
        word += text[at];
      }
      if (at < text.size()) ++at;
      if (!commands.empty()) commands.back().words.push_back(std::move(word));
    } else if (const auto end = c == '[' && depth > 0 ? bracket_end(text, at, content) : 0; end != 0) {
      for (; at < end; ++at) line += text[at] == '\n' ? 1 : 0;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == ';') {
      ++at;
    } else if (depth == 0) {
      name.clear();
      name_line = line;
      while (at < text.size() && is_word(text[at])) name += text[at++];
      if (name.empty()) ++at;
    } else {
      std::string word;
      while (at < text.size()) {
        const char one = text[at];
        if (one == ' ' || one == '\t' || one == '\r' || one == '\n' || one == ';' || one == '(' || one == ')' ||
            one == '#' || one == '"')
          break;
        word += one;
        ++at;
      }
      if (word.empty()) ++at;
      if (!commands.empty()) commands.back().words.push_back(std::move(word));
    }
  }
  return commands;
}

}  // namespace tidings::check
