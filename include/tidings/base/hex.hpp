#pragma once

#include <cstdint>
#include <cstring>

namespace tidings {

/// Eight digits, lower case.
inline void write_hex(char* out, std::uint32_t number) {
  // A digit a byte, the first lowest; all are made letters at once: from 10 on they stand 39 behind the digits.
  std::uint64_t digits = __builtin_bswap32(number);
  digits = (digits | digits << 16) & 0x0000ffff0000ffff;
  digits = (digits | digits << 8) & 0x00ff00ff00ff00ff;
  digits = (digits >> 4 & 0x000f000f000f000f) | (digits & 0x000f000f000f000f) << 8;
  const std::uint64_t above_nine = (digits + 0x0606060606060606) >> 4 & 0x0101010101010101;
  digits += 0x3030303030303030 + above_nine * 39;
  std::memcpy(out, &digits, sizeof digits);
}
/// Sixteen.
inline void write_hex(char* out, std::uint64_t number) {
  write_hex(out, static_cast<std::uint32_t>(number >> 32));
  write_hex(out + 8, static_cast<std::uint32_t>(number));
}

}  // namespace tidings
