#include "tidings/base/uuid.hpp"

#include <atomic>
#include <cstring>

#include "tidings/base/hex.hpp"

namespace tidings {

void Uuid::write_to(std::span<char, 36> text) const {
  const auto two = [this](std::size_t at) { return static_cast<std::uint32_t>(bytes[at] << 8 | bytes[at + 1]); };
  const auto put = [&](std::size_t byte, std::size_t at) {
    write_hex(text.data() + at, two(byte) << 16 | two(byte + 2));
  };
  put(0, 0);
  put(4, 9);
  std::memmove(text.data() + 14, text.data() + 13, 4);
  put(8, 19);
  std::memmove(text.data() + 24, text.data() + 23, 4);
  put(12, 28);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text[at] = '-';
}

std::string Uuid::to_string() const {
  std::array<char, 36> text;
  write_to(text);
  return {text.data(), text.size()};
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  Uuid uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') return std::nullopt;
    const int high = digit(text[at++]), low = digit(text[at++]);
    if (high < 0 || low < 0) return std::nullopt;
    uuid.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return uuid;
}

Uuid make_uuid_v7(Clock& clock, Entropy& entropy) {
  return make_uuid_v7(clock.now(), entropy);
}

Uuid make_uuid_v7(TimePoint now, Entropy& entropy) {
  // RFC 9562, 6.2, method 1: 48 bits of milliseconds and a 12-bit counter in one word that only ascends; a full counter
  // borrows from the next millisecond, as does a clock that went back.
  static std::atomic<std::uint64_t> last{0};
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
  const auto wanted = static_cast<std::uint64_t>(ms) << 12;
  auto seen = last.load(std::memory_order_relaxed);
  std::uint64_t stamp = 0;
  do {
    // Far behind means that another clock (a test's) was used before: do not carry its time along.
    stamp = wanted > seen || seen - wanted > (std::uint64_t{60'000} << 12) ? wanted : seen + 1;
  } while (!last.compare_exchange_weak(seen, stamp, std::memory_order_relaxed));
  Uuid uuid;
  for (std::size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(stamp >> (52 - 8 * i));
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | (stamp >> 8 & 0x0f));
  uuid.bytes[7] = static_cast<std::uint8_t>(stamp);
  const auto random = entropy.next();
  for (std::size_t i = 0; i < 8; ++i) uuid.bytes[8 + i] = static_cast<std::uint8_t>(random >> (8 * i));
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

}  // namespace tidings
