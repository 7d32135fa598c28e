#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidings/saga/description.hpp"

namespace tidings {

/// What a service is made of, as `Service::describe` and the flag `--describe` tell it: plain structs, whose JSON is
/// read by tools. Members are added, and none changes its meaning, within one `version`.
struct ServiceDescription {
  /// An event that a handler takes; `versions` are it and those that its upcasts lead from, the newest first.
  struct Event {
    std::string type;
    std::vector<std::uint32_t> versions;
    std::string topic;
    bool ordered = false;    ///< it has a key, in whose order it comes, or says that it needs none
    bool keyed = false;      ///< it has a key
    std::string ttl;         ///< so long it is worth handling, as `10s`; empty: for ever
    bool encrypted = false;  ///< it is sealed before it leaves a process
    bool operator==(const Event&) const = default;
  };
  /// One thing that is done with an event, in the order in which it is done.
  struct Step {
    std::string name;  ///< `rate-limit`
    std::string does;  ///< for people
    bool operator==(const Step&) const = default;
  };
  struct Handler {
    std::string name;
    std::string group;
    std::vector<std::string> topics;
    std::vector<Event> events;  ///< none: whatever comes on the topics
    bool batches = false;
    bool transaction = false;       ///< its effects are in the service's store, once
    std::uint32_t concurrency = 1;  ///< so many keys at once
    std::uint32_t batch_max = 1;    ///< events together, where it takes batches
    std::uint32_t retries = 0;      ///< at once, and after waits, before an event is parked
    std::string start;              ///< of a new group
    std::string dead_letters;       ///< the topic where what cannot be handled is parked
    std::string after_parked;       ///< `wait` or `go_on`: later events of a key of which one is parked
    std::string unknown_types;      ///< `ignore` or `park`
    bool each_process = false;      ///< every process handles every event
    bool remembers = true;          ///< the group outlives the process
    std::vector<Step> steps;        ///< of an attempt, from the broker to the handler and what follows its success
    std::vector<Step> on_failure;   ///< of an attempt
    bool operator==(const Handler&) const = default;
  };
  struct Schedule {
    std::string name;
    std::string recurrence;
    bool operator==(const Schedule&) const = default;
  };

  /// A projection that the service keeps in its store; the handler of its name takes its events.
  struct Projection {
    std::string name;
    std::uint32_t version = 1;
    std::string topic;
    std::vector<std::string> tables;
    bool operator==(const Projection&) const = default;
  };

  /// An event that is published, as an `Event`, and by what: code that publishes cannot be asked, so it is told by
  /// `Service::publishes`, but for what sagas and schedules send.
  struct Publication {
    std::string type;
    std::vector<std::uint32_t> versions;
    std::string topic;
    bool ordered = false;
    bool keyed = false;
    std::string ttl;
    bool encrypted = false;
    std::vector<std::string> handlers;   ///< that publish it
    std::vector<std::string> schedules;  ///< likewise
    bool outbox = false;                 ///< by the outbox, in transactions outside of handlers
    bool elsewhere = false;              ///< by `Service::publish`, or nobody said by what
    bool operator==(const Publication&) const = default;
  };
  /// An event whose reply is waited for; replies come on the topic `replies_topic`.
  struct Request {
    Event event;
    std::vector<Event> replies;
    std::string replies_topic;
    bool operator==(const Request&) const = default;
  };

  /// With which keys payloads are sealed and opened. Never a key itself.
  struct Encryption {
    std::string key;                 ///< id of the one that seals; empty: there is none
    std::vector<std::string> opens;  ///< ids of all
    std::vector<std::string> types;  ///< globs of what is sealed beside what asks for it in its traits
    bool operator==(const Encryption&) const = default;
  };

  std::uint32_t version = 1;
  std::string service;
  std::string broker;        ///< its URL, without a password; empty where the program opened it
  std::string store;         ///< likewise; empty also where there is none
  bool relays = false;       ///< it publishes what stands in the store's outbox
  std::string inbox_window;  ///< so long marks of what was handled are kept, as `7d`; empty without a store
  std::string
      claims_keep;  ///< so long payloads beside their events are kept, as `30d`; empty: for ever, or there are none
  std::string name_space;
  std::vector<std::string> middleware;  ///< the outermost first
  std::vector<Handler> handlers;
  std::vector<Schedule> schedules;
  std::vector<saga::Description> sagas;  ///< each version; the handler `saga-NAME` takes their events
  std::vector<Projection> projections;
  std::vector<Publication> publishes;  ///< as far as is known: what sagas and schedules send, and what
                                       ///< `Service::publishes` and `enqueues` name
  Encryption encryption;
  std::vector<Request> requests;  ///< that `Service::requests` names
  bool operator==(const ServiceDescription&) const = default;
};

}  // namespace tidings
