#pragma once

#include <cstdint>
#include <string_view>

namespace tidings {

/// XXH64 with seed 0: the same in every process, release and machine. Partitions and lanes are chosen by it.
[[nodiscard]] std::uint64_t key_hash(std::string_view key);

}  // namespace tidings
