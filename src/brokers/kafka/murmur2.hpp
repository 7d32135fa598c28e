#pragma once

#include <cstdint>
#include <string_view>

namespace tidings::brokers::kafka {

/// MurmurHash2 with the seed of Kafka's Java clients, and without the sign: their partition of a key is this modulo the
/// partitions. The algorithm is Austin Appleby's, in the public domain.
[[nodiscard]] std::uint32_t murmur2(std::string_view key);

}  // namespace tidings::brokers::kafka
