#include "brokers/kafka/groups.hpp"

#include <algorithm>

#include "tidings/broker/routing.hpp"

namespace tidings::brokers::kafka {

Result<GroupInfo> Groups::info(std::string_view topic, const TopicFacts& facts, const std::string& group,
                               std::span<const std::uint64_t> earliest, std::span<const std::uint64_t> ends) {
  const auto theirs = names_.group(topic, group);
  auto positions = cluster_.positions(theirs, names_.topic(topic), facts.partitions);
  if (!positions) return positions.error();
  auto state = cluster_.group(theirs);
  if (!state) return state.error();
  GroupInfo info{.topic = std::string(topic), .group = group};
  for (std::uint32_t number = 0; number < facts.partitions; ++number) {
    const auto& known = (*positions)[number];
    const Cluster::Position at =
        known.value_or(Cluster::Position{earliest[number], {}});  // a member that has just come has none yet
    const auto& counts = at.record.counts;
    const bool owned = std::ranges::find(state->held, std::pair(names_.topic(topic), number)) != state->held.end();
    info.partitions.push_back({.partition = Partition{number},
                               .position = Offset{at.offset},
                               .end = Offset{std::max(ends[number], earliest[number])},
                               .settled_beyond = at.record.settled_beyond,
                               .handled = counts.handled,
                               .parked = counts.parked,
                               .expired = counts.expired,
                               .skipped = counts.skipped,
                               .gaps = counts.gaps,
                               .owned = owned,
                               .earliest = Offset{earliest[number]}});
  }
  return info;
}

Result<std::vector<GroupInfo>> Groups::infos(std::string_view topic, const TopicFacts& facts) {
  auto all = cluster_.groups();
  if (!all) return all.error();
  auto earliest = cluster_.resolve(names_.topic(topic), facts.partitions, Start::earliest());
  if (!earliest) return earliest.error();
  std::vector<GroupInfo> infos;
  for (const auto& theirs : *all) {
    const auto group = names_.our_group(theirs, topic);
    if (!group) continue;
    // The ends after the positions: so a group that goes on meanwhile is never ahead of them.
    auto positions_first = info(topic, facts, *group, *earliest, *earliest);
    if (!positions_first) return positions_first.error();
    infos.push_back(std::move(*positions_first));
  }
  auto ends = cluster_.resolve(names_.topic(topic), facts.partitions, Start::latest());
  if (!ends) return ends.error();
  for (auto& one : infos)
    for (auto& partition : one.partitions)
      partition.end = Offset{std::max((*ends)[partition.partition.value], partition.earliest.value)};
  std::ranges::sort(infos, {}, &GroupInfo::group);
  return infos;
}

Result<> Groups::seek(std::string_view topic, const TopicFacts& facts, std::string_view group, const Start& to) {
  const auto theirs = names_.group(topic, group);
  const auto active = [&] { return group_active(topic, group, "seek then"); };
  auto state = cluster_.group(theirs);
  if (!state) return state.error();
  if (state->members > 0) return active();
  auto before = cluster_.positions(theirs, names_.topic(topic), facts.partitions);
  if (!before) return before.error();
  auto targets = cluster_.resolve(names_.topic(topic), facts.partitions, to);
  if (!targets) return targets.error();
  Cluster::Positions positions(facts.partitions);
  for (std::uint32_t number = 0; number < facts.partitions; ++number) {
    const auto target = (*targets)[number];
    Cluster::Position position{target, {}};
    if (const auto& known = (*before)[number]) {
      position.record.counts = known->record.counts;
      if (target > known->offset) position.record.counts.skipped += target - known->offset;
    }
    positions[number] = position;
  }
  auto moved = cluster_.set_positions(theirs, names_.topic(topic), positions);
  if (!moved && moved.error().code == "group_active") return active();
  return moved;
}

Result<> Groups::remove(std::string_view topic, std::string_view group) {
  const auto theirs = names_.group(topic, group);
  const auto active = [&] { return group_active(topic, group, "delete it then"); };
  auto state = cluster_.group(theirs);
  if (!state) return state.error();
  if (!state->is_there) return unknown_group(topic, group);
  if (state->members > 0) return active();
  auto gone = cluster_.delete_group(theirs);
  if (!gone && gone.error().code == "group_active") return active();
  return gone;
}

Result<std::vector<std::uint64_t>> Groups::begin(std::string_view topic, const TopicFacts& facts,
                                                 std::string_view group, const Start& start) {
  const auto theirs = names_.group(topic, group);
  auto positions = cluster_.positions(theirs, names_.topic(topic), facts.partitions);
  if (!positions) return positions.error();
  if (std::ranges::all_of(*positions, [](const auto& known) { return known.has_value(); }))
    return std::vector<std::uint64_t>{};
  auto starts = cluster_.resolve(names_.topic(topic), facts.partitions, start);
  if (!starts) return starts.error();
  Cluster::Positions missing(facts.partitions);
  for (std::uint32_t number = 0; number < facts.partitions; ++number)
    if (!(*positions)[number]) missing[number] = Cluster::Position{(*starts)[number], {}};
  auto begun = cluster_.set_positions(theirs, names_.topic(topic), missing);
  if (!begun && begun.error().code != "group_active") return begun.error();  // its members have begun it, or will
  return starts;
}

Result<bool> Groups::any_active(std::string_view topic, std::vector<std::string>& names) {
  auto all = cluster_.groups();
  if (!all) return all.error();
  for (const auto& theirs : *all) {
    const auto group = names_.our_group(theirs, topic);
    if (!group) continue;
    auto state = cluster_.group(theirs);
    if (!state) return state.error();
    if (state->members > 0) return true;
    names.push_back(*group);
  }
  return false;
}

}  // namespace tidings::brokers::kafka
