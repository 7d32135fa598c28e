#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidings/saga/definition.hpp"
#include "tidings/saga/instance.hpp"

namespace tidings::saga {

/// What a definition says, in plain structs without functions, whose JSON is read by tools. Members are added, and none
/// changes its meaning.
struct Description {
  /// An event: a command, an answer, or what begins and ends a saga.
  struct Event {
    std::string type;
    std::uint32_t version = 1;
    std::string topic;  ///< without the namespace
    bool operator==(const Event&) const = default;
  };
  /// A command, and what answers it.
  struct Action {
    Event sends;
    std::vector<Event> done;
    std::vector<Event> failed;
    std::string within;  ///< so long it waits for an answer, as `30s`; empty: for ever
    int retries = 0;     ///< after that time
    bool operator==(const Action&) const = default;
  };
  struct Step {
    std::string name;
    std::uint32_t stage = 0;  ///< steps of one stage begin at once; the next stage waits for all of them
    Action act;
    std::optional<Action> undo;    ///< its compensation
    bool needs_no_undo = false;    ///< and says so
    bool is_conditional = false;   ///< whether it is done is up to the state
    std::string remind_every;      ///< empty: nobody is reminded
    std::optional<Event> reminds;  ///< what is sent then
    bool operator==(const Step&) const = default;
  };
  std::string name;
  int version = 1;
  std::vector<Event> starts;
  std::vector<Event> cancels;
  std::vector<Step> steps;
  std::optional<std::uint32_t> pivot;  ///< what stands in this stage and behind it is never undone
  std::vector<Event> completes;        ///< published when it is completed
  std::vector<Event> fails;            ///< published when all is undone
  std::string within;                  ///< of the whole, as `1h`; empty: for ever
  bool operator==(const Description&) const = default;
};

[[nodiscard]] Description describe(const Definition& definition);

/// A state diagram of Mermaid's: the steps with what they wait for, and how they are undone. Of an instance, as a store
/// has it: the steps with their states. Both as they stand between the fences of a Markdown page.
[[nodiscard]] std::string to_mermaid(const Description& description);
[[nodiscard]] std::string to_mermaid(const Instance& instance);

}  // namespace tidings::saga
