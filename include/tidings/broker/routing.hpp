#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tidings/base/producer_table.hpp"
#include "tidings/broker/types.hpp"

namespace tidings {

/// The events of one publish by partition, for those who write a broker.
struct Routing {
  std::vector<Published> places;  ///< of each event; the offset counts within its part until `set_first`
  struct Part {
    Partition partition;
    std::vector<const EnvelopeView*> events;
    std::vector<std::uint64_t> sequences;  ///< of the events, where the publish has a producer
  };
  std::vector<Part> parts;  ///< those that have events, ascending

  /// Tells the offset of a part's first event.
  void set_first(Partition partition, Offset first);
  /// The same of a part whose first events were there before, at `duplicates`; `first` is that of the others.
  void set_first(Partition partition, Offset first, std::span<const ProducerTable::Place> duplicates);
};

/// Checks every event (`validate`), then gives it its partition: that of `options`, else `key_hash(key) % partitions`,
/// else that of its producer, else `keyless` modulo partitions. The events are borrowed. Errors: `invalid_event`,
/// `too_large`, `invalid_options` (never).
[[nodiscard]] Result<Routing> route(std::span<const EnvelopeView> events, const PublishOptions& options,
                                    std::uint32_t partitions, std::size_t event_bytes_max, std::uint32_t keyless);

/// The same for one event without a producer: where it goes.
[[nodiscard]] Result<Partition> route(const EnvelopeView& event, std::optional<Partition> wanted,
                                      std::uint32_t partitions, std::size_t event_bytes_max, std::uint32_t keyless);

/// What is told of a group with live members; `then` is what to do once they are stopped.
[[nodiscard]] Error group_active(std::string_view topic, std::string_view group, std::string_view then);
[[nodiscard]] Error unknown_group(std::string_view topic, std::string_view group);

/// What a fenced producer is told. `path` names the partition.
[[nodiscard]] Error fenced(std::string_view path, const Producer& producer, std::uint32_t by);

}  // namespace tidings
