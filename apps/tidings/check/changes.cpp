#include "check/changes.hpp"

#include <algorithm>
#include <charconv>

namespace tidings::check {

namespace {

/// A name as git quotes it: `"b/caf\303\251.cpp"`.
std::string unquoted(std::string_view name) {
  if (!name.starts_with('"')) return std::string(name.substr(0, name.find('\t')));
  std::string out;
  for (std::size_t i = 1; i < name.size() && name[i] != '"'; ++i) {
    if (name[i] != '\\' || i + 1 >= name.size()) {
      out += name[i];
      continue;
    }
    const char c = name[++i];
    if (c >= '0' && c <= '3' && i + 2 < name.size()) {
      out += static_cast<char>((c - '0') * 64 + (name[i + 1] - '0') * 8 + (name[i + 2] - '0'));
      i += 2;
    } else {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
  }
  return out;
}

std::uint32_t number(std::string_view& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(error == std::errc{} ? static_cast<std::size_t>(end - text.data()) : 0);
  return value;
}

}  // namespace

void Changes::add_diff(std::string_view diff) {
  std::string path;
  std::uint32_t skip = 0;  // lines of a hunk, which may look like anything
  while (!diff.empty()) {
    const auto size = std::min(diff.find('\n'), diff.size());
    auto line = diff.substr(0, size);
    diff.remove_prefix(std::min(size + 1, diff.size()));
    if (skip > 0 && (line.starts_with('+') || line.starts_with('-'))) {
      --skip;
      continue;
    }
    if (line.starts_with("+++ ")) {
      path = unquoted(line.substr(4));
      path = path.starts_with("b/") ? path.substr(2) : std::string();
    } else if (line.starts_with("@@ -")) {
      line.remove_prefix(4);
      number(line);
      std::uint32_t old = 1, count = 1;
      if (line.starts_with(',')) line.remove_prefix(1), old = number(line);
      if (!line.starts_with(" +")) continue;
      line.remove_prefix(2);
      const auto first = number(line);
      if (line.starts_with(',')) line.remove_prefix(1), count = number(line);
      skip = old + count;
      if (!path.empty() && count > 0) lines_[path].push_back({first, count});
    }
  }
}

bool Changes::has(const std::string& path, std::uint32_t line) const {
  if (whole_.contains(path)) return true;
  const auto found = lines_.find(path);
  return found != lines_.end() && std::ranges::any_of(found->second, [&](const Lines& one) {
           return line >= one.first && line - one.first < one.count;
         });
}

}  // namespace tidings::check
