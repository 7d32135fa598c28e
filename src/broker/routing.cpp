#include "tidings/broker/routing.hpp"

#include <string>

#include "tidings/base/key_hash.hpp"

namespace tidings {

void Routing::set_first(Partition partition, Offset first) {
  for (auto& place : places)
    if (place.partition == partition) place.offset.value += first.value;
}

Result<Routing> route(std::span<const EnvelopeView> events, const PublishOptions& options, std::uint32_t partitions,
                      std::size_t event_bytes_max, std::uint32_t keyless) {
  if (options.partition && options.partition->value >= partitions)
    return Error{"invalid_options", "the topic has " + std::to_string(partitions) +
                                        " partitions, from 0; there is no " + std::to_string(options.partition->value)};
  for (const auto& event : events)
    if (auto valid = validate(event, event_bytes_max); !valid) return std::move(valid.error());
  const auto partition_of = [&](const EnvelopeView& event) {
    return options.partition   ? options.partition->value
           : event.key.empty() ? keyless % partitions
                               : static_cast<std::uint32_t>(key_hash(event.key) % partitions);
  };
  Routing routing;
  if (events.size() == 1) {
    const Partition partition{partition_of(events.front())};
    routing.places.push_back({partition, Offset{0}});
    routing.parts.push_back({partition, {&events.front()}});
    return routing;
  }
  routing.places.reserve(events.size());
  std::vector<std::vector<const EnvelopeView*>> split(partitions);
  for (const auto& event : events) {
    const auto partition = partition_of(event);
    routing.places.push_back({Partition{partition}, Offset{split[partition].size()}});
    split[partition].push_back(&event);
  }
  for (std::uint32_t partition = 0; partition < partitions; ++partition)
    if (!split[partition].empty()) routing.parts.push_back({Partition{partition}, std::move(split[partition])});
  return routing;
}

}  // namespace tidings
