#include "check/allowing.hpp"

#include <algorithm>

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

Allowances::Lines Allowances::read(const File& file) {
  Lines lines;
  for (const auto& one : allowances(file)) {
    if (one.reason.empty()) continue;
    lines.emplace(one.line, one.rule);
    if (!one.stands_alone) continue;
    // The next line that has code, other comments between them or not.
    const auto next = std::ranges::upper_bound(file.tokens(), one.last_line, {}, &Token::line);
    if (next != file.tokens().end()) lines.emplace(next->line, one.rule);
    const auto include = std::ranges::lower_bound(file.source.includes, one.last_line + 1, {}, &Include::line);
    if (include != file.source.includes.end() && include->line == one.last_line + 1)
      lines.emplace(include->line, one.rule);
  }
  return lines;
}

bool Allowances::allow(const File& file, std::string_view rule, std::uint32_t line) {
  const auto [at, is_new] = files_.try_emplace(&file);
  if (is_new) at->second = read(file);
  const auto [begin, end] = at->second.equal_range(line);
  return std::any_of(begin, end, [&](const auto& one) { return one.second == rule; });
}

}  // namespace tidings::check
