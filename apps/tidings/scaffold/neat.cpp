#include "scaffold/neat.hpp"

#include <algorithm>

namespace tidings::scaffold {

namespace {

void sort_includes(std::vector<std::string>& lines) {
  const auto is_include = [](const std::string& line) { return line.starts_with("#include "); };
  for (auto begin = std::ranges::find_if(lines, is_include); begin != lines.end();) {
    auto end = std::find_if_not(begin, lines.end(), is_include);
    std::sort(begin, end);
    end = lines.erase(std::unique(begin, end), end);
    begin = std::find_if(end, lines.end(), is_include);
  }
}

}  // namespace

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string neat(std::string_view text, bool is_cpp) {
  std::vector<std::string> kept;
  for (auto& line : lines_of(text)) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty() && (kept.empty() || kept.back().empty())) continue;
    const bool closes = is_cpp && line.find_first_not_of(' ') != std::string::npos &&
                        line[line.find_first_not_of(' ')] == '}' && !line.contains("namespace");
    if (closes && !kept.empty() && kept.back().empty()) kept.pop_back();
    kept.push_back(std::move(line));
  }
  while (!kept.empty() && kept.back().empty()) kept.pop_back();
  if (is_cpp) sort_includes(kept);
  std::string out;
  for (const auto& line : kept) out += line + "\n";
  return out;
}

}  // namespace tidings::scaffold
