#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tidings {

/// A stream of ChaCha20 (RFC 8439): the blocks of `key` and `nonce` from number `block` on. Fills all of `out`, whose
/// size is a multiple of 256 bytes: four blocks are made at once.
void chacha20(std::span<const std::uint32_t, 8> key, std::span<const std::uint32_t, 3> nonce, std::uint32_t block,
              std::span<std::byte> out);

}  // namespace tidings
