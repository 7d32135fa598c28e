#pragma once

#include <string>

#include "tidings/base/text.hpp"
#include "tidings/encryption/keyring.hpp"

namespace tidings::testing {

/// `ID:KEY` with a key that is made of `seed`.
inline std::string key_text(const std::string& id, char seed) {
  std::string bytes(32, '\0');
  for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<char>(seed + static_cast<char>(at));
  return id + ":" + to_base64(bytes);
}

inline Keyring keyring(const std::string& text) {
  return Keyring::from_text(text).or_throw();
}

}  // namespace tidings::testing
