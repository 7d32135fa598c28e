#include "event/json_text.hpp"

#include <cstdint>
#include <optional>

namespace tidings {
namespace {

/// The four hexadecimal digits at `at`. The quote that closes the text ends them in time.
std::optional<std::uint32_t> code_unit(const char* at) {
  std::uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    unit = unit << 4 | static_cast<std::uint32_t>(digit);
  }
  return unit;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

/// The code point that is written from the `u` of its escape on; `at` moves behind it.
std::optional<std::uint32_t> code_point(const char*& at) {
  const auto unit = code_unit(at + 1);
  if (!unit) return std::nullopt;
  at += 5;
  if (*unit < 0xd800 || *unit > 0xdfff) return unit;
  if (*unit > 0xdbff || at[0] != '\\' || at[1] != 'u') return std::nullopt;
  const auto low = code_unit(at + 2);
  if (!low || *low < 0xdc00 || *low > 0xdfff) return std::nullopt;
  at += 6;
  return 0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00);
}

}  // namespace

bool unescape_json(const char* begin, std::string* out) {
  if (out != nullptr) out->clear();
  for (const char* at = begin;;) {
    const char* const plain = at;
    while (*at != '"' && *at != '\\') ++at;
    if (out != nullptr) out->append(plain, at);
    if (*at == '"') return true;
    ++at;
    std::uint32_t point = 0;
    switch (*at) {
      case '"':
      case '\\':
      case '/':
        point = static_cast<unsigned char>(*at++);
        break;
      case 'b':
        point = '\b', ++at;
        break;
      case 'f':
        point = '\f', ++at;
        break;
      case 'n':
        point = '\n', ++at;
        break;
      case 'r':
        point = '\r', ++at;
        break;
      case 't':
        point = '\t', ++at;
        break;
      case 'u': {
        const auto coded = code_point(at);
        if (!coded) return false;
        point = *coded;
        break;
      }
      default:
        return false;
    }
    if (out != nullptr) append_utf8(*out, point);
  }
}

}  // namespace tidings
