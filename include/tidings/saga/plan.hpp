#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/event/detail/event_kind.hpp"
#include "tidings/event/make_envelope.hpp"

/// What `define` makes of a user's clauses: the same for every saga, whatever its state's type. For the machine, and
/// for who draws a definition.
namespace tidings::saga {

using EventKind = tidings::detail::EventKind;

/// How the state of a saga is made, read and written. What `make` and `read` give is of the type that all others of the
/// plan take.
struct StateType {
  std::shared_ptr<void> (*make)() = nullptr;
  Result<std::shared_ptr<void>> (*read)(std::string_view json) = nullptr;
  Result<> (*write)(const void* state, std::string& json) = nullptr;
  const std::string& (*redacted)() = nullptr;  ///< what of the JSON is shown to nobody, as `redact_header` has it
};

/// An event that a saga waits for.
struct Source {
  const EventKind* kind = nullptr;
  bool has_key = false;                                                   ///< of itself, as its traits say
  std::function<Result<>(void* state, const EnvelopeView& event)> react;  ///< null: nothing but that it came counts
  std::function<Result<std::string>(const EnvelopeView& event)> by;       ///< the saga's id; null: the event's key
};

/// An event that a saga publishes. `make` gives none where the state has none to send.
struct Sender {
  const EventKind* kind = nullptr;
  std::function<Result<std::optional<Envelope>>(const void* state, const EnvelopeOptions& options)> make;
};

/// A command and its answers: what a step does, or how it is undone.
struct Action {
  Sender command;
  std::vector<Source> done;
  std::vector<Source> failed;
  Duration within{};  ///< for an answer; nothing: for ever
  int retries = 0;
};

struct Reminder {
  Duration every{};
  Sender event;
};

struct StepPlan {
  std::string name;
  Action act;
  std::optional<Action> undo;
  bool needs_no_undo = false;
  std::function<bool(const void* state)> when;  ///< null: always
  std::optional<Reminder> reminder;
  int clauses_twice = 0;  ///< that may stand once, and do not
};

struct Plan {
  std::string name;
  int version = 1;
  StateType state;
  std::vector<StepPlan> steps;
  std::vector<std::vector<std::size_t>> stages;  ///< steps that run at once; one stage after another
  std::vector<std::size_t> pivots;               ///< before which stage each stands; there is one at most
  std::vector<Source> starts;
  std::vector<Source> cancels;
  std::vector<Sender> completes;
  std::vector<Sender> fails;
  Duration within{};  ///< of the whole; nothing: for ever

  /// Whether what stands in that stage can be undone still: until the stage before the pivot is over.
  [[nodiscard]] bool is_before_pivot(std::size_t stage) const { return pivots.empty() || stage < pivots.front(); }
};

}  // namespace tidings::saga
