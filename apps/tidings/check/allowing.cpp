#include "check/allowing.hpp"

#include <algorithm>

#include "tidings/base/strings.hpp"

namespace tidings::check {

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
    auto rules = text.substr(1, close - 1);
    for (bool is_last = false; !is_last;) {
      const auto comma = rules.find(',');
      is_last = comma == std::string_view::npos;
      found.push_back({trimmed(rules.substr(0, comma)), reason, comment.line, comment.last_line, comment.stands_alone});
      if (!is_last) rules.remove_prefix(comma + 1);
    }
  }
  return found;
}

Allowances::Here& Allowances::here(const File& file) {
  const auto [at, is_new] = files_.try_emplace(&file);
  auto& found = at->second;
  if (!is_new) return found;
  found.all = allowances(file);
  found.used.resize(found.all.size());
  for (std::size_t i = 0; i < found.all.size(); ++i) {
    const auto& one = found.all[i];
    if (one.reason.empty()) continue;
    found.lines.emplace(one.line, i);
    if (!one.stands_alone) continue;
    // The next line that has code, other comments between them or not.
    const auto next = std::ranges::upper_bound(file.tokens(), one.last_line, {}, &Token::line);
    if (next != file.tokens().end()) found.lines.emplace(next->line, i);
    const auto include = std::ranges::lower_bound(file.source.includes, one.last_line + 1, {}, &Include::line);
    if (include != file.source.includes.end() && include->line == one.last_line + 1)
      found.lines.emplace(include->line, i);
  }
  return found;
}

bool Allowances::allow(const File& file, std::string_view rule, std::uint32_t line) {
  auto& found = here(file);
  bool is_allowed = false;
  const auto [begin, end] = found.lines.equal_range(line);
  for (auto at = begin; at != end; ++at)
    if (found.all[at->second].rule == rule) found.used[at->second] = is_allowed = true;
  return is_allowed;
}

std::vector<Allowance> Allowances::unused(const File& file) {
  const auto& found = here(file);
  std::vector<Allowance> left;
  for (std::size_t i = 0; i < found.all.size(); ++i)
    if (!found.used[i] && !found.all[i].reason.empty()) left.push_back(found.all[i]);
  return left;
}

}  // namespace tidings::check
