#pragma once

#include <string>
#include <string_view>
#include <type_traits>

/// What is handed over as an event and is none, and the sentence that says so: for all that takes events.
namespace tidings {
class Context;
}

namespace tidings::detail {

enum class NoEvent { none, text, pointer, other, undefined, refers, context, batch };

/// What classes of Tidings that go with events are. Specialised where they stand.
template <class T>
inline constexpr NoEvent goes_with_events = NoEvent::none;
template <>
inline constexpr NoEvent goes_with_events<Context> = NoEvent::context;

template <class T>
inline constexpr bool is_text = std::is_same_v<std::decay_t<T>, char*> || std::is_same_v<std::decay_t<T>, const char*>;
template <class Traits, class Allocator>
inline constexpr bool is_text<std::basic_string<char, Traits, Allocator>> = true;
template <>
inline constexpr bool is_text<std::string_view> = true;

template <class T>
consteval NoEvent look_at_event() {
  if constexpr (is_text<T>)
    return NoEvent::text;
  else if constexpr (std::is_pointer_v<T>)
    return NoEvent::pointer;
  else if constexpr (!std::is_class_v<T>)
    return NoEvent::other;
  else if constexpr (goes_with_events<T> != NoEvent::none)
    return goes_with_events<T>;
  else
    return requires { sizeof(T); } ? NoEvent::none : NoEvent::undefined;
}

template <class T>
inline constexpr bool is_event = look_at_event<T>() == NoEvent::none;

/// Says why `Event` is none: its name stands in the instantiation that the compiler tells.
template <class Event>
struct RefusedEvent {
  static constexpr auto is = look_at_event<Event>();
  static_assert(is != NoEvent::text,
                "tidings: an event is a struct of its own, and no text, which does not say what has happened: struct "
                "OrderPlaced { std::string id; }");
  static_assert(is != NoEvent::pointer,
                "tidings: an event is handed over by value or reference, and not by pointer: publish(*event)");
  static_assert(
      is != NoEvent::other,
      "tidings: an event is a struct of its own, and no number, enum, union or array, which does not say what "
      "has happened: struct OrderPlaced { int number; }");
  static_assert(is != NoEvent::undefined,
                "tidings: this event is only declared here: include the header that defines it");
  static_assert(
      is != NoEvent::refers,
      "tidings: an AnyEvent only refers to an event, whose type is not known when this is compiled: get it by "
      "get<OrderPlaced>(), and publish that");
  static_assert(is != NoEvent::context,
                "tidings: a Context is no event, but stands beside one; publish an event through it");
  static_assert(
      is != NoEvent::batch,
      "tidings: a Batch is no event, but holds some: publish them one by one; only services' handlers take it");
};
template <class Event>
void refuse_unless_event() {
  if constexpr (!is_event<Event>) (void)RefusedEvent<Event>{};
}

}  // namespace tidings::detail
