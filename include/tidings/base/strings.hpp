#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What is done with short texts everywhere. Views that come back are parts of what was given. Thread-safe.
namespace tidings {

/// What `text` begins with, `bytes_max` bytes at most, and never a part of a character of UTF-8. Of what is no UTF-8
/// it takes less rather than more, down to nothing.
[[nodiscard]] constexpr std::string_view cut_at_character(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.size() <= bytes_max) return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

/// Without `blanks` at both ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n") noexcept {
  const auto begin = text.find_first_not_of(blanks);
  return begin == text.npos ? std::string_view{} : text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// A to Z in lower case, and nothing else changed, whatever the locale is.
[[nodiscard]] constexpr std::string in_lower_case(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace tidings
