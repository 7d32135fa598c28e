#pragma once

#include <cstdint>
#include <cstring>

// Eight bytes of a text looked at as one number.

namespace tidings {

inline std::uint64_t eight_bytes(const char* from) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, from, 8);
  return eight;
}

constexpr std::uint64_t every_byte(std::uint8_t byte) {
  return byte * 0x0101010101010101ULL;
}

/// The top bit of each byte that is zero, and perhaps of bytes above the lowest one that is.
constexpr std::uint64_t zero_bytes(std::uint64_t eight) {
  return (eight - every_byte(1)) & ~eight & every_byte(0x80);
}

}  // namespace tidings
