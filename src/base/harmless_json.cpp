#include "tidings/base/harmless_json.hpp"

#include <cstdint>
#include <cstdio>

#include "tidings/base/text.hpp"

namespace tidings {

std::string harmless_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    const auto byte = static_cast<std::uint8_t>(json[i]);
    if (byte >= 0x20 && byte < 0x7f) {
      out += json[i++];
      continue;
    }
    // What is not ASCII stands inside a text, where JSON allows it escaped.
    const std::size_t size = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    const auto character = json.substr(i, size);
    i += character.size();
    if (byte == '\t' || byte == '\n' || printable(character) == character) {
      out += character;
      continue;
    }
    std::uint32_t value = byte & (size == 1 ? 0x7fU : 0x7fU >> size);
    for (const char next : character.substr(1)) value = value << 6 | (static_cast<std::uint8_t>(next) & 0x3fU);
    char escape[16];
    if (value > 0xffff)
      std::snprintf(escape, sizeof escape, "\\u%04X\\u%04X", 0xd7c0U + (value >> 10), 0xdc00U + (value & 0x3ffU));
    else
      std::snprintf(escape, sizeof escape, "\\u%04X", value);
    out += escape;
  }
  return out;
}

}  // namespace tidings
