#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "causes.hpp"
#include "commands.hpp"
#include "dashboard/fate.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/outbox/parked.hpp"
#include "tidings/service/attempts.hpp"

// What `tidings why` finds; how it tells that is `why_telling.hpp`.
namespace tidings::cli {

/// What stands in a group's topic of dead letters of an event.
struct Parking {
  TimePoint time{};
  std::string code, reason;
  int attempts = 0;
};

/// What became of an event in one group.
struct EventInGroup {
  std::string group;
  Fate fate;
  std::uint64_t position = 0, settled_beyond = 0;
  bool has_members = false;
  std::vector<Parking> parkings;        ///< each time that it was
  std::optional<TimePoint> marked;      ///< in the inbox
  std::optional<Error> inbox;           ///< why nothing is known of that; none: it is, or nobody asked
  std::vector<AttemptsAnswer> answers;  ///< of the group's processes, where they were asked
  [[nodiscard]] bool has_inbox() const { return !inbox || inbox->code != "unknown_inbox"; }
};

/// An event where it stands: one that is published twice stands in two places.
struct EventInTopic {
  Seen event;
  std::vector<EventInGroup> groups;
};

struct WhyFound {
  std::vector<EventInTopic> places;
  std::vector<Seen> chain;                    ///< what caused it, and what it caused
  std::vector<outbox::OutboxEvent> outbox;    ///< what of it, and of what it caused, stands in an outbox
  std::map<std::string, std::string> unread;  ///< topics that could not be read whole, and why
  [[nodiscard]] bool is_found() const { return !places.empty() || !outbox.empty(); }
};

/// Reads what the topics, groups, dead letters and databases have of the event; a signal ends it, with what there is.
/// What is damaged is named, and the rest is read. Errors: the broker's, the stores'.
[[nodiscard]] Result<WhyFound> find_why(Broker& broker, const Common& common, const WhyArguments& arguments);

}  // namespace tidings::cli
