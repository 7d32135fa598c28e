#include "check/allowing.hpp"

namespace tidings::check {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n' || text.front() == '\r'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<Allowance> allowances(const File& file) {
  std::vector<Allowance> found;
  for (const auto& comment : file.source.comments) {
    auto text = trimmed(comment.text);
    if (!text.starts_with("tidings:")) continue;
    text = trimmed(text.substr(8));
    if (!text.starts_with("allow")) continue;
    text = trimmed(text.substr(5));
    if (!text.starts_with("(")) continue;
    const auto close = text.find(')');
    if (close == std::string_view::npos) continue;
    auto reason = trimmed(text.substr(close + 1));
    if (reason.starts_with(":")) reason = trimmed(reason.substr(1));
    found.push_back(
        {trimmed(text.substr(1, close - 1)), reason, comment.line, comment.last_line, comment.stands_alone});
  }
  return found;
}

bool is_allowed(const File& file, std::string_view rule, std::uint32_t line) {
  for (const auto& one : allowances(file)) {
    if (one.rule != rule || one.reason.empty()) continue;
    if (one.line == line) return true;
    if (!one.stands_alone) continue;
    // The next line that has code, other comments between them or not.
    std::uint32_t next = 0;
    for (const auto& token : file.tokens())
      if (token.line > one.last_line) {
        next = token.line;
        break;
      }
    if (next == line) return true;
    for (const auto& include : file.source.includes)
      if (include.line == line && line == one.last_line + 1) return true;
  }
  return false;
}

}  // namespace tidings::check
