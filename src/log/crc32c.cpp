#include "log/crc32c.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

namespace tidings::log {
namespace {

constexpr auto make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    for (std::size_t t = 1; t < 8; ++t) tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
  return tables;
}
constexpr auto tables = make_tables();

#if defined(__x86_64__)
/// x to the power of 64 n - 33 modulo the polynomial, of n words: what a checksum is multiplied by to go past them. The
/// instruction that reduces the product adds 32, and the product of mirrored polynomials one.
constexpr std::size_t stream_words_min = 8, stream_words_max = 128;
constexpr auto past_words = [] {
  std::array<std::uint32_t, 2 * stream_words_max + 1> powers{};
  std::uint32_t power = 1;  // x to the 31st: the lowest power is the highest bit
  for (std::size_t words = 1; words < powers.size(); ++words) {
    powers[words] = power;
    for (int bit = 0; bit < 64; ++bit) power = power & 1 ? power >> 1 ^ 0x82f63b78U : power >> 1;
  }
  return powers;
}();

__attribute__((target("sse4.2,pclmul"))) inline std::uint64_t go_past(std::uint64_t crc, std::size_t words) {
  const auto product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<std::int64_t>(crc)),
                                            _mm_cvtsi32_si128(static_cast<int>(past_words[words])), 0);
  return _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product)));
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t crc32c_hardware(std::span<const std::byte> bytes,
                                                                       std::uint32_t seed) {
  const auto word_at = [](const std::byte* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, 8);
    return word;
  };
  std::uint64_t crc = ~seed;
  const auto* at = bytes.data();
  auto left = bytes.size();
  // The instruction begins each cycle and takes three: three thirds at once, then put together (Gopal et al.). Short
  // ones are sooner done one after another.
  while (left >= 3 * 8 * stream_words_min) {
    const auto words = std::min(left / 24, stream_words_max);
    const auto* const end = at + 8 * words;
    std::uint64_t second = 0, third = 0;
    for (; at < end; at += 8) {
      crc = _mm_crc32_u64(crc, word_at(at));
      second = _mm_crc32_u64(second, word_at(at + 8 * words));
      third = _mm_crc32_u64(third, word_at(at + 16 * words));
    }
    crc = go_past(crc, 2 * words) ^ go_past(second, words) ^ third;
    at += 16 * words;
    left -= 24 * words;
  }
  for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, word_at(at));
  if ((left & 4) != 0) {
    std::uint32_t half = 0;
    std::memcpy(&half, at, 4);
    crc = _mm_crc32_u32(static_cast<std::uint32_t>(crc), half);
    at += 4;
  }
  for (left &= 3; left > 0; ++at, --left)
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<unsigned char>(*at));
  return ~static_cast<std::uint32_t>(crc);
}
#endif

}  // namespace

std::uint32_t crc32c_table(std::span<const std::byte> bytes, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  const auto* at = bytes.data();
  auto left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {  // slicing by 8 (Kounavis and Berry)
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    word ^= crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][word >> (8 * i) & 0xff];
  }
  for (; left > 0; ++at, --left) crc = crc >> 8 ^ tables[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  return ~crc;
}

namespace {

using Function = std::uint32_t (*)(std::span<const std::byte>, std::uint32_t);

std::uint32_t choose(std::span<const std::byte> bytes, std::uint32_t seed);
/// Which it is, found by the first call; before that also of use to what runs before main().
constinit std::atomic<Function> chosen = choose;

std::uint32_t choose(std::span<const std::byte> bytes, std::uint32_t seed) {
  Function best = crc32c_table;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) best = crc32c_hardware;
#endif
  chosen.store(best, std::memory_order_relaxed);
  return best(bytes, seed);
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed) {
  return chosen.load(std::memory_order_relaxed)(bytes, seed);
}

}  // namespace tidings::log
