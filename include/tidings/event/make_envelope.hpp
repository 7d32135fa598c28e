#pragma once

#include <string_view>
#include <type_traits>

#include "tidings/base/clock.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/event/codec.hpp"
#include "tidings/event/detail/event_check.hpp"
#include "tidings/event/detail/redact_marks.hpp"
#include "tidings/event/detail/upcast.hpp"
#include "tidings/event/envelope.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/event/sealer.hpp"
#include "tidings/event/traits.hpp"

namespace tidings {

/// What an envelope is made with beside the event.
struct EnvelopeOptions {
  std::string_view source = {};  ///< the service's name
  const EnvelopeView* cause =
      nullptr;  ///< the event whose handler publishes: gives correlation id, causation id and trace
  std::string_view trace_parent = {};  ///< the span that it is published in, where there is no cause
  Clock* clock = &system_clock();
  Entropy* entropy = &system_entropy();
};

/// An envelope with id (UUIDv7), source, time, correlation and causation ids and trace, without type, key and payload.
/// Without a cause its own id is the correlation id, and a new trace begins. A cause's valid `traceparent` is continued
/// by a new span; another is replaced.
[[nodiscard]] Envelope begin_envelope(const EnvelopeOptions& options);

namespace detail {
/// The same in place, into an empty one.
void begin_envelope(Envelope& envelope, const EnvelopeOptions& options);
}  // namespace detail

/// Encodes `event` and gives it type, version, key and all that `begin_envelope` gives; the mark that it is to be
/// sealed, and what of it is redacted, where its traits ask for that (tidings/event/sealer.hpp, redact.hpp). Errors:
/// what the codec says.
template <class Event, class C = JsonCodec>
  requires(!detail::is_event<Event> || Codec<C, Event>)
Result<Envelope> make_envelope(const Event& event, const EnvelopeOptions& options = {}) {
  if constexpr (detail::is_event<Event>) {
    Result<Envelope> made{std::in_place};  // and returned: an envelope is not quickly moved
    auto& envelope = *made;
    detail::begin_envelope(envelope, options);
    envelope.type = event_name<Event>();
    envelope.version = event_version<Event>();
    envelope.key = event_key(event);
    if constexpr (event_ttl<Event>() > Duration::zero())
      envelope.headers.set(expiry_header, to_rfc3339(envelope.time + event_ttl<Event>()));
    if (const auto& redacted = detail::redact_header_for<Event>(); !redacted.empty())  // only into JSON can be pointed
      envelope.headers.set(redact_header, std::is_same_v<C, JsonCodec> ? redacted : redact_everything);
    if constexpr (is_encrypted<Event>) envelope.headers.set(encryption_header, encryption_required);
    envelope.data_content_type = C::content_type;
    envelope.payload.reserve(256);  // most fit, and it does not grow step by step
    if (auto encoded = detail::encode_event<Event, C>(event, envelope.payload); !encoded) {
      encoded.error().message.insert(0, std::string(event_name<Event>()) + " ");
      made = std::move(encoded.error());
    }
    return made;
  } else {
    (void)detail::RefusedEvent<Event>{};
    return Error{};
  }
}

/// Reads an envelope's payload as `Event`; one of an older version goes through the class's `static Event upcast(const
/// Older&)`, as often as it takes. Of an event that is sealed, or has something that is redacted, an error tells only
/// the place, with `*` for what is no member's name. Errors (never): `unsupported_content`, `unknown_version`, and what
/// the codec says. The type is not looked at.
template <class Event, Codec<Event> C = JsonCodec>
Result<Event> decode_event(const EnvelopeView& envelope) {
  if constexpr (detail::is_event<Event>) {
    if (!envelope.data_content_type.empty() && !envelope.data_content_type.starts_with(C::content_type))
      return detail::foreign_content(envelope, C::content_type);
    return detail::decode_version<Event, C>(envelope, event_version<Event>(), detail::came_secret(envelope));
  } else {
    (void)detail::RefusedEvent<Event>{};
    return Error{};
  }
}

}  // namespace tidings
