#include "service/twins.hpp"

#include <algorithm>

#include "tidings/broker/broker.hpp"

namespace tidings::service {

namespace {

constexpr int looks_before_warning = 2;

}  // namespace

void Twins::look(std::span<const Member> members) {
  for (const auto& member : members) {
    auto& seen = seen_[{member.handler, member.topic}];
    if (seen >= looks_before_warning) continue;  // told
    const auto groups = host_.broker->groups(member.broker_topic);
    if (!groups) continue;
    const auto group = std::ranges::find(*groups, member.group, &GroupInfo::group);
    if (group == groups->end()) continue;
    const bool is_shared = std::ranges::any_of(group->partitions, [&](const GroupPartitionInfo& one) {
      const auto place = member.topic + "/" + std::to_string(one.partition.value);
      return one.owned && std::ranges::find(member.held, place) == member.held.end();
    });
    seen = is_shared ? seen + 1 : 0;
    if (seen == looks_before_warning)
      host_.say(LogLevel::warning, member.handler + " shares the events of " + member.topic +
                                       " with another process that is called '" + host_.instance +
                                       "', too: each of them was to get every event. Give every process an instance of "
                                       "its own");
  }
}

}  // namespace tidings::service
