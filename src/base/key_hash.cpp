#include "tidings/base/key_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tidings {

std::uint64_t key_hash(std::string_view key) {
  return XXH64(key.data(), key.size(), 0);
}

}  // namespace tidings
