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
    bool ordered = false;  ///< it has a key, in whose order it comes, or says that it needs none
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

  std::uint32_t version = 1;
  std::string service;
  std::string broker;   ///< its URL, without a password; empty where the program opened it
  std::string store;    ///< likewise; empty also where there is none
  bool relays = false;  ///< it publishes what stands in the store's outbox
  std::string name_space;
  std::vector<std::string> middleware;  ///< the outermost first
  std::vector<Handler> handlers;
  std::vector<Schedule> schedules;
  std::vector<saga::Description> sagas;  ///< each version; the handler `saga-NAME` takes their events
  std::vector<Projection> projections;
  std::vector<Event> publishes;  ///< as far as is known: what sagas send, and what `Service::publishes` names
  bool operator==(const ServiceDescription&) const = default;
};

}  // namespace tidings
