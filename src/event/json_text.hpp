#pragma once

#include <bit>
#include <string>
#include <string_view>

#include "event/eight_bytes.hpp"

// Texts of a document whose tokens were found: they are UTF-8, closed, and without control characters, and behind the
// document stands padding.

namespace tidings {

static_assert(std::endian::native == std::endian::little, "the first of eight bytes is their lowest");

/// The text up to the next quote; no data where a backslash stands before it.
inline std::string_view until_quote(const char* begin) {
  for (const char* at = begin;; at += 8) {
    const auto eight = eight_bytes(at);
    const auto found = zero_bytes(eight ^ every_byte('"')) | zero_bytes(eight ^ every_byte('\\'));
    if (found == 0) continue;
    const char* const end = at + std::countr_zero(found) / 8;
    if (*end == '"') return {begin, static_cast<std::size_t>(end - begin)};
    return {};
  }
}

/// Puts the text up to the next quote, unescaped, into `out`, which may be null. False where an escape is wrong: unknown,
/// or half of a surrogate pair.
bool unescape_json(const char* begin, std::string* out);

}  // namespace tidings
