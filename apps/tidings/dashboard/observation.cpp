#include "dashboard/observation.hpp"

#include <algorithm>

#include "output.hpp"
#include "tidings/service/names.hpp"

namespace tidings::cli {

const TopicInfo* Observation::topic(std::string_view name) const {
  const auto found = std::ranges::find(topics, name, &TopicInfo::name);
  return found == topics.end() ? nullptr : &*found;
}

const GroupInfo* Observation::group(std::string_view topic, std::string_view name) const {
  const auto found =
      std::ranges::find_if(groups, [&](const GroupInfo& one) { return one.topic == topic && one.group == name; });
  return found == groups.end() ? nullptr : &*found;
}

bool is_own_topic(std::string_view name) {
  return name.starts_with("tidings.");
}

bool is_of_dead_letters(std::string_view name) {
  return name.ends_with(dead_letters_of(""));
}

std::string service_of(std::string_view group) {
  return std::string(group.substr(0, group.rfind('.')));
}

std::string handler_of(std::string_view group) {
  const auto dot = group.rfind('.');
  return dot == group.npos ? std::string() : std::string(group.substr(dot + 1));
}

Result<Observation> observe_topics(Broker& broker, const Common& common, Clock& clock) {
  const auto begun = clock.steady_now();
  auto topics = broker.topics();
  if (!topics) return topics.error();
  Observation seen{.at = begun, .now = clock.now(), .topics = {}, .groups = {}, .damaged = {}};
  for (auto& topic : *topics) {
    auto name = unnamed(common, topic.name);
    if (name.empty()) continue;
    if (topic.error) {
      seen.damaged.push_back({.topic = std::move(name), .group = {}, .message = to_string(*topic.error)});
      continue;
    }
    topic.name = std::move(name);
    seen.topics.push_back(std::move(topic));
  }
  seen.took = clock.steady_now() - begun;
  return seen;
}

Result<Observation> observe(Broker& broker, const Common& common, Clock& clock) {
  auto seen = observe_topics(broker, common, clock);
  if (!seen) return seen;
  for (const auto& topic : seen->topics) {
    if (is_own_topic(topic.name) || is_of_dead_letters(topic.name)) continue;
    auto groups = broker.groups(named(common, topic.name));
    if (!groups && groups.error().code == "unknown_topic") continue;  // it has gone meanwhile
    if (!groups && groups.error().code == "corrupt") {
      seen->damaged.push_back({.topic = topic.name, .group = {}, .message = to_string(groups.error())});
      continue;
    }
    if (!groups) return groups.error();
    for (auto& group : *groups) {
      auto name = unnamed(common, group.group);
      if (name.empty()) continue;
      if (group.error) {
        seen->damaged.push_back({.topic = topic.name, .group = std::move(name), .message = to_string(*group.error)});
        continue;
      }
      group.group = std::move(name);
      group.topic = topic.name;
      seen->groups.push_back(std::move(group));
    }
  }
  seen->took = clock.steady_now() - seen->at;
  return seen;
}

std::uint64_t sum_of_ends(const TopicInfo& topic) {
  std::uint64_t sum = 0;
  for (const auto& one : topic.partitions) sum += one.end.value;
  return sum;
}

std::uint64_t events_kept(const TopicInfo& topic) {
  std::uint64_t kept = 0;
  for (const auto& one : topic.partitions) kept += one.end.value - std::min(one.earliest, one.end).value;
  return kept;
}

}  // namespace tidings::cli
