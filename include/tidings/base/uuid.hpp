#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tidings/base/clock.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings {

/// A UUID (RFC 9562).
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] std::string to_string() const;                            ///< 36 characters, lower case
  void write_to(std::span<char, 36> text) const;                          ///< the same, in place
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text);  ///< nullopt where it is no UUID

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

/// A new UUIDv7: milliseconds of `clock`, then a counter within the millisecond, then random bits, so that the ids of
/// one process ascend in the order of their making. Thread-safe if its arguments are.
[[nodiscard]] Uuid make_uuid_v7(Clock& clock = system_clock(), Entropy& entropy = system_entropy());
/// The same, where the time has been read already.
[[nodiscard]] Uuid make_uuid_v7(TimePoint now, Entropy& entropy);

}  // namespace tidings
