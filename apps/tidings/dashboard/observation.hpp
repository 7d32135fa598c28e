#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "tidings/base/clock.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// What a broker says of its topics and groups at one moment. Names are without the namespace; what belongs to another
/// one is left out.
struct Observation {
  SteadyTime at{};
  TimePoint now{};
  Duration took{};
  std::vector<TopicInfo> topics;
  std::vector<GroupInfo> groups;  ///< of topics that are neither ours nor of dead letters
  struct Damaged {
    std::string topic;
    std::string group;  ///< whose record of the topic it is; empty: it is the topic itself
    std::string message;
    /// `TOPIC`, or `GROUP on TOPIC`: for people.
    [[nodiscard]] std::string name() const { return group.empty() ? topic : group + " on " + topic; }
  };
  std::vector<Damaged> damaged;

  [[nodiscard]] const TopicInfo* topic(std::string_view name) const;
  [[nodiscard]] const GroupInfo* group(std::string_view topic, std::string_view name) const;
};

/// `tidings.control` and the like: Tidings' own, shown on request only.
[[nodiscard]] bool is_own_topic(std::string_view name);
/// `GROUP.dead-letters`.
[[nodiscard]] bool is_of_dead_letters(std::string_view name);
/// Of a group `SERVICE.HANDLER`: the service; of another one its name.
[[nodiscard]] std::string service_of(std::string_view group);
[[nodiscard]] std::string handler_of(std::string_view group);

/// Asks the broker; makes nothing, and joins nothing. Errors: the broker's.
[[nodiscard]] Result<Observation> observe(Broker& broker, const Common& common, Clock& clock = system_clock());

/// The same without groups: one call.
[[nodiscard]] Result<Observation> observe_topics(Broker& broker, const Common& common, Clock& clock = system_clock());

[[nodiscard]] std::uint64_t sum_of_ends(const TopicInfo& topic);
[[nodiscard]] std::uint64_t events_kept(const TopicInfo& topic);

}  // namespace tidings::cli
