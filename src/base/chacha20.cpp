#include "base/chacha20.hpp"

#include <cassert>
#include <cstring>

namespace tidings {
namespace {

/// The same word of four blocks.
using Four [[gnu::vector_size(16)]] = std::uint32_t;

template <int bits>
void rotate(Four& words) {
  words = words << bits | words >> (32 - bits);
}

void quarter_round(Four& a, Four& b, Four& c, Four& d) {
  a += b, d ^= a, rotate<16>(d);
  c += d, b ^= c, rotate<12>(b);
  a += b, d ^= a, rotate<8>(d);
  c += d, b ^= c, rotate<7>(b);
}

constexpr std::size_t blocks_bytes = 4 * 64;

}  // namespace

void chacha20(std::span<const std::uint32_t, 8> key, std::span<const std::uint32_t, 3> nonce, std::uint32_t block,
              std::span<std::byte> out) {
  assert(out.size() % blocks_bytes == 0);
  Four begin[16];
  const auto all = [](std::uint32_t word) { return Four{word, word, word, word}; };
  static constexpr std::uint32_t constants[] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (std::size_t i = 0; i < 4; ++i) begin[i] = all(constants[i]);
  for (std::size_t i = 0; i < 8; ++i) begin[4 + i] = all(key[i]);
  for (std::size_t i = 0; i < 3; ++i) begin[13 + i] = all(nonce[i]);
  for (; !out.empty(); out = out.subspan(blocks_bytes), block += 4) {
    begin[12] = Four{block, block + 1, block + 2, block + 3};
    Four at[16];
    std::memcpy(at, begin, sizeof at);
    for (int round = 0; round < 20; round += 2) {
      for (std::size_t i = 0; i < 4; ++i) quarter_round(at[i], at[4 + i], at[8 + i], at[12 + i]);
      for (std::size_t i = 0; i < 4; ++i)
        quarter_round(at[i], at[4 + (i + 1) % 4], at[8 + (i + 2) % 4], at[12 + (i + 3) % 4]);
    }
    for (std::size_t word = 0; word < 16; ++word) {
      at[word] += begin[word];
      for (std::size_t i = 0; i < 4; ++i) {
        const std::uint32_t one = at[word][i];  // little-endian, as all of the project's machines are
        std::memcpy(out.data() + 64 * i + 4 * word, &one, sizeof one);
      }
    }
  }
}

}  // namespace tidings
