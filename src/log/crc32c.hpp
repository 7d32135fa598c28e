#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tidings::log {

/// CRC-32C (Castagnoli, RFC 3720), continued from `seed` (0 to begin). By the processor's instruction where it has one.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed = 0);

/// The same without the instruction, for machines that lack it and for the test that compares both.
[[nodiscard]] std::uint32_t crc32c_table(std::span<const std::byte> bytes, std::uint32_t seed = 0);

}  // namespace tidings::log
