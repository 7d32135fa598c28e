#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/event/traits.hpp"
#include "tidings/service/dead_letters.hpp"

// What stands in a topic of dead letters beside them: who took a partition over, and what became of what is parked.
// Together they are a journal. Of its own partition each is written by the owner alone, and `hold` names the
// `DeadTaken` that it goes back to: what an owner wrote that had a successor already counts for nothing.
namespace tidings::service {

/// The source of what tools write.
inline constexpr std::string_view tools_source = "tidings";

/// A parked event, as its journal names it.
struct DeadPlace {
  std::uint64_t key = 0;  ///< the key's hash; 0 of an event without order
  std::uint64_t offset = 0;
  bool ordered = false;
  friend bool operator==(const DeadPlace&, const DeadPlace&) = default;
};

/// A partition of a topic has a new owner in the group. What he writes there names the id of this.
struct DeadTaken {
  std::string topic;
  std::uint32_t partition = 0;
  static constexpr tidings::traits<DeadTaken> event{.name = "tidings.dead-letters.taken", .key = tidings::unordered};
};

/// He has taken a request up, or, where it stands there again, goes on with it.
struct DeadBegun {
  std::string topic;
  std::uint32_t partition = 0;
  std::string hold;
  std::string request;  ///< its id
  DeadLetterRequest what;
  static constexpr tidings::traits<DeadBegun> event{.name = "tidings.dead-letters.begun", .key = tidings::unordered};
};

/// These are no longer parked: handled, or dropped.
struct DeadClosed {
  std::string topic;
  std::uint32_t partition = 0;
  std::string hold;
  std::string request;
  std::vector<DeadPlace> redriven;
  std::vector<DeadPlace> dropped;
  static constexpr tidings::traits<DeadClosed> event{.name = "tidings.dead-letters.closed", .key = tidings::unordered};
};

/// One that was driven again has failed, and stays.
struct DeadFailed {
  std::string topic;
  std::uint32_t partition = 0;
  std::string hold;
  std::string request;
  DeadPlace place;
  std::string code;
  std::string reason;
  int attempts = 0;
  TimePoint time{};
  static constexpr tidings::traits<DeadFailed> event{.name = "tidings.dead-letters.failed", .key = tidings::unordered};
};

/// Nothing is left to do of a request.
struct DeadDone {
  std::string topic;
  std::uint32_t partition = 0;
  std::string hold;
  std::string request;
  std::string given_up;  ///< why, where it was
  static constexpr tidings::traits<DeadDone> event{.name = "tidings.dead-letters.done", .key = tidings::unordered};
};

/// Of the topic `tidings.control`.
struct DeadLettersRequested {
  DeadLetterRequest what;
  static constexpr tidings::traits<DeadLettersRequested> event{.name = "tidings.dead-letters.requested",
                                                               .key = tidings::unordered};
};

}  // namespace tidings::service
