#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/event/make_envelope.hpp"
#include "tidings/saga/instance.hpp"
#include "tidings/saga/plan.hpp"

/// What a saga does next, as a function of what it is and what comes: no store, no broker, no time of its own.
namespace tidings::saga {

enum class TimerKind { within, remind, deadline };

[[nodiscard]] std::string_view name_of(TimerKind kind);

/// A timer of a step, or (`deadline`, without one) of the whole. One of each kind at a time.
struct Timer {
  std::string step;
  TimerKind kind = TimerKind::within;
  std::int64_t token = 0;
  TimePoint due{};

  friend bool operator==(const Timer&, const Timer&) = default;
};

struct Outgoing {
  std::string_view topic;  ///< of the plan
  Envelope event;
};

struct Transition {
  Instance instance;
  bool has_changed = false;  ///< false: nothing else is to be looked at
  std::vector<Outgoing> outgoing;
  std::vector<Timer> set;  ///< instead of that of its step and kind
  /// Timers of these steps, "" of the whole, go, before those that are set.
  std::vector<std::string> cleared;
  bool clears_all = false;
  std::vector<Note> notes;
  bool is_alert = false;  ///< somebody is to look: it is stuck, or overdue
  std::string stuck_at;   ///< the step that it has become stuck at in this transition
};

/// Beside what comes.
struct Moment {
  TimePoint now{};
  EnvelopeOptions envelopes{};  ///< source, clock and entropy
};

/// The id of the saga that the event is for; none where the plan does not wait for it. Errors: `no_correlation`
/// (never), what decoding says.
[[nodiscard]] Result<std::optional<std::string>> correlate(const Plan& plan, const EnvelopeView& event);

/// Whether it makes an instance where there is none.
[[nodiscard]] bool is_start(const Plan& plan, const EnvelopeView& event);

/// The first transition. Errors: what decoding, reactions and senders say.
[[nodiscard]] Result<Transition> begin(const Plan& plan, std::string id, const EnvelopeView& event,
                                       const Moment& moment);
/// What was there before, or is not waited for now, changes nothing.
[[nodiscard]] Result<Transition> take(const Plan& plan, const Instance& instance, const EnvelopeView& event,
                                      const Moment& moment);
/// One that is stale changes nothing.
[[nodiscard]] Result<Transition> fire(const Plan& plan, const Instance& instance, const Timer& timer,
                                      const Moment& moment);
/// Errors: `not_stuck`, `saga_over`, `past_pivot`, `is_compensating` (never).
[[nodiscard]] Result<Transition> steer(const Plan& plan, const Instance& instance, Steering steering,
                                       const Moment& moment);
[[nodiscard]] Error saga_over(const Instance& instance);
/// Without a plan, whatever it is.
[[nodiscard]] Result<Transition> abandon(const Instance& instance, const Moment& moment);

}  // namespace tidings::saga
