#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "brokers/kafka/client.hpp"
#include "tidings/base/time.hpp"
#include "tidings/broker/types.hpp"

namespace tidings::brokers::kafka {

/// A topic as a producer publishes to it, and which of its partitions know the producer.
///
/// A server takes any sequence number from a producer that a partition does not know. So where several requests are on
/// their way to one, and the first is refused (the server has not heard yet that it leads the partition), the second is
/// written all the same; the first can never be any more, and librdkafka reports it as written: KAFKA-14312,
/// KAFKA-15591, KAFKA-19880. Therefore the first record goes alone.
class ProducedTopic {
 public:
  explicit ProducedTopic(TopicHandle handle) : handle_(std::move(handle)) {}

  [[nodiscard]] rd_kafka_topic_t& handle() const { return *handle_; }

  /// Whether `partition` took a record lately, in this `era` of the producer. Not thread-safe.
  [[nodiscard]] bool knows_producer(Partition partition, std::uint64_t era, SteadyTime now) const {
    if (partition.value >= proofs_.size()) return false;
    const auto& proof = proofs_[partition.value];
    return proof.era == era && now < proof.until;
  }
  /// It took one just now. Not thread-safe.
  void prove(Partition partition, std::uint64_t era, SteadyTime now) {
    if (partition.value >= proofs_.size()) proofs_.resize(partition.value + 1);
    proofs_[partition.value] = {era, now + lasts};
  }

  std::timed_mutex proving;  ///< held by who sends a first record, until it has sent the others too

 private:
  // Servers forget an idle producer after a day, unless they are told otherwise (producer.id.expiration.ms).
  static constexpr Duration lasts = std::chrono::minutes{10};
  struct Proof {
    std::uint64_t era = 0;
    SteadyTime until{};
  };
  const TopicHandle handle_;
  std::vector<Proof> proofs_;
};

}  // namespace tidings::brokers::kafka
