#include "brokers/kafka/partitioning.hpp"

#include <map>

#include "brokers/kafka/murmur2.hpp"

namespace tidings::brokers::kafka {

Result<Routing> partition(std::span<const EnvelopeView> events, const PublishOptions& options, const TopicFacts& facts,
                          std::uint32_t keyless, bool by_murmur2) {
  if (!by_murmur2 || options.partition)
    return route(events, options, facts.partitions, facts.traits.event_bytes_max, keyless);
  Routing routing;
  std::map<std::uint32_t, std::vector<const EnvelopeView*>> split;
  for (const auto& event : events) {
    const auto wanted = event.key.empty() ? keyless % facts.partitions : murmur2(event.key) % facts.partitions;
    auto to = route(event, Partition{wanted}, facts.partitions, facts.traits.event_bytes_max, keyless);
    if (!to) return to.error();
    routing.places.push_back({*to, Offset{0}});
    split[to->value].push_back(&event);
  }
  for (auto& [number, some] : split) routing.parts.push_back({Partition{number}, std::move(some), {}});
  return routing;
}

}  // namespace tidings::brokers::kafka
