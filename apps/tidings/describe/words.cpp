#include "describe/words.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"

namespace tidings::cli {

namespace {

constexpr std::size_t columns = 80;

/// Columns that well-formed UTF-8 takes; wide characters count once.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string listed(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all.append(all.empty() ? "" : ", ").append(printable(word));
  return all;
}

std::string wrapped(std::string_view first, std::string_view text, std::size_t indent) {
  std::string out(first);
  auto at = width_of(first);
  const auto hang = indent == 0 ? at : indent;
  bool is_line_empty = true;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(' ', begin), text.size());
    const auto word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    if (!is_line_empty && at + 1 + width_of(word) > columns) {
      out += "\n" + std::string(hang, ' ');
      at = hang;
      is_line_empty = true;
    }
    if (!is_line_empty) out += ' ';
    out += word;
    at += width_of(word) + (is_line_empty ? 0 : 1);
    is_line_empty = false;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out + "\n";
}

std::string plain_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool is_plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.';
    out += is_plain ? c : '_';
  }
  return out.empty() ? "_" : out;
}

}  // namespace tidings::cli
