#include "asked_fate.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

std::string at_second(TimePoint time) {
  return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
}

const AttemptsAnswer* holder_in(const std::vector<AttemptsAnswer>& answers) {
  const auto at = std::ranges::find_if(answers, &AttemptsAnswer::holds);
  return at == answers.end() ? nullptr : &*at;
}

std::string last_failure(const AttemptsOfEvent& one) {
  const auto& last = one.failed.back();
  return "attempt " + std::to_string(last.number) + " failed at " + at_second(last.time) + ", " + last.code + ": " +
         last.reason;
}

/// Of one that is in hand.
void tell(Fate& fate, const AttemptsOfEvent& one, const std::string& what, const std::string& process) {
  if (one.runs_since) {
    fate.blocker = "running";
    fate.reason = "an attempt at " + what + " runs since " + at_second(*one.runs_since) + ", in " + process;
    if (!one.failed.empty()) fate.reason += "; " + last_failure(one);
  } else if (!one.failed.empty()) {
    fate.blocker = "retrying";
    fate.reason = what + " is tried again" + (one.next ? " at " + at_second(*one.next) : "") + ", in " + process +
                  ": " + last_failure(one);
  } else {
    fate.blocker = "in_hand";
    fate.reason = process + " has " + what + " in hand, and has not begun with it";
  }
}

}  // namespace

bool is_worth_asking(const Fate& fate) {
  using enum Fate::Status;
  if (fate.status == passed) return true;
  return (fate.status == pending || fate.status == in_progress) && fate.blocker != "gone" && fate.blocker != "nobody" &&
         fate.blocker != "parked_key";
}

const AttemptsOfEvent* told_of(const std::vector<AttemptsAnswer>& answers, std::uint64_t offset) {
  const auto* const holder = holder_in(answers);
  if (holder == nullptr) return nullptr;
  const auto at = std::ranges::find(holder->events, offset, &AttemptsOfEvent::offset);
  return at == holder->events.end() ? nullptr : &*at;
}

void tell_by_answers(Fate& fate, const std::vector<AttemptsAnswer>& answers, const Seen& event,
                     std::uint64_t position) {
  using enum Fate::Status;
  const auto* const holder = holder_in(answers);
  if (fate.status == passed) {
    if (!answers.empty() && std::ranges::none_of(answers, &AttemptsAnswer::takes)) {
      fate.status = not_taken;
      fate.reason = "the group takes no events of type " + event.type + ", as " + answers.front().process + " says";
    } else if (holder != nullptr) {
      fate.reason += "; the group takes events of type " + event.type + ", as " + holder->process + " says";
    }
    return;
  }
  if (holder == nullptr) {
    fate.blocker = "silent";
    fate.reason += "; who holds the partition does not answer: it hangs as a whole, or is of a version that cannot";
    return;
  }
  if (holder->paused) return;  // which the reason says already
  const auto* const self = told_of(answers, event.offset);
  const auto* const front = position < event.offset ? told_of(answers, position) : nullptr;
  if (self != nullptr && self->in_hand && (self->runs_since || !self->failed.empty() || position == event.offset)) {
    fate.status = in_progress;
    tell(fate, *self, "it", holder->process);
  } else if (front != nullptr && front->in_hand) {
    tell(fate, *front, "offset " + std::to_string(position) + ", in front of it,", holder->process);
  } else if (self != nullptr && self->in_hand) {
    fate.status = in_progress;
    tell(fate, *self, "it", holder->process);
  }
  if (holder->broken) {
    fate.blocker = "broken";
    fate.reason += "; the handler's circuit breaker is open: nothing else is begun";
  }
}

}  // namespace tidings::cli
