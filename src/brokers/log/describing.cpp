#include <algorithm>
#include <utility>

#include "brokers/log/log_broker.hpp"

// What is told of topics and groups, to people and to programs.
namespace tidings::brokers::log {

Result<TopicInfo> LogBroker::info(TopicLog& topic) {
  auto keeping = topic.keeping();
  if (!keeping) return keeping.error();
  TopicInfo info{.name = topic.name(),
                 .durability = topic.meta().durability,
                 .event_bytes_max = topic.meta().event_bytes_max,
                 .retention = *keeping,
                 .partitions = {},
                 .error = {}};
  for (std::uint32_t number = 0; number < topic.meta().partitions; ++number) {
    auto partition = topic.partition(number);
    if (!partition) return partition.error();
    const auto end = (*partition)->visible_end();
    auto earliest = (*partition)->earliest();
    if (!earliest) return earliest.error();
    info.partitions.push_back({Partition{number}, Offset{std::min(*earliest, end)}, Offset{end}});
  }
  return info;
}

Result<std::vector<TopicInfo>> LogBroker::topics() {
  if (closed_) return closed();
  auto names = directory_->topics();
  if (!names) return names.error();
  std::vector<TopicInfo> infos;
  for (const auto& name : *names) {
    auto found = directory_->find(name);
    if (found && !*found) continue;  // gone meanwhile
    auto one = found ? info(**found) : Result<TopicInfo>{found.error()};
    if (!one && one.error().code == "unknown_topic") continue;  // gone since then
    // One that is damaged hides no other.
    infos.push_back(one ? std::move(*one) : TopicInfo{.name = name, .partitions = {}, .error = one.error()});
  }
  return infos;
}

Result<TopicInfo> LogBroker::topic(std::string_view name) {
  auto found = existing(name);
  if (!found) return found.error();
  return info(**found);
}

Result<std::vector<GroupInfo>> LogBroker::groups(std::string_view name) {
  auto topic = existing(name);
  if (!topic) return topic.error();
  auto names = (*topic)->groups();
  if (!names) return names.error();
  std::vector<GroupInfo> infos;
  for (const auto& group : *names) {
    auto one = info(**topic, group);
    if (!one && one.error().code == "not_found") continue;  // deleted meanwhile
    if (!one && one.error().code == "unknown_topic") return one.error();
    // One that is damaged hides no other.
    infos.push_back(
        one ? std::move(*one)
            : GroupInfo{.topic = std::string(name), .group = group, .partitions = {}, .error = one.error()});
  }
  return infos;
}

Result<GroupInfo> LogBroker::info(TopicLog& topic, const std::string& group) {
  GroupInfo info{.topic = topic.name(), .group = group, .partitions = {}, .error = {}};
  auto file = topic.group(group, false);
  if (!file) return file.error();
  for (std::uint32_t number = 0; number < topic.meta().partitions; ++number) {
    auto record = file->read(number);
    if (!record) return record.error();
    auto partition = topic.partition(number);
    if (!partition) return partition.error();
    auto held = file->is_held_by_other(number);
    if (!held) return held.error();
    const auto known = record->value_or(tidings::log::GroupRecord{});
    auto position = (*partition)->what_holds(known.position, known.epoch);
    if (!position) return position.error();
    const auto end = (*partition)->visible_end();
    auto earliest = (*partition)->earliest();
    if (!earliest) return earliest.error();
    info.partitions.push_back({.partition = Partition{number},
                               .position = Offset{std::min(*position, end)},
                               .end = Offset{end},
                               .settled_beyond = known.settled_beyond,
                               .handled = known.handled,
                               .parked = known.parked,
                               .expired = known.expired,
                               .skipped = known.skipped,
                               .owned = *held,
                               .earliest = Offset{std::min(*earliest, end)}});
  }
  return info;
}

}  // namespace tidings::brokers::log
