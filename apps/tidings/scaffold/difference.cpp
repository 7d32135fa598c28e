#include "scaffold/difference.hpp"

#include <algorithm>
#include <vector>

#include "scaffold/common_lines.hpp"
#include "scaffold/neat.hpp"

namespace tidings::scaffold {

namespace {

constexpr std::size_t around = 3;  // lines of context

struct Line {
  char kind;  ///< ' ', '-', '+'
  std::string text;
};

std::vector<Line> compare(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<Line> out;
  std::size_t i = 0, j = 0;
  const auto until = [&](std::size_t end_of_a, std::size_t end_of_b) {
    while (i < end_of_a) out.push_back({'-', a[i++]});
    while (j < end_of_b) out.push_back({'+', b[j++]});
  };
  for (const auto& [in_a, in_b] : common_lines(a, b)) {
    until(in_a, in_b);
    out.push_back({' ', a[i++]}), ++j;
  }
  until(a.size(), b.size());
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
