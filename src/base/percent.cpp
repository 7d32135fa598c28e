#include "tidings/base/percent.hpp"

namespace tidings {

namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The byte that `%NN` at `index` is, or none.
std::optional<char> byte_at(std::string_view text, std::size_t index) {
  if (index + 2 >= text.size() || digit(text[index + 1]) < 0 || digit(text[index + 2]) < 0) return std::nullopt;
  return static_cast<char>(digit(text[index + 1]) * 16 + digit(text[index + 2]));
}

}  // namespace

std::string percent_encoded(std::string_view text, std::string_view also) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && c != '"' && c != '%' && also.find(c) == also.npos) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t index = 0; index < text.size(); ++index) {
    const auto byte = text[index] == '%' ? byte_at(text, index) : std::nullopt;
    out += byte.value_or(text[index]);
    if (byte) index += 2;
  }
  return out;
}

std::optional<std::string> percent_decoded_strictly(std::string_view text) {
  for (std::size_t index = 0; index < text.size(); ++index)
    if (text[index] == '%' && byte_at(text, index).value_or('\0') == '\0') return std::nullopt;
  return percent_decoded(text);
}

}  // namespace tidings
