#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::encryption {

inline constexpr std::size_t key_bytes = 32;
inline constexpr std::size_t nonce_bytes = 12;
inline constexpr std::size_t tag_bytes = 16;
/// What sealing adds.
inline constexpr std::size_t seal_bytes = nonce_bytes + tag_bytes;
/// OpenSSL counts in int.
inline constexpr std::size_t plain_bytes_max = std::size_t{1} << 30;

/// A key, wiped when it goes.
struct Key {
  std::string id;
  std::array<unsigned char, key_bytes> bytes{};

  Key() = default;
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();
};

/// AES-256-GCM: a random nonce of 96 bits, what was encrypted, and the tag, whole. `bound` is authenticated with it.
/// Nothing: the library has failed, or `plain` is larger than `plain_bytes_max`. Thread-safe.
[[nodiscard]] std::optional<std::string> encrypt(const Key& key, std::string_view bound, std::string_view plain);
/// What was encrypted; nothing where it is not that, or was not bound to this. Thread-safe.
[[nodiscard]] std::optional<std::string> decrypt(const Key& key, std::string_view bound, std::string_view sealed);

void wipe(std::string& text);

}  // namespace tidings::encryption
