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

enum class AggregateFlaw { none, no_struct, not_applied, no_key, state, no_id, no_events, one_name };

template <class State, class Event>
consteval AggregateFlaw flaw_of_aggregate_event() {
  if constexpr (!is_event<Event> || !PlainStruct<Event>)
    return AggregateFlaw::no_struct;
  else if constexpr (!Applies<State, Event>)
    return AggregateFlaw::not_applied;
  else
    return has_key<Event> ? AggregateFlaw::none : AggregateFlaw::no_key;
}

template <class... Events>
consteval bool have_one_name() {
  constexpr std::array names{event_name<Events>()...};
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j]) return true;
  return false;
}
template <class... Events>
consteval bool have_one_topic() {
  constexpr std::array topics{event_topic<Events>()...};
  for (const auto topic : topics)
    if (topic != topics[0]) return false;
  return true;
}

template <class First, class...>
consteval std::string_view first_topic() {
  return event_topic<First>();
}

/// Those of the events come first.
template <class State, class... Events>
consteval AggregateFlaw flaw_of_aggregate() {
  if constexpr (!PlainStruct<State> || !std::is_default_constructible_v<State>) {
    return AggregateFlaw::state;
  } else if constexpr (!state_has_id<State>()) {
    return AggregateFlaw::no_id;
  } else if constexpr (sizeof...(Events) == 0) {
    return AggregateFlaw::no_events;
  } else {
    constexpr std::array flaws{flaw_of_aggregate_event<State, Events>()...};
    for (const auto flaw : flaws)
      if (flaw != AggregateFlaw::none) return flaw;
    if constexpr (((flaw_of_aggregate_event<State, Events>() == AggregateFlaw::none) && ...))
      return have_one_name<Events...>() ? AggregateFlaw::one_name : AggregateFlaw::none;
    return AggregateFlaw::none;
  }
}
template <class State, class... Events>
inline constexpr bool aggregate_is_right = flaw_of_aggregate<State, Events...>() == AggregateFlaw::none;

/// Says what is wrong with one event.
template <class State, class Event>
struct AggregateEvent {
  static constexpr auto flaw = flaw_of_aggregate_event<State, Event>();
  static_assert(flaw != AggregateFlaw::no_struct, "tidings: the events of an aggregate are plain structs");
  static_assert(flaw != AggregateFlaw::not_applied,
                "tidings: the state of an aggregate has a public 'void apply(const Event&)' for each of its events");
  static_assert(flaw != AggregateFlaw::no_key,
                "tidings: the key of an aggregate's event is the aggregate's id, so that its events keep their order: "
                "give it one by .key = … in its traits");
};
/// Says what is wrong with the rest.
template <class State, class... Events>
struct AggregateRules {
  static constexpr auto flaw = flaw_of_aggregate<State, Events...>();
  static_assert(flaw != AggregateFlaw::state,
                "tidings: the state of an aggregate is a plain struct, which begins empty");
  static_assert(flaw != AggregateFlaw::no_id,
                "tidings: the state of an aggregate has a member 'id': a text, an integer, or a strong type of one, "
                "such as tidings::Id");
  static_assert(flaw != AggregateFlaw::no_events, "tidings: an aggregate has events: Aggregate<State, Event…>");
  static_assert(flaw != AggregateFlaw::one_name,
                "tidings: two events of this aggregate have one name; name the newest version alone, whose upcast "
                "reads the older ones");
};

template <class State, class... Events>
void refuse_aggregate() {
  (void)AggregateRules<State, Events...>{};
  if constexpr (PlainStruct<State>) ((void)AggregateEvent<State, Events>{}, ...);
}

}  // namespace tidings::detail
