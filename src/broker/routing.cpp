#include "tidings/broker/routing.hpp"

#include <string>

#include "tidings/base/key_hash.hpp"

namespace tidings {

void Routing::set_first(Partition partition, Offset first) {
  for (auto& place : places)
    if (place.partition == partition) place.offset.value += first.value;
}

void Routing::set_first(Partition partition, Offset first, std::span<const ProducerTable::Place> duplicates) {
  std::size_t index = 0;
  for (auto& place : places) {
    if (place.partition != partition) continue;
    if (index < duplicates.size()) {
      place.offset.value = duplicates[index].offset;
      place.is_duplicate = true;
      place.is_exact = duplicates[index].is_exact;
    } else {
      place.offset.value = first.value + index - duplicates.size();
    }
    ++index;
  }
}

Error group_active(std::string_view topic, std::string_view group, std::string_view then) {
  return {"group_active",
          "group " + std::string(group) + " has live members on topic " + std::string(topic) + "; stop them and " +
              std::string(then),
          Retry::same_call};
}

Error unknown_group(std::string_view topic, std::string_view group) {
  return {"unknown_group", "topic " + std::string(topic) + " has no group '" + std::string(group) + "'", Retry::never};
}

Error fenced(std::string_view path, const Producer& producer, std::uint32_t by) {
  return {"fenced",
          std::string(path) + ": producer " + std::to_string(producer.id) + " of epoch " +
              std::to_string(producer.epoch) + " has a successor, of epoch " + std::to_string(by) +
              "; nothing was written there. Stop this one: what it has yet to publish is its successor's",
          Retry::never};
}

namespace {

Result<> validate(const Producer& producer, std::size_t events) {
  if (producer.id == 0) return Error{"invalid_options", "a producer's id is not 0; give it another"};
  if (events > 0 && producer.sequence > ~std::uint64_t{0} - (events - 1))
    return Error{"invalid_options", "the sequence of producer " + std::to_string(producer.id) +
                                        " would go beyond 64 bits; take another id, and begin at 0"};
  return {};
}

Result<> validate_wish(std::optional<Partition> wanted, std::uint32_t partitions) {
  if (wanted && wanted->value >= partitions)
    return Error{"invalid_options", "the topic has " + std::to_string(partitions) +
                                        " partitions, from 0; there is no " + std::to_string(wanted->value)};
  return {};
}

Partition partition_of(const EnvelopeView& event, std::optional<Partition> wanted, std::uint32_t partitions,
                       std::uint32_t keyless) {
  if (wanted) return *wanted;
  if (partitions == 1) return Partition{0};
  return Partition{event.key.empty() ? keyless % partitions
                                     : static_cast<std::uint32_t>(key_hash(event.key) % partitions)};
}

}  // namespace

Result<Partition> route(const EnvelopeView& event, std::optional<Partition> wanted, std::uint32_t partitions,
                        std::size_t event_bytes_max, std::uint32_t keyless) {
  if (auto valid = validate_wish(wanted, partitions); !valid) return std::move(valid.error());
  if (auto valid = validate(event, event_bytes_max); !valid) return std::move(valid.error());
  return partition_of(event, wanted, partitions, keyless);
}

Result<Routing> route(std::span<const EnvelopeView> events, const PublishOptions& options, std::uint32_t partitions,
                      std::size_t event_bytes_max, std::uint32_t keyless) {
  if (auto valid = validate_wish(options.partition, partitions); !valid) return std::move(valid.error());
  for (const auto& event : events)
    if (auto valid = validate(event, event_bytes_max); !valid) return std::move(valid.error());
  if (options.producer)
    if (auto valid = validate(*options.producer, events.size()); !valid) return std::move(valid.error());
  if (options.producer) keyless = static_cast<std::uint32_t>(options.producer->id % partitions);
  Routing routing;
  if (events.size() == 1) {
    const auto partition = partition_of(events.front(), options.partition, partitions, keyless);
    routing.places.push_back({partition, Offset{0}});
    routing.parts.push_back({partition, {&events.front()}, {}});
    if (options.producer) routing.parts.front().sequences.push_back(options.producer->sequence);
    return routing;
  }
  routing.places.reserve(events.size());
  std::vector<std::vector<const EnvelopeView*>> split(partitions);
  for (const auto& event : events) {
    const auto partition = partition_of(event, options.partition, partitions, keyless).value;
    routing.places.push_back({Partition{partition}, Offset{split[partition].size()}});
    split[partition].push_back(&event);
  }
  for (std::uint32_t partition = 0; partition < partitions; ++partition)
    if (!split[partition].empty()) routing.parts.push_back({Partition{partition}, std::move(split[partition]), {}});
  if (options.producer)
    for (auto& part : routing.parts)
      for (const auto* const event : part.events)
        part.sequences.push_back(options.producer->sequence + static_cast<std::uint64_t>(event - events.data()));
  return routing;
}

}  // namespace tidings
