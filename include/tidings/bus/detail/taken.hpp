#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidings/bus/any_event.hpp"
#include "tidings/bus/handler_call.hpp"
#include "tidings/event/detail/handler_shape.hpp"

/// How the bus calls what users subscribe, without knowing its type. Not for users.
namespace tidings::bus {

class Calling;
[[nodiscard]] const AnyEvent& event_of(const Calling& calling);
/// Made when it is first asked for: most handlers do without.
[[nodiscard]] Context& context_of(Calling& calling);
void fail(Calling& calling, Error error);

/// `calling` is there for those who want it.
using Run = void (*)(void* callable, const void* event, Calling* calling);
using RunMiddleware = Result<> (*)(void* callable, HandlerCall& call);

struct Taken {
  const EventType* type;  ///< null: every event
  Run run;
  bool wants_context;
  bool wants_calling;  ///< the event alone does not do
};

/// A callable on its way to the registry.
struct Subscriber {
  std::string name;
  std::shared_ptr<void> callable;
  std::vector<Taken> taken;
};

template <class Event, class F>
void run(void* callable, const void* event, Calling* calling) {
  auto& handler = *static_cast<F*>(callable);
  const auto call = [&](const Event& typed) {
    if constexpr (std::invocable<F&, const Event&, Context&>) {
      if (auto done = detail::call(handler, typed, context_of(*calling)); !done)
        fail(*calling, std::move(done.error()));
    } else if constexpr (std::is_void_v<std::invoke_result_t<F&, const Event&>>) {
      std::invoke(handler, typed);
    } else {
      if (auto done = detail::call(handler, typed); !done) fail(*calling, std::move(done.error()));
    }
  };
  if constexpr (std::same_as<Event, AnyEvent>)
    call(event_of(*calling));
  else
    call(*static_cast<const Event*>(event));
}

template <class Event, class F>
Taken take() {
  constexpr bool is_any = std::same_as<Event, AnyEvent>;
  constexpr bool wants_context = std::invocable<F&, const Event&, Context&>;
  bool fails = false;
  if constexpr (!wants_context) fails = !std::is_void_v<std::invoke_result_t<F&, const Event&>>;
  return {.type = is_any ? nullptr : &event_type<Event>,
          .run = run<Event, F>,
          .wants_context = wants_context,
          .wants_calling = is_any || wants_context || fails};
}

template <class F, class Event>
consteval bool returns_outcome() {
  if constexpr (std::invocable<F&, const Event&, Context&>)
    return detail::is_outcome<std::invoke_result_t<F&, const Event&, Context&>>;
  else
    return detail::is_outcome<std::invoke_result_t<F&, const Event&>>;
}

}  // namespace tidings::bus
