#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/time.hpp"

namespace tidings::saga {

enum class Status {
  running,       ///< it goes forward
  compensating,  ///< what was done is being undone
  completed,     ///< every step is done
  failed,        ///< all that took effect has been undone
  stuck,         ///< it goes neither on nor back by itself: `why` says what is in its way
  abandoned,     ///< somebody has given it up by hand
};

/// Nothing happens to it any more.
[[nodiscard]] constexpr bool is_over(Status status) {
  return status == Status::completed || status == Status::failed || status == Status::abandoned;
}

enum class StepStatus {
  waiting,  ///< its turn has not come
  sent,     ///< the command is out
  done,
  failed,   ///< the answer was that it was not done
  unknown,  ///< no answer came in time
  skipped,
  undoing,  ///< the compensation is out
  undone,
  undo_failed,   ///< the answer was that it was not undone
  undo_unknown,  ///< no answer came in time
};

[[nodiscard]] std::string_view name_of(Status status);
[[nodiscard]] std::string_view name_of(StepStatus status);

struct StepProgress {
  std::string name;
  StepStatus status = StepStatus::waiting;
  int attempts = 0;        ///< of the command that is out
  int round = 1;           ///< 2 after it failed and was resumed, and so on: another command
  int undo_round = 1;      ///< likewise
  int reminders = 0;       ///< that were published
  std::int64_t token = 0;  ///< a timer with another one is stale
  std::string cause;       ///< the id of what made the command be sent
  std::string content;     ///< the command's payload while it may be sent again, where that is a text

  friend bool operator==(const StepProgress&, const StepProgress&) = default;
};

/// One saga, as it stands in the store.
struct Instance {
  std::string type;  ///< the definition's name
  std::string id;
  int definition = 1;  ///< its version
  Status status = Status::running;
  bool backward = false;  ///< compensating, or stuck in it
  int stage = 0;          ///< in which it is; going back, down to -1
  std::vector<StepProgress> steps;
  std::string state = "{}";  ///< JSON
  std::string redacted;      ///< what of it is shown to nobody who has not asked for it, as `redact_header` has it
  std::int64_t revision = 0;
  std::string correlation;
  std::string why;           ///< it goes back, or is stuck
  std::string started_by;    ///< the id of the event with which it began
  std::string trace_parent;  ///< that event's, for what no event causes: timers, and who steers by hand
  TimePoint started_at{};
  TimePoint updated_at{};
  /// Why its row cannot be read, where `list` tells of it all the same: nothing of status, steps and `why` is known
  /// then.
  std::string unreadable;

  friend bool operator==(const Instance&, const Instance&) = default;
};

/// A line of an instance's history.
struct Note {
  TimePoint time{};
  std::string what;  ///< `sent`, `done`, `timed out`, `stuck` …
  std::string step;
  std::string cause_id;    ///< of the event, or of the command that was waited for
  std::string cause_type;  ///< the event's; `timer`, `by hand`
  std::string text;
};

/// What a person does to an instance.
enum class Steering {
  resume,      ///< a stuck one tries again what it is stuck at
  compensate,  ///< what was done is undone
  abandon,     ///< it is over, whatever is half done
};

/// The id of a command: the same over retries, another one after somebody resumed what had been refused.
[[nodiscard]] std::string command_id(const Instance& instance, const StepProgress& step, bool undo);

}  // namespace tidings::saga
