#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tidings/event/detail/event_check.hpp"
#include "tidings/event/key.hpp"
#include "tidings/event/reflect.hpp"
#include "tidings/event/traits.hpp"

/// What the state and the events of an aggregate must be, and one sentence for each of what they are not.

namespace tidings::detail {

struct AggregateAccess;

template <class State>
consteval bool state_has_id() {
  if constexpr (requires(const State& state) { state.id; })
    return is_key_value<std::remove_cvref_t<decltype(std::declval<const State&>().id)>>();
  else
    return false;
}

template <class State, class Event>
concept Applies = requires(State& state, const Event& event) { state.apply(event); };

/// Says it of one event.
template <class State, class Event>
struct AggregateEvent {
  static constexpr bool is_struct = is_event<Event> && PlainStruct<Event>;
  static_assert(is_struct, "tidings: the events of an aggregate are plain structs");
  static constexpr bool applied = Applies<State, Event>;
  static_assert(!is_struct || applied,
                "tidings: the state of an aggregate has a public 'void apply(const Event&)' for each of its events");
  static constexpr bool keyed = [] {
    if constexpr (is_struct)
      return has_key<Event>;
    else
      return true;
  }();
  static_assert(keyed,
                "tidings: the key of an aggregate's event is the aggregate's id, so that its events keep their order: "
                "give it one by .key = … in its traits");
  static constexpr bool right = is_struct && applied && keyed;
};

template <class State, class... Events>
struct AggregateRules {
  static constexpr bool is_plain = PlainStruct<State> && std::is_default_constructible_v<State>;
  static_assert(is_plain, "tidings: the state of an aggregate is a plain struct, which begins empty");
  static constexpr bool has_id = [] {
    if constexpr (is_plain)
      return state_has_id<State>();
    else
      return true;
  }();
  static_assert(has_id,
                "tidings: the state of an aggregate has a member 'id': a text, an integer, or a strong type of one, "
                "such as tidings::Id");
  static constexpr bool has_events = sizeof...(Events) > 0;
  static_assert(has_events, "tidings: an aggregate has events: Aggregate<State, Event…>");
  static constexpr bool events_right = (AggregateEvent<State, Events>::right && ...);
  static constexpr bool unique = [] {
    if constexpr (events_right && has_events) {
      constexpr std::array names{event_name<Events>()...};
      for (std::size_t i = 0; i < names.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
          if (names[i] == names[j]) return false;
    }
    return true;
  }();
  static_assert(unique,
                "tidings: two events of this aggregate have one name; name the newest version alone, whose upcast "
                "reads the older ones");
  static constexpr bool right = is_plain && has_id && has_events && events_right && unique;

  static constexpr bool one_topic() {
    constexpr std::array topics{event_topic<Events>()...};
    for (const auto topic : topics)
      if (topic != topics[0]) return false;
    return true;
  }
};

}  // namespace tidings::detail
