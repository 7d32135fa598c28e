#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "tidings/event/detail/event_check.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/saga/plan.hpp"

/// From member functions of a saga's state to what a plan has.
namespace tidings::saga::detail {

template <class T>
inline constexpr bool never = false;

/// How a state reacts to an event.
template <class M>
struct Reaction {
  static_assert(never<M>,
                "tidings: a saga reacts with a member function of its state: void f(const Event&), or "
                "tidings::Result<> f(const Event&)");
};
template <class R, class S, class E>
struct Reaction<R (S::*)(const E&)> {
  static_assert(std::is_void_v<R> || std::same_as<R, Result<>>,
                "tidings: a saga's reaction returns void or tidings::Result<>; what else it returns would be dropped");
  using State = S;
  using Event = E;
};
template <class R, class S, class E>
struct Reaction<R (S::*)(const E&) noexcept> : Reaction<R (S::*)(const E&)> {};

/// What a state sends.
template <class R>
struct SentBy {
  using Event = R;
};
template <class R>
struct SentBy<std::optional<R>> : SentBy<R> {};
template <class R>
struct SentBy<Result<R>> : SentBy<R> {};

template <class M>
struct Sending {
  static_assert(never<M>,
                "tidings: a saga sends with a member function of its state: Event f() const, std::optional<Event> f() "
                "const or tidings::Result<Event> f() const");
};
template <class R, class S>
struct Sending<R (S::*)() const> {
  using State = S;
  using Event = typename SentBy<R>::Event;
  static_assert(tidings::detail::is_event<Event>, "tidings: what a saga sends is an event: a struct of its own");
};
template <class R, class S>
struct Sending<R (S::*)() const noexcept> : Sending<R (S::*)() const> {};

using Made = Result<std::optional<Envelope>>;

template <class Event>
Made envelope_of(const Event& event, const EnvelopeOptions& options) {
  auto made = make_envelope(event, options);
  if (!made) return made.error();
  return std::optional<Envelope>(std::move(*made));
}
template <class Event>
Made envelope_of(const std::optional<Event>& event, const EnvelopeOptions& options) {
  if (!event) return std::optional<Envelope>{};
  return envelope_of(*event, options);
}
template <class Event>
Made envelope_of(const Result<Event>& event, const EnvelopeOptions& options) {
  if (!event) return event.error();
  return envelope_of(*event, options);
}

template <class M>
Sender make_sender(M method) {
  using S = typename Sending<M>::State;
  return {.kind = &tidings::detail::event_kind<typename Sending<M>::Event>,
          .make = [method](const void* state, const EnvelopeOptions& options) {
            return envelope_of((static_cast<const S*>(state)->*method)(), options);
          }};
}

template <class Event>
Source make_source() {
  return {.kind = &tidings::detail::event_kind<Event>, .has_key = has_key<Event>, .react = {}, .by = {}};
}

template <class M>
Source make_source(M method) {
  using S = typename Reaction<M>::State;
  using E = typename Reaction<M>::Event;
  auto made = make_source<E>();
  made.react = [method](void* state, const EnvelopeView& envelope) -> Result<> {
    auto event = decode_event<E>(envelope);
    if (!event) return event.error();
    if constexpr (std::is_void_v<decltype((static_cast<S*>(state)->*method)(*event))>) {
      (static_cast<S*>(state)->*method)(*event);
      return {};
    } else {
      return (static_cast<S*>(state)->*method)(*event);
    }
  };
  return made;
}

template <class S>
StateType state_type() {
  return {.make = []() -> std::shared_ptr<void> { return std::make_shared<S>(); },
          .read = [](std::string_view json) -> Result<std::shared_ptr<void>> {
            auto read = JsonCodec::decode<S>(json, tidings::detail::is_secret<S>() ? JsonTells::place : JsonTells::all);
            if (!read) return read.error();
            return std::shared_ptr<void>(std::make_shared<S>(std::move(*read)));
          },
          .write =
              [](const void* state, std::string& json) {
                return tidings::detail::encode_event<S, JsonCodec>(*static_cast<const S*>(state), json);
              },
          .redacted = &tidings::detail::redact_header_for<S>};
}

}  // namespace tidings::saga::detail
