#include "brokers/nats/percent.hpp"

namespace tidings::brokers::nats {

namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
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
    if (text[index] == '%' && index + 2 < text.size() && digit(text[index + 1]) >= 0 && digit(text[index + 2]) >= 0) {
      out += static_cast<char>(digit(text[index + 1]) * 16 + digit(text[index + 2]));
      index += 2;
    } else {
      out += text[index];
    }
  }
  return out;
}

}  // namespace tidings::brokers::nats
