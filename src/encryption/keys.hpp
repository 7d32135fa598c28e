#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "encryption/gcm.hpp"
#include "tidings/encryption/keyring.hpp"

namespace tidings {

struct Keyring::Keys {
  std::vector<encryption::Key> all;

  [[nodiscard]] const encryption::Key* find(std::string_view id) const {
    const auto found = std::ranges::find(all, id, &encryption::Key::id);
    return found == all.end() ? nullptr : &*found;
  }
};

}  // namespace tidings
