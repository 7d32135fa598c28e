#include "brokers/kafka/murmur2.hpp"

namespace tidings::brokers::kafka {

std::uint32_t murmur2(std::string_view key) {
  constexpr std::uint32_t seed = 0x9747b28c;
  constexpr std::uint32_t m = 0x5bd1e995;
  const auto byte = [&](std::size_t index) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(key[index]));
  };
  auto hash = seed ^ static_cast<std::uint32_t>(key.size());
  std::size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    auto k = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
    k *= m;
    k ^= k >> 24;
    k *= m;
    hash = (hash * m) ^ k;
  }
  const auto rest = key.size() - at;
  if (rest == 3) hash ^= byte(at + 2) << 16;
  if (rest >= 2) hash ^= byte(at + 1) << 8;
  if (rest >= 1) hash = (hash ^ byte(at)) * m;
  hash ^= hash >> 13;
  hash *= m;
  hash ^= hash >> 15;
  return hash & 0x7fffffff;
}

}  // namespace tidings::brokers::kafka
