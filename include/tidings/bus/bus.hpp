#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidings/bus/subscription.hpp"
#include "tidings/event/context.hpp"
#include "tidings/event/handler_shape.hpp"

namespace tidings {

/// An event of whatever type, as a subscriber to all of them gets it. Valid for the call.
class AnyEvent {
 public:
  AnyEvent(const void* identity, std::string_view type, const void* event)
      : identity_(identity), type_(type), event_(event) {}

  /// Its wire name where it has one of its own, else its C++ name.
  [[nodiscard]] std::string_view type() const { return type_; }
  /// The event, if it is an `Event`; else null.
  template <class Event>
  [[nodiscard]] const Event* get() const {
    return identity_ == &event_identity<Event> ? static_cast<const Event*>(event_) : nullptr;
  }

 private:
  const void* identity_;
  std::string_view type_;
  const void* event_;
};

/// What became of a publish on the bus: every subscriber ran; these failed.
class [[nodiscard]] BusResult {
 public:
  [[nodiscard]] bool ok() const { return errors_.empty(); }
  explicit operator bool() const { return ok(); }
  /// How many handlers were called.
  [[nodiscard]] std::size_t handlers() const { return handlers_; }
  /// In the order of subscription.
  [[nodiscard]] const std::vector<Error>& errors() const { return errors_; }
  /// All of it as one: the error itself, or `several_failed` with all of their messages.
  [[nodiscard]] Result<> combined() const;

  void add_call() { ++handlers_; }
  void add_error(Error error) { errors_.push_back(std::move(error)); }

 private:
  std::size_t handlers_ = 0;
  std::vector<Error> errors_;
};

namespace bus {

/// What a subscriber's callable has become. `context` is made only for those that want one.
using Handler = std::function<Result<>(const AnyEvent& event, Context* context)>;

struct Taken {
  const void* identity;  ///< null: every event
  Handler handler;
  bool wants_context;
};

}  // namespace bus

/// The typed bus inside one process. Thread-safe and reentrant: handlers may publish, subscribe and unsubscribe. No
/// lock is held while a handler runs.
///
/// `publish` calls every subscriber of the event's type, and those of every event, on the caller's thread, in the order
/// of subscription. A handler that fails, or throws, hides no other. Subscribers that come while a publish runs see the
/// next one.
///
///   tidings::Bus bus;
///   auto subscription = bus.subscribe([](const OrderPlaced& order) { … });
///   auto published = bus.publish(OrderPlaced{…});
class Bus {
 public:
  Bus();
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  /// Subscribes a callable: `(const Event&)` or `(const Event&, Context&)`, returning void or `Result<>`; the event's
  /// type is deduced. `AnyEvent` for every event. The callable may run on several threads at once, as publishers do.
  template <class F>
    requires(!std::is_member_function_pointer_v<std::decay_t<F>>)
  Subscription subscribe(F&& handler) {
    using Plain = std::decay_t<F>;
    constexpr bool deduced = detail::HasOneCall<Plain>;
    static_assert(deduced,
                  "tidings: a generic or overloaded handler does not say which events it takes: name them, "
                  "subscribe<OrderPlaced, …>(handler)");
    if constexpr (deduced) {
      using Arguments = typename detail::Call<Plain>::Arguments;
      constexpr auto count = std::tuple_size_v<Arguments>;
      static_assert(count == 1 || count == 2, "tidings: a handler takes `const Event&`, or `const Event&, Context&`");
      if constexpr (count == 1 || count == 2) {
        using First = std::tuple_element_t<0, Arguments>;
        static_assert(detail::is_event_argument<First>,
                      "tidings: a handler's first parameter is its event, as const Event&");
        if constexpr (detail::is_event_argument<First>)
          return subscribe_to<std::remove_cvref_t<First>>(std::forward<F>(handler));
      }
    }
    return {};
  }

  /// The same for a generic or overloaded callable, once for each of the events named.
  template <class First, class... Rest, class F>
    requires(!std::is_same_v<std::decay_t<First>, std::decay_t<F>>)
  Subscription subscribe(F&& handler) {
    return subscribe_to<First, Rest...>(std::forward<F>(handler));
  }

  /// A member function; the object must outlive the subscription.
  template <class R, class C, class... Args>
  Subscription subscribe(R (C::*method)(Args...), C* object) {
    return subscribe([method, object](Args... args) -> R { return (object->*method)(std::forward<Args>(args)...); });
  }
  template <class R, class C, class... Args>
  Subscription subscribe(R (C::*method)(Args...) const, const C* object) {
    return subscribe([method, object](Args... args) -> R { return (object->*method)(std::forward<Args>(args)...); });
  }

  template <class Event>
  BusResult publish(const Event& event) {
    return publish_any(AnyEvent(&event_identity<Event>, display_name<Event>, &event), &event_identity<Event>);
  }

 private:
  template <class... Events, class F>
  Subscription subscribe_to(F&& handler) {
    using Plain = std::decay_t<F>;
    constexpr bool callable = (detail::takes_event<Plain, Events> && ...);
    static_assert(callable,
                  "tidings: this handler cannot be called with `const Event&` or `const Event&, Context&` for every "
                  "event named");
    if constexpr (callable) {
      constexpr bool returns = (returns_outcome<Plain, Events>() && ...);
      static_assert(returns, "tidings: a handler returns void or tidings::Result<>");
      if constexpr (returns) {
        auto shared = std::make_shared<Plain>(std::forward<F>(handler));
        std::vector<bus::Taken> taken;
        (taken.push_back(take<Events>(shared)), ...);
        return add(std::move(taken));
      }
    }
    return {};
  }

  template <class F, class Event>
  static consteval bool returns_outcome() {
    if constexpr (std::invocable<F&, const Event&, Context&>)
      return detail::is_outcome<std::invoke_result_t<F&, const Event&, Context&>>;
    else
      return detail::is_outcome<std::invoke_result_t<F&, const Event&>>;
  }

  template <class Event, class F>
  static bus::Taken take(const std::shared_ptr<F>& shared) {
    constexpr bool wants_context = std::invocable<F&, const Event&, Context&>;
    return {.identity = std::is_same_v<Event, AnyEvent> ? nullptr : &event_identity<Event>,
            .handler = [shared](const AnyEvent& any, Context* context) -> Result<> {
              const Event* event = nullptr;
              if constexpr (std::is_same_v<Event, AnyEvent>)
                event = &any;
              else
                event = any.get<Event>();
              if constexpr (wants_context)
                return detail::call(*shared, *event, *context);
              else
                return detail::call(*shared, *event);
            },
            .wants_context = wants_context};
  }

  Subscription add(std::vector<bus::Taken> taken);
  BusResult publish_any(const AnyEvent& event, const void* identity);

  std::shared_ptr<bus::Registry> registry_;
};

}  // namespace tidings
