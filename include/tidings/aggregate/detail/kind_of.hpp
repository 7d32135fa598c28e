#pragma once

#include <string>
#include <utility>
#include <variant>

#include "tidings/aggregate/aggregate.hpp"
#include "tidings/aggregate/detail/keeper.hpp"
#include "tidings/aggregate/detail/shape.hpp"
#include "tidings/event/make_envelope.hpp"

/// A type of aggregate as those know it who do not know types.
namespace tidings::aggregate::detail {

template <class State>
Result<> encode_state(const void* state, std::string& json) {
  return JsonCodec::encode(*static_cast<const State*>(state), json);
}
template <class State>
Result<> decode_state(void* state, const EnvelopeView& json) {
  auto decoded = decode_event<State>(json);
  if (!decoded) return std::move(decoded).error();
  *static_cast<State*>(state) = std::move(*decoded);
  return {};
}
template <class State>
std::string id_of_state(const void* state) {
  return tidings::detail::key_text(static_cast<const State*>(state)->id);
}

/// Whether it was an `Event`.
template <class State, class Event>
bool apply_if(State& state, const EnvelopeView& event, Result<bool>& done) {
  if (event.type != event_name<Event>()) return false;
  auto decoded = decode_event<Event>(event);
  if (decoded) {
    state.apply(std::as_const(*decoded));
    done = true;
  } else {
    done = std::move(decoded).error();
  }
  return true;
}
template <class State, class Events>
struct Applying;
template <class State, class... Events>
struct Applying<State, std::variant<Events...>> {
  static Result<bool> apply(void* state, const EnvelopeView& event) {
    Result<bool> done = false;
    (apply_if<State, Events>(*static_cast<State*>(state), event, done) || ...);
    return done;
  }
};

template <class A>
Kind bare_kind() {
  return {.name = std::string(tidings::detail::aggregate_name<A>()), .id = &id_of_state<typename A::state_type>};
}
/// With all that is needed where Tidings writes the state.
template <class A>
Kind kind_of() {
  using State = typename A::state_type;
  auto kind = bare_kind<A>();
  kind.state_version = event_version<State>();
  kind.state_shape = shape_of<State>();
  kind.encode = &encode_state<State>;
  kind.decode = &decode_state<State>;
  return kind;
}
template <class A>
Kind kind_with_events() {
  auto kind = kind_of<A>();
  kind.apply = &Applying<typename A::state_type, typename A::event_type>::apply;
  return kind;
}

}  // namespace tidings::aggregate::detail
