#include "bridge/repeats.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tidings/base/text.hpp"
#include "tidings/bridge/bridge.hpp"

namespace tidings::bridge {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1000;
constexpr Duration fetch_wait = 200ms;
constexpr int empty_max = 50;                // fetches in a row that bring nothing
constexpr std::uint64_t reach_first = 4096;  // so far back, where the target does not say the place
constexpr std::uint64_t reach_factor = 16;   // and then further

/// The repeats of one partition of the target.
struct Repeats {
  std::uint64_t first = 0;  // from here on they stand, if the places are exact
  std::uint64_t end = 0;    // before this
  bool is_exact = true;
  std::map<std::string_view, std::string_view> ids;  // by our header, which says the place at the source
};
using Stored = std::map<std::string, std::string, std::less<>>;  // likewise

/// The ids of those that stand in a part of a partition. Of two of one place the later counts: a source that was made
/// anew after the target had forgotten the first one's numbers.
Result<Stored> read_part(Broker& to, const TopicInfo& topic, std::uint32_t partition, std::uint64_t first,
                         const Repeats& repeats) {
  std::vector<Offset> from;
  for (const auto& one : topic.partitions) from.push_back(one.end);
  from.at(partition) = Offset{first};
  auto reader = to.subscribe(topic.name, {.group = "", .start = Start::each(from), .create_topic = false});
  if (!reader) return reader.error();
  Stored stored;
  for (int empty = 0; first < repeats.end;) {
    auto fetched = (*reader)->fetch(fetch_max, fetch_wait);
    if (!fetched) return fetched.error();
    empty = fetched->empty() ? empty + 1 : 0;
    if (empty == empty_max)
      return Error{"timeout", "the target does not give what it has of topic " + printable(topic.name),
                   Retry::same_call};
    for (const auto& delivery : *fetched) {
      if (delivery.id.partition.value != partition) continue;
      first = delivery.id.offset.value + 1;
      if (first > repeats.end) break;
      const auto mark = delivery.envelope.headers.get(bridged_header);
      if (mark && repeats.ids.contains(*mark)) stored.insert_or_assign(std::string(*mark), delivery.envelope.id);
    }
  }
  return stored;
}

Error changed(std::string_view topic, std::string_view mark, std::string_view id, const std::string& instead) {
  return {"source_changed",
          "topic " + printable(topic) + " of the source is another than the one that was mirrored before: event " +
              printable(id) + ", which would be " + printable(mark) + " there, is a repeat for the target, where " +
              instead +
              ". Nothing is left out: run the bridge under another --name, or delete the topic at the target first"};
}

Result<> check(Broker& to, const TopicInfo& topic, std::uint32_t partition, const Repeats& repeats) {
  const auto earliest = topic.partitions.at(partition).earliest.value;
  auto reach = repeats.is_exact ? repeats.end - repeats.first : reach_first;
  while (true) {
    const auto first = std::max(earliest, repeats.end - std::min(repeats.end, reach));
    auto stored = read_part(to, topic, partition, first, repeats);
    if (!stored) return stored.error();
    std::string_view missing;
    for (const auto& [mark, id] : repeats.ids) {
      const auto there = stored->find(mark);
      if (there == stored->end())
        missing = mark;
      else if (there->second != id)
        return changed(topic.name, mark, id, "that is event " + printable(there->second));
    }
    if (missing.empty()) return {};
    if (first == earliest) {
      if (earliest > 0) return {};  // retention took it, as far as anybody can tell
      return changed(topic.name, missing, repeats.ids.at(missing), "there is no such event");
    }
    reach = std::max(reach, reach_first) * reach_factor;
  }
}

}  // namespace

Result<> check_repeats(Broker& to, std::string_view topic, std::span<const EnvelopeView> events,
                       std::span<const Published> published) {
  std::map<std::uint32_t, Repeats> by_partition;
  for (std::size_t at = 0; at < published.size(); ++at) {
    const auto& place = published[at];
    if (!place.is_duplicate) continue;
    const auto [found, is_first] = by_partition.try_emplace(place.partition.value);
    auto& repeats = found->second;
    const auto offset = place.offset.value;
    repeats.is_exact = repeats.is_exact && place.is_exact;
    repeats.first = is_first ? offset : std::min(repeats.first, offset);
    repeats.end = std::max(repeats.end, place.is_exact ? offset + 1 : offset);
    repeats.ids.emplace(*events[at].headers.get(bridged_header), events[at].id);
  }
  if (by_partition.empty()) return {};
  auto info = to.topic(topic);
  if (!info) return info.error();
  for (const auto& [partition, repeats] : by_partition)
    if (auto fine = check(to, *info, partition, repeats); !fine) return fine;
  return {};
}

}  // namespace tidings::bridge
