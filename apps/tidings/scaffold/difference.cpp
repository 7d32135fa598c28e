#include "scaffold/difference.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "scaffold/neat.hpp"

namespace tidings::scaffold {

namespace {

constexpr std::size_t around = 3;  // lines of context
constexpr std::size_t cells_max = 16'000'000;

struct Line {
  char kind;  ///< ' ', '-', '+'
  std::string text;
};

/// By the longest common subsequence. Of texts too long for that, all of one and then all of the other.
std::vector<Line> compare(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<Line> out;
  const auto width = b.size() + 1;
  if ((a.size() + 1) * width > cells_max) {
    for (const auto& line : a) out.push_back({'-', line});
    for (const auto& line : b) out.push_back({'+', line});
    return out;
  }
  std::vector<std::uint32_t> common((a.size() + 1) * width);
  for (auto i = a.size(); i-- > 0;)
    for (auto j = b.size(); j-- > 0;)
      common[i * width + j] = a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                                           : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j])
      out.push_back({' ', a[i++]}), ++j;
    else if (j == b.size() || (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1]))
      out.push_back({'-', a[i++]});
    else
      out.push_back({'+', b[j++]});
  }
  return out;
}

}  // namespace

std::string difference(const std::string& path, std::string_view before, std::string_view after) {
  if (before == after) return "";
  const auto lines = compare(lines_of(before), lines_of(after));
  std::vector<bool> shown(lines.size());
  for (std::size_t at = 0; at < lines.size(); ++at)
    if (lines[at].kind != ' ')
      for (auto near = at - std::min(at, around); near <= std::min(at + around, lines.size() - 1); ++near)
        shown[near] = true;
  std::string out = "--- " + path + " (yours)\n+++ " + path + " (as it would be)\n";
  std::size_t old_line = 1, new_line = 1;
  for (std::size_t at = 0; at < lines.size();) {
    if (!shown[at]) {
      ++old_line, ++new_line, ++at;
      continue;
    }
    std::string hunk;
    std::size_t old_count = 0, new_count = 0;
    for (; at < lines.size() && shown[at]; ++at) {
      hunk += lines[at].kind + lines[at].text + "\n";
      old_count += lines[at].kind != '+';
      new_count += lines[at].kind != '-';
    }
    out += "@@ -" + std::to_string(old_line) + "," + std::to_string(old_count) + " +" + std::to_string(new_line) + "," +
           std::to_string(new_count) + " @@\n" + hunk;
    old_line += old_count, new_line += new_count;
  }
  return out;
}

}  // namespace tidings::scaffold
