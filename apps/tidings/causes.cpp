#include "causes.hpp"

#include <algorithm>
#include <utility>

#include "output.hpp"
#include "reading.hpp"
#include "tidings/base/uuid.hpp"

namespace tidings::cli {
namespace {

constexpr Duration quiet_max = std::chrono::seconds{3};

Start start_for(const std::string& id, const CauseOptions& options) {
  const auto uuid = options.begins_by_ids ? Uuid::parse(id) : std::nullopt;
  if (!uuid || uuid->bytes[6] >> 4 != 7) return options.from;
  std::int64_t milliseconds = 0;
  for (std::size_t i = 0; i < 6; ++i) milliseconds = milliseconds << 8 | uuid->bytes[i];
  return Start::time(TimePoint{std::chrono::milliseconds{milliseconds}} - std::chrono::minutes{1});
}

/// Those of one correlation, or the one with that id.
Result<std::vector<Seen>> scan(Broker& broker, const Common& common, const std::string& wanted,
                               const CauseOptions& options) {
  const auto topics = broker.topics();
  if (!topics) return topics.error();
  std::vector<Seen> seen;
  const auto from = start_for(wanted, options);
  for (const auto& topic : *topics) {
    const auto name = unnamed(common, topic.name);
    if (name.empty()) continue;
    ReadOptions reads{.from = from, .quiet_max = quiet_max, .goes_on = options.goes_on};
    bool is_damaged = false;
    if (options.on_damage)
      reads.on_damage = [&](const Error& why) {
        if (!std::exchange(is_damaged, true)) options.on_damage(name, why);
      };
    if (topic.error) {
      if (reads.on_damage) reads.on_damage(*topic.error);
      continue;
    }
    auto ends = ends_beyond(broker, topic, from, reads);
    if (!ends) return ends.error();
    const auto ended = read_up_to(broker, topic.name, std::move(*ends), reads, [&](const Delivery& delivery) {
      const auto& event = delivery.envelope;
      if (event.correlation_id != wanted && event.id != wanted) return;
      seen.push_back({.id = std::string(event.id),
                      .type = std::string(event.type),
                      .key = std::string(event.key),
                      .topic = name,
                      .cause = std::string(event.causation_id),
                      .correlation = std::string(event.correlation_id),
                      .source = std::string(event.source),
                      .partition = delivery.id.partition.value,
                      .offset = delivery.id.offset.value,
                      .time = event.time,
                      .expires = event.headers.empty() ? TimePoint::max() : expiry(event)});
    });
    if (!ended) return ended.error();
    if (*ended == ReadEnd::ended) break;
    if (*ended == ReadEnd::quiet && !is_damaged && options.on_unfinished) options.on_unfinished(name, quiet_max);
  }
  return seen;
}

}  // namespace

Result<std::vector<Seen>> chain_of(Broker& broker, const Common& common, const std::string& id,
                                   const CauseOptions& options) {
  auto seen = scan(broker, common, id, options);
  if (!seen) return seen;
  // One event's id stands for all that its cause set off.
  const auto has = [&](const Seen& one) { return one.correlation == id; };
  if (!seen->empty() && std::ranges::none_of(*seen, has) && !seen->front().correlation.empty()) {
    const auto correlation = seen->front().correlation;
    seen = scan(broker, common, correlation, options);
    if (!seen) return seen;
  }
  std::ranges::stable_sort(*seen, {}, &Seen::time);
  return seen;
}

}  // namespace tidings::cli
