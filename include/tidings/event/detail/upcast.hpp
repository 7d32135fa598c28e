#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "tidings/event/codec.hpp"
#include "tidings/event/envelope.hpp"
#include "tidings/event/event_data.hpp"
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
/// An error of its payload's JSON without what stands there, if something of the event is redacted: only the place.
Error without_values(const EnvelopeView& envelope, Error why);
Error foreign_version(const EnvelopeView& envelope, std::uint32_t newest, bool upcasts);

template <class Event, class C>
Result<Event> decode_version(const EnvelopeView& envelope, std::uint32_t newest) {
  if (envelope.version == event_version<Event>()) return C::template decode<Event>(envelope.payload);
  if constexpr (has_upcast<Event>) {
    if (envelope.version < event_version<Event>()) {
      auto old = decode_version<Older<Event>, C>(envelope, newest);
      if (!old) return std::move(old.error());
      return Event::upcast(std::move(*old));
    }
  } else {
    (void)EventUpcast<Event>{};
  }
  return foreign_version(envelope, newest, has_upcast<Event>);
}

}  // namespace tidings::detail
