#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "brokers/nats/api.hpp"
#include "brokers/nats/topic.hpp"
#include "tidings/base/producer_table.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::nats {

/// Publishes to a topic for producers with an id. Thread-safe.
///
/// In each partition a producer has a subject of its own, so the server finds the last event that it has written there,
/// which says its epoch and sequence. The next one is stored only if that is still the last of this subject
/// (`Nats-Expected-Last-Subject-Sequence`): who has been overtaken, by a successor or by an earlier try of its own, is
/// refused, looks, and then knows. The events behind it in a call are stored right behind one another or not at all, as
/// `Sender` does it.
class Producing {
 public:
  Producing(Api& api, std::shared_ptr<Topic> topic) : api_(api), topic_(std::move(topic)) {}

  /// Errors: those of `Broker::publish`.
  Result<std::vector<Published>> publish(std::span<const EnvelopeView> events, const PublishOptions& options);

 private:
  using Entry = ProducerTable::Entry;
  /// One partition's events of a call, and how far they have come.
  struct Appending {
    const Producer& producer;
    const Routing::Part& part;
    std::vector<ProducerTable::Place> places;  // of the first so many
    std::size_t duplicates = 0;                // of those
    std::size_t sent = 0;                      // so many have been sent, whatever became of them
    bool may_be_written = false;
  };

  Result<> append(Appending& appending, SteadyTime until);
  Result<std::optional<Entry>> last_of(const Appending& appending, SteadyTime until);
  Result<> send_more(Appending& appending, std::optional<Entry>& last, SteadyTime until);
  [[nodiscard]] std::string name_of(const Appending& appending) const;

  Api& api_;
  const std::shared_ptr<Topic> topic_;
  std::mutex mutex_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Entry> last_;  // by partition and producer, as it was a moment ago
};

}  // namespace tidings::brokers::nats
