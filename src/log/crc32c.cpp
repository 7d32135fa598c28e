#include "log/crc32c.hpp"

#include <array>
#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
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
__attribute__((target("sse4.2"))) std::uint32_t crc32c_hardware(std::span<const std::byte> bytes, std::uint32_t seed) {
  std::uint64_t crc = ~seed;
  const auto* at = bytes.data();
  auto left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  for (; left > 0; ++at, --left) crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<unsigned char>(*at));
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
  if (__builtin_cpu_supports("sse4.2")) best = crc32c_hardware;
#endif
  chosen.store(best, std::memory_order_relaxed);
  return best(bytes, seed);
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed) {
  return chosen.load(std::memory_order_relaxed)(bytes, seed);
}

}  // namespace tidings::log
