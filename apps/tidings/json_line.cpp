#include "json_line.hpp"

#include "tidings/base/text.hpp"

namespace tidings::cli {

namespace {

/// How many bytes the character at the beginning takes; 0: it is none.
std::size_t character_size(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(4, text.size()); ++size)
    if (is_utf8(text.substr(0, size))) return size;
  return 0;
}

}  // namespace

std::string well_formed(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const auto size = character_size(text);
    out += size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

std::string json_text(std::string_view text) {
  std::string out;
  append_json_string(out, well_formed(text));
  return out;
}

}  // namespace tidings::cli
