#pragma once

#include <functional>
#include <string>
#include <utility>

#include "tidings/event/context.hpp"

namespace tidings::service::detail {

/// A recurring schedule has come. One of them waits until the next time; who handles it publishes what the schedule is
/// for, and lets the next one wait.
struct Tick {
  std::string schedule;  ///< `SERVICE/NAME`
  std::string recurrence;
  std::string due;  ///< RFC 3339
  static constexpr tidings::traits<Tick> event{
      .name = "tidings.schedule-tick", .topic = "tidings.schedule", .key = &Tick::schedule};
};

/// The event of a schedule, for the time that it was due, and its topic.
struct Occurrence {
  std::string_view topic;
  Envelope envelope;
};
using MakeOccurrence = std::function<Result<Occurrence>(TimePoint due, const EnvelopeOptions& options)>;

template <class F>
MakeOccurrence make_occurrence(F function) {
  using Event = std::remove_cvref_t<std::invoke_result_t<F&, TimePoint>>;
  static_assert(tidings::detail::is_event<Event>,
                "tidings: the function of a schedule takes the time that was due, and returns an event");
  return [function = std::move(function)](TimePoint due, const EnvelopeOptions& options) mutable -> Result<Occurrence> {
    auto envelope = make_envelope(Event(function(due)), options);
    if (!envelope) return envelope.error();
    return Occurrence{event_topic<Event>(), std::move(*envelope)};
  };
}

}  // namespace tidings::service::detail
