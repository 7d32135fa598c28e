#pragma once

#include <map>
#include <string>

#include "tidings/broker/types.hpp"

namespace tidings::brokers::kafka {

/// A topic's configuration as Kafka keeps it: names and values.
using Config = std::map<std::string, std::string, std::less<>>;

// What Tidings says of a topic stands in Kafka's own words, so that it survives, and Kafka's tools show and change it:
//   event_bytes_max   max.message.bytes, which bounds a batch of records: it has `batch_room` more
//   durability        flush.messages=1 is `durable`, flush.ms up to a second `interval`, neither `memory`
//   retention         retention.ms, retention.bytes
// And message.timestamp.type=LogAppendTime, since events start and are told by the time when they were appended.

/// Room in max.message.bytes beside one event of the largest size: for a batch of smaller ones, and what surrounds one.
inline constexpr std::uint64_t batch_room = (std::uint64_t{1} << 20) + 1024;
/// What a batch of the producer has at most, if there is more than one event in it.
inline constexpr std::uint64_t batch_bytes_max = std::uint64_t{512} << 10;
/// A server takes no request above 100 MiB, unless it is told to.
inline constexpr std::uint64_t event_bytes_max_limit = std::uint64_t{64} << 20;

/// Error `unsupported` for what Kafka cannot keep.
Result<> check_supported(const TopicOptions& options);
Result<> check_supported(const Retention& retention);

/// What to create a topic with.
[[nodiscard]] Config to_config(const TopicOptions& options);
/// What to change of it.
[[nodiscard]] Config to_config(const Retention& retention);

/// What a topic is, by its configuration.
struct TopicTraits {
  std::size_t event_bytes_max = 0;
  Durability durability = Durability::memory;
  Retention retention{};
};
[[nodiscard]] TopicTraits traits_of(const Config& config);

}  // namespace tidings::brokers::kafka
