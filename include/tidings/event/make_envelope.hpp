#pragma once

#include <string_view>

#include "tidings/base/clock.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings {

/// What an envelope is made with beside the event.
struct EnvelopeOptions {
  std::string_view source;                ///< the service's name
  const EnvelopeView* cause = nullptr;    ///< the event whose handler publishes: gives correlation id, causation id and trace
  Clock* clock = &system_clock();
  Entropy* entropy = &system_entropy();
};

/// The topic of an event: its traits' topic, else its wire name.
template <class Event>
std::string_view event_topic();

/// Encodes `event` as JSON and gives it id, type, version, time, key, and what `options.cause` hands on; without a cause its own id is
/// the correlation id and a new trace begins.
template <class Event>
Result<Envelope> make_envelope(const Event& event, const EnvelopeOptions& options);

}  // namespace tidings
