#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tidings/broker/broker.hpp"

namespace tidings::service {

/// A handler's hold on one topic. Under its handling's mutex, but for `consumer` and what never changes.
class Source {
 public:
  std::size_t index = 0;
  std::string topic;  // without the namespace, as users know it
  std::string broker_topic;
  std::shared_ptr<Consumer> consumer;  // replaced where the broker wants it opened again
  std::vector<std::uint32_t> kinds;    // of the handler's, those of this topic

  std::size_t held = 0;             // fetched and not settled
  std::vector<DeliveryId> handled;  // done with, the broker not told yet
  std::vector<DeliveryId> parked;
  SteadyTime settle_after{};               // not before: the last try failed
  std::vector<std::uint64_t> generations;  // by partition: of the newest hold that was seen
  bool waiting_for_room = false;

  [[nodiscard]] std::size_t unsettled() const { return handled.size() + parked.size(); }
  /// Whether the partition has moved since the delivery was fetched, so that it is no longer ours to handle.
  [[nodiscard]] bool lost(const DeliveryId& id) const {
    return id.partition.value < generations.size() && id.generation < generations[id.partition.value];
  }
  void saw(const DeliveryId& id) {
    if (id.partition.value >= generations.size()) generations.resize(id.partition.value + 1);
    auto& newest = generations[id.partition.value];
    if (id.generation > newest) newest = id.generation;
  }
};

}  // namespace tidings::service
