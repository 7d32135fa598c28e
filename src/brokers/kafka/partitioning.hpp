#pragma once

#include "brokers/kafka/topics.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::kafka {

/// Checks the events, and gives each its partition: by `key_hash`, as everywhere, or as Kafka's Java clients do.
/// Errors as `route`.
[[nodiscard]] Result<Routing> partition(std::span<const EnvelopeView> events, const PublishOptions& options,
                                        const TopicFacts& facts, std::uint32_t keyless, bool by_murmur2);

}  // namespace tidings::brokers::kafka
