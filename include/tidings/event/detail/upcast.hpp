#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "tidings/event/codec.hpp"
#include "tidings/event/detail/redact_marks.hpp"
#include "tidings/event/envelope.hpp"
#include "tidings/event/event_data.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/event/traits.hpp"

/// Reading events of older versions: a class takes the version before by `static OrderPlaced upcast(const
/// v1::OrderPlaced& old)`, which may also return a `Result`; that one may have an upcast of its own, and so on.

namespace tidings::detail {

template <class Function>
struct UpcastOf {
  static constexpr bool right = false;
};
template <class Made, class Argument>
struct UpcastOf<Made (*)(Argument)> {
  using Returned = Made;
  using Old = std::remove_cvref_t<Argument>;
  static constexpr bool right = std::is_convertible_v<Old&&, Argument>;
};
template <class Made, class Argument>
struct UpcastOf<Made (*)(Argument) noexcept> : UpcastOf<Made (*)(Argument)> {};

struct NamedUpcast {
  int upcast;
};
template <class T>
struct BothUpcasts : T, NamedUpcast {};

template <class Event>
inline constexpr bool reaches_upcast = requires { &Event::upcast; };
/// Whether there is something of that name, also where it is not reached.
template <class Event>
consteval bool names_upcast() {
  if constexpr (reaches_upcast<Event> || !std::is_class_v<Event> || std::is_final_v<Event>)
    return reaches_upcast<Event>;
  else
    return !requires { &BothUpcasts<Event>::upcast; };
}

enum class UpcastFlaw { none, unreached, not_static, shape, returns, not_older, other_name };

template <class Event>
consteval UpcastFlaw flaw_of_upcast() {
  if constexpr (!reaches_upcast<Event>) {
    return names_upcast<Event>() ? UpcastFlaw::unreached : UpcastFlaw::none;
  } else if constexpr (std::is_member_pointer_v<decltype(&Event::upcast)>) {
    return UpcastFlaw::not_static;
  } else if constexpr (!UpcastOf<decltype(&Event::upcast)>::right) {
    return UpcastFlaw::shape;
  } else {
    using Made = typename UpcastOf<decltype(&Event::upcast)>::Returned;
    using Old = typename UpcastOf<decltype(&Event::upcast)>::Old;
    if constexpr (!std::is_same_v<Made, Event> && !std::is_same_v<Made, Result<Event>>)
      return UpcastFlaw::returns;
    else if constexpr (event_version<Old>() >= event_version<Event>())
      return UpcastFlaw::not_older;
    else
      return event_name<Old>() == event_name<Event>() ? UpcastFlaw::none : UpcastFlaw::other_name;
  }
}

/// Whether older versions of `Event` can be read.
template <class Event>
inline constexpr bool has_upcast = reaches_upcast<Event> && flaw_of_upcast<Event>() == UpcastFlaw::none;
template <class Event>
using Older = typename UpcastOf<decltype(&Event::upcast)>::Old;

/// Says what is wrong with the upcast of `Event`.
template <class Event>
struct EventUpcast {
  static constexpr auto flaw = flaw_of_upcast<Event>();
  static_assert(flaw != UpcastFlaw::unreached,
                "tidings: the upcast of an event is one public static function; this one is overloaded, a template or "
                "not public (older versions chain: each takes the version before)");
  static_assert(flaw != UpcastFlaw::not_static,
                "tidings: the upcast of an event must be static: static Event upcast(const Older&)");
  static_assert(flaw != UpcastFlaw::shape,
                "tidings: the upcast of an event takes the version before, as const Older&, and nothing else");
  static_assert(flaw != UpcastFlaw::returns,
                "tidings: the upcast of an event returns that event, or a tidings::Result of it");
  static_assert(flaw != UpcastFlaw::not_older,
                "tidings: the upcast of an event takes an older one: give that type's traits a lower version");
  static_assert(flaw != UpcastFlaw::other_name,
                "tidings: the upcast of an event takes an older version of it: give that type's traits the same name");
};

Error foreign_content(const EnvelopeView& envelope, std::string_view wanted);
/// Whether the envelope says that it was sealed, or that something of it is redacted.
bool came_secret(const EnvelopeView& envelope);
/// In place of what a codec says that is not JSON's, and may quote.
Error untold(Error why);
Error foreign_version(const EnvelopeView& envelope, std::uint32_t newest, bool upcasts);

/// What goes wrong is told without values and names that are none of the class's, where these are to be seen by nobody.
template <class Event, class C>
Result<> encode_event(const Event& event, std::string& out) {
  if constexpr (std::is_same_v<C, JsonCodec>) {
    JsonWriter writer(out);
    if (!write_json(writer, event)) return writer.error(is_secret<Event>() ? JsonTells::place : JsonTells::all);
    writer.finish();
    return {};
  } else {
    auto done = C::encode(event, out);
    if (!done && is_secret<Event>()) return untold(std::move(done).error());
    return done;
  }
}
template <class Event, class C>
Result<Event> decode_payload(std::string_view payload, bool came_secret) {
  auto event = C::template decode<Event>(payload);
  if (!event && (came_secret || is_secret<Event>())) {
    if constexpr (std::is_same_v<C, JsonCodec>)
      event = JsonCodec::decode<Event>(payload, JsonTells::place);  // again, for what it says
    else
      event = untold(std::move(event).error());
  }
  return event;
}

template <class Event, class C>
Result<Event> decode_version(const EnvelopeView& envelope, std::uint32_t newest, bool came_secret) {
  if (envelope.version == event_version<Event>()) return decode_payload<Event, C>(envelope.payload, came_secret);
  if constexpr (has_upcast<Event>) {
    if (envelope.version < event_version<Event>()) {
      auto old = decode_version<Older<Event>, C>(envelope, newest, came_secret || is_secret<Event>());
      if (!old) return std::move(old.error());
      return Event::upcast(std::move(*old));
    }
  } else {
    (void)EventUpcast<Event>{};
  }
  return foreign_version(envelope, newest, has_upcast<Event>);
}

}  // namespace tidings::detail
