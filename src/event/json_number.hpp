#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "event/eight_bytes.hpp"

namespace tidings {

/// The digits that an integer begins with, without a sign.
struct JsonDigits {
  std::uint64_t value = 0;
  const char* end = nullptr;  ///< Behind the last digit; no data where there is none, a 0 before another, or too many.
};

/// Eight at a time, as the length of numbers is nothing that a processor could foresee. May read 8 bytes behind them.
inline JsonDigits json_digits(const char* begin) {
  const auto eight = eight_bytes(begin) ^ every_byte('0');
  // The top bit of each byte that is above 9, and perhaps of bytes above the lowest one that is.
  const auto others = (eight | (eight + every_byte(0x80 - 10))) & every_byte(0x80);
  const unsigned count = others == 0 ? 8 : static_cast<unsigned>(std::countr_zero(others)) / 8;
  if (count == 0 || (*begin == '0' && (count > 1))) return {};
  // Zeros before the first: then pairs, fours and all eight digits are added up at once.
  auto value = eight << (8 - count) * 8;
  value = value * 10 + (value >> 8);
  value =
      ((value & 0x000000ff000000ff) * 0x000f424000000064 + (value >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
      32;
  const char* end = begin + count;
  if (count == 8) {
    for (; *end >= '0' && *end <= '9'; ++end) {
      if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
          __builtin_add_overflow(value, static_cast<std::uint64_t>(*end - '0'), &value))
        return {};
    }
  }
  return {value, end};
}

/// Whether the text is a number by the grammar of RFC 8259, so that 01 or 1. do not pass.
bool is_json_number(std::string_view text);

/// The nearest double to a text that is a number; nothing where it is out of range. What is too small is 0.
std::optional<double> json_double(std::string_view number);

}  // namespace tidings
