#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "event/eight_bytes.hpp"

// Texts of a document whose tokens were found: they are UTF-8, closed, and without control characters, and behind the
// document stands padding.

namespace tidings {

static_assert(std::endian::native == std::endian::little, "the first of eight bytes is their lowest");

#if defined(__SSE2__)
inline constexpr std::size_t special_step = 16;
/// Where the first quote or backslash stands in the next `special_step` bytes, which is their number if nowhere.
inline std::size_t find_special(const char* at) {
  const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const auto found =
      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  return static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(_mm_movemask_epi8(found)) | 0x10000U));
}
#else
inline constexpr std::size_t special_step = 8;
inline std::size_t find_special(const char* at) {
  const auto eight = eight_bytes(at);
  const auto found = zero_bytes(eight ^ every_byte('"')) | zero_bytes(eight ^ every_byte('\\'));
  return static_cast<std::size_t>(std::countr_zero(found)) / 8;
}
#endif

/// The text up to the next quote; no data where a backslash stands before it.
inline std::string_view until_quote(const char* begin) {
  for (const char* at = begin;; at += special_step) {
    const auto found = find_special(at);
    if (found == special_step) continue;
    const char* const end = at + found;
    if (*end == '"') return {begin, static_cast<std::size_t>(end - begin)};
    return {};
  }
}

/// `out = text` for a text with padding behind it. Short texts are copied without a look at how long they are, which no
/// processor could foresee.
inline void assign_padded(std::string& out, std::string_view text) {
  constexpr std::size_t in_place = 15;  // what a string holds without an allocation
  if (text.size() > in_place) {
    out.assign(text);
    return;
  }
  out.resize_and_overwrite(in_place, [&](char* to, std::size_t) {
    std::memcpy(to, text.data(), in_place);
    return text.size();
  });
}

/// Puts the text up to the next quote, unescaped, into `out`, which may be null. False where an escape is wrong:
/// unknown, or half of a surrogate pair.
bool unescape_json(const char* begin, std::string* out);

}  // namespace tidings
