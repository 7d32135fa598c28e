#include <algorithm>
#include <limits>
#include <vector>

#include "bridge/mark.hpp"
#include "bridge/own_topics.hpp"
#include "tidings/base/text.hpp"
#include "tidings/bridge/bridge.hpp"

namespace tidings {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1000;
constexpr Duration fetch_wait = 500ms;
constexpr int empty_max = 60;  // fetches in a row that bring nothing: the broker is slow, or away, or has no more

Result<GroupInfo> group_of(Broker& broker, std::string_view topic, std::string_view name) {
  auto groups = broker.groups(topic);
  if (!groups) return groups.error();
  const auto group = std::ranges::find(*groups, name, &GroupInfo::group);
  if (group == groups->end())
    return Error{"unknown_group",
                 "topic " + std::string(topic) + " has no group " + printable(name) + " at the source"};
  if (group->error) return *group->error;
  for (const auto& partition : group->partitions)
    if (partition.owned)
      return Error{"group_active", "group " + printable(name) + " has live members at the source; end them first",
                   Retry::same_call};
  return std::move(*group);
}

Error not_read(std::string_view topic, const std::vector<PartitionInfo>& partitions,
               const std::vector<std::uint64_t>& read) {
  const auto behind = std::ranges::find_if(
      partitions, [&](const PartitionInfo& one) { return read[one.partition.value] < one.end.value; });
  return {"timeout",
          "partition " + std::to_string(behind->partition.value) + " of topic " + printable(topic) +
              " gave nothing more before its end, offset " + std::to_string(behind->end.value) +
              "; nothing was moved, try again. Where its last offsets hold no events, as marks of transactions, the "
              "next event that comes there is enough",
          Retry::same_call};
}

/// Reads a topic from its beginning to where it ends now: `visit(delivery)`, of each partition in order. Error
/// `timeout` (same call) where a partition does not come to its end: who cannot see whether something is there must
/// not pass it.
template <class Visit>
Result<> read_all(Broker& broker, std::string_view topic, const std::vector<PartitionInfo>& partitions, Visit visit) {
  std::vector<std::uint64_t> read(partitions.size());
  for (const auto& partition : partitions)
    if (partition.earliest == partition.end) read[partition.partition.value] = partition.end.value;
  const auto is_read = [&] {
    return std::ranges::all_of(partitions,
                               [&](const PartitionInfo& one) { return read[one.partition.value] >= one.end.value; });
  };
  auto reader = broker.subscribe(topic, {.group = "", .start = Start::earliest(), .create_topic = false});
  if (!reader) return reader.error();
  for (int empty = 0; !is_read();) {
    auto fetched = (*reader)->fetch(fetch_max, fetch_wait);
    if (!fetched) return fetched.error();
    empty = fetched->empty() ? empty + 1 : 0;
    if (empty == empty_max) return not_read(topic, partitions, read);
    for (const auto& delivery : *fetched) {
      read[delivery.id.partition.value] = delivery.id.offset.value + 1;
      if (delivery.id.offset < partitions[delivery.id.partition.value].end) visit(delivery);
    }
  }
  return {};
}

/// What the group has settled at the source of the events that came there from the target, by partition of the target.
struct FromThere {
  std::vector<std::uint64_t> settled_to;  // one past the last that is
  std::vector<std::uint64_t> first_open;  // the first that is not
  [[nodiscard]] bool has_settled(const DeliveryId& id) const {
    const auto number = id.partition.value;
    return number < settled_to.size() && id.offset.value < settled_to[number] && id.offset.value < first_open[number];
  }
};
Result<FromThere> from_there(Broker& from, Broker& to, std::string_view topic, std::string_view bridge,
                             const std::vector<Offset>& settled, std::size_t partitions_there) {
  FromThere there{.settled_to = std::vector<std::uint64_t>(partitions_there),
                  .first_open = std::vector(partitions_there, std::numeric_limits<std::uint64_t>::max())};
  auto groups = to.groups(topic);
  if (!groups) return groups.error();
  if (std::ranges::find(*groups, "tidings.bridge." + std::string(bridge), &GroupInfo::group) == groups->end())
    return there;  // no bridge goes back
  auto source = from.topic(topic);
  if (!source) return source.error();
  auto read = read_all(from, topic, source->partitions, [&](const Delivery& delivery) {
    const auto mark = bridge::mark_of(delivery.envelope);
    if (!mark || mark->bridge != bridge || mark->partition.value >= partitions_there) return;
    const auto number = mark->partition.value;
    const auto offset = mark->offset.value;
    if (delivery.id.offset < settled.at(delivery.id.partition.value))
      there.settled_to[number] = std::max(there.settled_to[number], offset + 1);
    else
      there.first_open[number] = std::min(there.first_open[number], offset);
  });
  if (!read) return read.error();
  return there;
}

}  // namespace

Result<CarriedGroup> carry_group(const CarryOptions& options) {
  const auto& [from, to, topic, group, bridge] = options;
  if (auto goes = bridge::check_goes_over(topic); !goes) return goes.error();
  auto at_source = group_of(from, topic, group);
  if (!at_source) return at_source.error();
  std::vector<Offset> settled(at_source->partitions.size());
  for (const auto& partition : at_source->partitions) settled.at(partition.partition.value) = partition.position;

  // What is mirrored after this stands behind it, and so behind where the group is put.
  auto target = to.topic(topic);
  if (!target) return target.error();
  auto natives = from_there(from, to, topic, bridge, settled, target->partitions.size());
  if (!natives) return natives.error();
  CarriedGroup carried;
  for (const auto& partition : target->partitions) carried.positions.push_back(partition.end);
  std::vector<bool> found(target->partitions.size());
  auto read = read_all(to, topic, target->partitions, [&](const Delivery& delivery) {
    const auto number = delivery.id.partition.value;
    const auto mark = bridge::mark_of(delivery.envelope);
    const bool is_settled = mark && mark->bridge == bridge ? mark->partition.value < settled.size() &&
                                                                 mark->offset < settled[mark->partition.value]
                                                           : natives->has_settled(delivery.id);
    if (is_settled && found[number]) ++carried.handled_again;
    if (is_settled || found[number]) return;
    found[number] = true;
    carried.positions[number] = delivery.id.offset;
  });
  if (!read) return read.error();
  if (auto moved = to.seek(topic, group, Start::each(carried.positions)); !moved) return moved.error();
  return carried;
}

}  // namespace tidings
