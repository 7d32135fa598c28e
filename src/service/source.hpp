#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "tidings/broker/broker.hpp"
#include "tidings/service/detail/handler.hpp"

namespace tidings::service {

/// A handler's hold on one topic. Under its handling's mutex, but for what never changes; the topic's fetching thread,
/// which alone replaces `consumer`, reads that without it.
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
  std::vector<DeliveryId> expired;
  SteadyTime settle_after{};               // not before: the last try failed
  std::vector<std::uint64_t> generations;  // by partition: of the newest hold that was seen
  std::vector<std::uint64_t> fetched;      // by partition: one past the last event of that hold
  std::vector<DeliveryId> settled_lately;  // a ring
  std::size_t settled_next = 0;
  bool waiting_for_room = false;
  TimePoint seen_last{};     // when what was fetched last was appended; of the fetching thread
  std::string ignored_type;  // the last; of the fetching thread

  /// Which of the handler's kinds, `all` of them, an event is decoded as: that of its very version; else the newest
  /// that reads it by upcasts; else, to say what is wrong, the newest of its type. Nullopt: of no type that is taken.
  [[nodiscard]] std::optional<std::uint32_t> kind_of(std::span<const detail::EventKind> all,
                                                     const EnvelopeView& envelope) const {
    std::optional<std::uint32_t> best;
    const auto rank = [&](std::uint32_t kind) {
      const bool exact = all[kind].version == envelope.version;
      return std::tuple(!all[kind].type.empty(), exact, all[kind].reads != nullptr && all[kind].reads(envelope.version),
                        all[kind].version);
    };
    for (const auto kind : kinds)
      if ((all[kind].type == envelope.type || all[kind].type.empty()) && (!best || rank(kind) > rank(*best)))
        best = kind;
    return best;
  }
  [[nodiscard]] std::size_t unsettled() const { return handled.size() + parked.size() + expired.size(); }
  [[nodiscard]] std::vector<DeliveryId>& done(Outcome outcome) {
    return outcome == Outcome::parked ? parked : outcome == Outcome::expired ? expired : handled;
  }
  /// Whether the partition has moved since the delivery was fetched, so that it is no longer ours to handle.
  [[nodiscard]] bool lost(const DeliveryId& id) const {
    return id.partition.value < generations.size() && id.generation < generations[id.partition.value];
  }
  /// A hold is over, though nothing of the next one has come.
  void lose(std::uint32_t partition, std::uint64_t generation) {
    if (partition >= generations.size() || generations[partition] > generation) return;
    generations[partition] = generation + 1;
    fetched[partition] = 0;
  }
  /// Of all partitions but those that the member says it holds.
  void lose_all_but(std::span<const Partition> held_now) {
    for (std::uint32_t partition = 0; partition < generations.size(); ++partition)
      if (std::ranges::find(held_now, Partition{partition}) == held_now.end()) lose(partition, generations[partition]);
  }
  /// The last `most` are remembered: a broker that took us for dead may have given them once more just before.
  void remember(std::span<const DeliveryId> ids, std::size_t most) {
    for (const auto& id : ids) {
      if (settled_lately.size() < most)
        settled_lately.push_back(id);
      else
        settled_lately[settled_next++ % most] = id;
    }
  }
  void saw(const DeliveryId& id) {
    if (id.partition.value >= generations.size()) {
      generations.resize(id.partition.value + 1);
      fetched.resize(id.partition.value + 1);
    }
    auto& newest = generations[id.partition.value];
    auto& end = fetched[id.partition.value];
    if (id.generation > newest) newest = id.generation, end = 0;
    end = std::max(end, id.offset.value + 1);
  }
};

}  // namespace tidings::service
