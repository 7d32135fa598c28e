#include "reading.hpp"

#include <algorithm>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t in_flight = 10'000;
constexpr Duration quiet_wait = 300ms;
constexpr Duration last_event_wait = 600ms;  // an end may be no event

}  // namespace

Result<ReadEnd> read_up_to(Broker& broker, const std::string& topic, std::map<std::uint32_t, std::uint64_t> ends,
                           const ReadOptions& options, const std::function<void(const Delivery&)>& visit) {
  if (ends.empty()) return ReadEnd::whole;
  auto consumer =
      broker.subscribe(topic, {.group = "", .start = options.from, .in_flight_max = in_flight, .create_topic = false});
  const auto is_damage = [&](const Error& error) { return options.on_damage && error.code == "corrupt"; };
  if (!consumer && is_damage(consumer.error())) {
    options.on_damage(consumer.error());
    return ReadEnd::quiet;
  }
  if (!consumer) return consumer.error();
  auto end = ReadEnd::whole;
  auto quiet_max = options.quiet_max;
  std::size_t damages = 0;  // one after another: where each partition has been met, nothing else comes
  const auto damages_max = ends.size() + 1;
  for (Duration quiet{}; !ends.empty();) {
    if (options.goes_on && !options.goes_on()) {
      end = ReadEnd::ended;
      break;
    }
    if (quiet >= quiet_max || damages > damages_max) {
      end = ReadEnd::quiet;
      break;
    }
    const auto some = (*consumer)->fetch(in_flight, quiet_wait);
    if (!some && is_damage(some.error())) {
      options.on_damage(some.error());
      quiet_max = quiet_wait;  // what is behind the damage does not come
      ++damages;
      continue;
    }
    if (!some) return some.error();
    quiet = some->empty() ? quiet + quiet_wait : Duration{};
    damages = 0;
    for (const auto& one : *some) {
      visit(one);
      if (const auto at = ends.find(one.id.partition.value); at != ends.end() && one.id.offset.value + 1 >= at->second)
        ends.erase(at);
    }
    std::erase_if(ends, [&](const auto& one) {
      const auto read_to = (*consumer)->read_to(Partition{one.first});
      return read_to && read_to->value >= one.second;
    });
  }
  if (auto closed = (*consumer)->close(1s); !closed) return closed.error();
  return end;
}

std::map<std::uint32_t, std::uint64_t> ends_of(const TopicInfo& topic) {
  std::map<std::uint32_t, std::uint64_t> ends;
  for (const auto& one : topic.partitions)
    if (one.end > one.earliest) ends[one.partition.value] = one.end.value;
  return ends;
}

Result<std::map<std::uint32_t, std::uint64_t>> ends_beyond(Broker& broker, const TopicInfo& topic, const Start& from,
                                                           ReadOptions options) {
  auto ends = ends_of(topic);
  for (const auto& one : topic.partitions)
    if (const auto offset = from.offset_in(one.partition);
        std::holds_alternative<Start::Latest>(from.at) || (offset && *offset >= one.end))
      ends.erase(one.partition.value);
  const auto* const time = std::get_if<TimePoint>(&from.at);
  if (time == nullptr || ends.empty()) return ends;
  std::vector<Offset> lasts;
  for (const auto& one : topic.partitions) {
    if (lasts.size() <= one.partition.value) lasts.resize(one.partition.value + 1);
    lasts[one.partition.value] = Offset{one.end.value - (one.end > one.earliest ? 1 : 0)};
  }
  options.from = Start::each(std::move(lasts));
  options.quiet_max = std::min<Duration>(options.quiet_max, last_event_wait);
  std::map<std::uint32_t, TimePoint> last;
  auto read = read_up_to(broker, topic.name, ends, options,
                         [&](const Delivery& one) { last[one.id.partition.value] = one.appended; });
  if (!read) return read.error();
  std::erase_if(ends, [&](const auto& one) {
    const auto at = last.find(one.first);
    return at != last.end() && at->second < *time;
  });
  return ends;
}

Result<std::vector<Offset>> places_of(Broker& broker, const TopicInfo& topic, const Start& to, ReadOptions options) {
  std::map<std::uint32_t, std::uint64_t> wanted, first;
  const auto beyond = ends_beyond(broker, topic, to, options);
  if (!beyond) return beyond.error();
  std::vector<Offset> places;
  for (const auto& one : topic.partitions) {
    const auto number = one.partition.value;
    if (places.size() <= number) places.resize(number + 1);
    auto& place = places[number];
    place = one.end;
    if (std::holds_alternative<Start::Earliest>(to.at)) place = one.earliest;
    if (const auto offset = to.offset_in(one.partition)) place = std::min(std::max(*offset, one.earliest), one.end);
    // One event of each is enough.
    if (std::holds_alternative<TimePoint>(to.at) && beyond->contains(number)) wanted[number] = one.earliest.value + 1;
  }
  options.from = to;
  auto read = read_up_to(broker, topic.name, std::move(wanted), options,
                         [&](const Delivery& one) { first.try_emplace(one.id.partition.value, one.id.offset.value); });
  if (!read) return read.error();
  for (const auto& [number, offset] : first) places[number] = std::min(places[number], Offset{offset});
  return places;
}

}  // namespace tidings::cli
