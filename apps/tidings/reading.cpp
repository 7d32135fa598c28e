#include "reading.hpp"

#include <algorithm>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t in_flight = 10'000;
constexpr Duration quiet_wait = 300ms;

}  // namespace

Result<ReadEnd> read_up_to(Broker& broker, const std::string& topic, std::map<std::uint32_t, std::uint64_t> ends,
                           const ReadOptions& options, const std::function<void(const Delivery&)>& visit) {
  if (ends.empty()) return ReadEnd::whole;
  auto consumer =
      broker.subscribe(topic, {.group = "", .start = options.from, .in_flight_max = in_flight, .create_topic = false});
  if (!consumer) return consumer.error();
  auto end = ReadEnd::whole;
  for (Duration quiet{}; !ends.empty();) {
    if (options.goes_on && !options.goes_on()) {
      end = ReadEnd::ended;
      break;
    }
    if (quiet >= options.quiet_max) {
      end = ReadEnd::quiet;
      break;
    }
    const auto some = (*consumer)->fetch(in_flight, quiet_wait);
    if (!some) return some.error();
    quiet = some->empty() ? quiet + quiet_wait : Duration{};
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

Result<std::vector<Offset>> places_of(Broker& broker, const TopicInfo& topic, const Start& to, ReadOptions options) {
  std::map<std::uint32_t, std::uint64_t> wanted, first;
  std::vector<Offset> places;
  for (const auto& one : topic.partitions) {
    const auto number = one.partition.value;
    if (places.size() <= number) places.resize(number + 1);
    auto& place = places[number];
    place = one.end;
    if (std::holds_alternative<Start::Earliest>(to.at)) place = one.earliest;
    if (const auto offset = to.offset_in(one.partition)) place = std::min(std::max(*offset, one.earliest), one.end);
    // One event of each is enough.
    if (std::holds_alternative<TimePoint>(to.at) && one.end > one.earliest) wanted[number] = one.earliest.value + 1;
  }
  options.from = to;
  auto read = read_up_to(broker, topic.name, std::move(wanted), options,
                         [&](const Delivery& one) { first.try_emplace(one.id.partition.value, one.id.offset.value); });
  if (!read) return read.error();
  for (const auto& [number, offset] : first) places[number] = std::min(places[number], Offset{offset});
  return places;
}

}  // namespace tidings::cli
