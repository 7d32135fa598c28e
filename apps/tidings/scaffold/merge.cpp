#include "scaffold/merge.hpp"

#include <algorithm>
#include <vector>

#include "scaffold/common_lines.hpp"
#include "scaffold/neat.hpp"

namespace tidings::scaffold {

namespace {

using Lines = std::vector<std::string>;

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

/// For each line of `base` where it stands in `other`.
std::vector<std::size_t> places(const Lines& base, const Lines& other) {
  std::vector<std::size_t> at(base.size(), nowhere);
  for (const auto& [in_base, in_other] : common_lines(base, other)) at[in_base] = in_other;
  return at;
}

Lines part(const Lines& lines, std::size_t begin, std::size_t end) {
  return {lines.begin() + static_cast<std::ptrdiff_t>(begin), lines.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace

Merged merge(std::string_view base_text, std::string_view your_text, std::string_view coming_text) {
  const auto base = lines_of(base_text), yours = lines_of(your_text), coming = lines_of(coming_text);
  const auto in_yours = places(base, yours), in_coming = places(base, coming);
  Merged made;
  std::size_t at = 0, at_yours = 0, at_coming = 0;
  while (at < base.size() || at_yours < yours.size() || at_coming < coming.size()) {
    // Up to the next line that all three have.
    auto end = at;
    while (end < base.size() && (in_yours[end] == nowhere || in_coming[end] == nowhere)) ++end;
    const bool is_last = end == base.size();
    const auto was = part(base, at, end);
    const auto mine = part(yours, at_yours, is_last ? yours.size() : in_yours[end]);
    const auto theirs = part(coming, at_coming, is_last ? coming.size() : in_coming[end]);
    const bool is_conflict = mine != was && theirs != was && mine != theirs;
    made.conflicts += is_conflict;
    for (const auto& line : theirs == was ? mine : theirs) made.text += line + "\n";
    if (is_last) break;
    made.text += base[end] + "\n";
    at = end + 1, at_yours = in_yours[end] + 1, at_coming = in_coming[end] + 1;
  }
  if (!your_text.empty() && !your_text.ends_with('\n') && made.text.ends_with('\n')) made.text.pop_back();
  return made;
}

}  // namespace tidings::scaffold
