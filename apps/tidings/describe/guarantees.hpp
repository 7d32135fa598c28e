#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/durability.hpp"

// What becomes of an event between its publication and the effects of one group: computed, from what is known of both
// ends and of the broker between them. docs/describe.md has the same as a table, with the reasons.
namespace tidings::cli {

enum class BrokerKind { unknown, memory, log, nats, kafka };

/// How an event is published.
enum class Publishing {
  outbox,    ///< in the transaction of a handler, of a saga, or of the program itself
  handler,   ///< by a handler without one, after its success
  schedule,  ///< by a schedule
  direct,    ///< by `Service::publish`, or nobody said by what
  unknown,   ///< by none of the services that are known
};

/// What is known of one way from a publisher over a topic to a group.
struct PathFacts {
  BrokerKind broker = BrokerKind::unknown;
  std::optional<Durability> durability;  ///< of the topic; none: as this broker makes topics
  std::uint32_t replicas = 1;            ///< on `nats:`
  std::string duplicate_window;          ///< on `nats:`: so long it knows ids, as `2min`
  std::string claims_keep;        ///< so long payloads beside their events are kept; empty: for ever, or none are
  bool is_bounded = false;        ///< it has a retention
  bool waits_for_groups = false;  ///< which takes nothing that a group has not settled
  std::optional<bool> keyed;      ///< the event has a key; none: its type is not known
  std::string ttl;                ///< as `10s`; empty: for ever

  Publishing by = Publishing::unknown;
  bool relays = true;       ///< the publishing service runs its relay
  bool is_serial = false;   ///< its transactions follow one another: SQLite's, and those of a saga's instance
  bool has_others = false;  ///< others publish this event, too

  bool transaction = false;  ///< the group's effects are in its store, with its inbox
  std::string inbox_window;
  bool batches = false;
  std::uint32_t concurrency = 1;
  std::uint32_t retries = 0;
  bool parked_wait = true;     ///< later events of a key wait behind one that is parked
  bool remembers = true;       ///< the group outlives its processes
  bool each_process = false;   ///< every process handles every event
  bool starts_latest = false;  ///< a new group leaves out what was there before
};

/// What a guarantee does not hold against.
struct Cause {
  std::string name;    ///< as declared guarantees name it: `power-cut`
  std::string when;    ///< for people: what happens, and what becomes of the event
  std::string change;  ///< what would mend it
  bool operator==(const Cause&) const = default;
};

/// No causes: it holds, for the reasons of `because`, if what is `provided` is so.
struct Guarantee {
  std::vector<Cause> causes;
  std::vector<std::string> because;
  std::vector<std::string> provided;  ///< what nobody can see in a description
};

struct Guarantees {
  Guarantee loss;
  Guarantee duplicates;  ///< in effect: what comes again and is known counts once
  Guarantee order;       ///< of the events of one key
};

/// Pure: the same facts give the same.
[[nodiscard]] Guarantees guarantees_of(const PathFacts& facts);

/// Adds what `more` says to what is said: of several publishers the weakest counts.
void add_to(Guarantees& all, const Guarantees& more);

/// Every name that a cause may have, of `loss`, `duplicates` or `order`; none of anything else.
[[nodiscard]] std::vector<std::string> causes_known(std::string_view guarantee);

}  // namespace tidings::cli
