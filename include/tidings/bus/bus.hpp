#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidings/bus/any_event.hpp"
#include "tidings/bus/bus_result.hpp"
#include "tidings/bus/detail/publishing.hpp"
#include "tidings/bus/detail/taken.hpp"
#include "tidings/bus/handler_call.hpp"
#include "tidings/bus/options.hpp"
#include "tidings/bus/subscription.hpp"
#include "tidings/event/context.hpp"
#include "tidings/event/detail/bound_method.hpp"
#include "tidings/event/detail/event_check.hpp"

namespace tidings {

/// The typed bus inside one process. Thread-safe and reentrant: handlers may publish, subscribe and unsubscribe.
///
/// `publish` calls every subscriber of the event's type, and those of every event, on the caller's thread, in the order
/// of subscription; a queued subscriber gets a copy, which a thread of its own handles. A handler that fails, or
/// throws, hides no other. Subscribers that come while a publish runs see the next one. Handlers that publish into one
/// another more than 128 deep get an error `too_deep`.
///
/// A publish takes no lock, allocates nothing (but what copying an event into a queue allocates, and errors), and
/// writes nothing that another publishing thread reads. No lock is held while a handler runs.
///
///   tidings::Bus bus;
///   auto subscription = bus.subscribe([](const OrderPlaced& order) { … });
///   auto published = bus.publish(OrderPlaced{…});
class Bus {
 public:
  explicit Bus(BusOptions options = {});
  /// Ends all queues, whose events are discarded as `Subscription::end` says. No publish may run, nor a handler of this
  /// bus be the caller.
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  /// Subscribes a callable: `(const Event&)` or `(const Event&, Context&)`, returning void or `Result<>`; the event's
  /// type is deduced. `AnyEvent` for every event. The callable may run on several threads at once, as publishers do.
  template <class F>
  Subscription subscribe(F&& handler) {
    return subscribe(SubscribeOptions{}, std::forward<F>(handler));
  }
  template <class F>
  Subscription subscribe(SubscribeOptions options, F&& handler) {
    if constexpr (deduces<F>()) return add(subscriber<EventOf<F>>(std::move(options.name), std::forward<F>(handler)));
    return {};
  }

  /// The same for a generic or overloaded callable, once for each of the events named.
  template <class First, class... Rest, class F>
    requires(!std::is_same_v<std::decay_t<First>, std::decay_t<F>>)
  Subscription subscribe(F&& handler) {
    return subscribe<First, Rest...>(SubscribeOptions{}, std::forward<F>(handler));
  }
  template <class First, class... Rest, class F>
    requires(!std::is_same_v<std::decay_t<First>, std::decay_t<F>>)
  Subscription subscribe(SubscribeOptions options, F&& handler) {
    return add(subscriber<First, Rest...>(std::move(options.name), std::forward<F>(handler)));
  }

  /// A member function, `subscribe(&Revenue::on, &revenue)`; the object must outlive the subscription.
  template <class Method, class Object>
    requires std::is_member_function_pointer_v<Method>
  Subscription subscribe(Method method, Object&& object) {
    return subscribe(SubscribeOptions{}, method, object);
  }
  template <class Method, class Object>
    requires std::is_member_function_pointer_v<Method>
  Subscription subscribe(SubscribeOptions options, Method method, Object&& object) {
    if constexpr (detail::binds<Method, Object>()) return subscribe(std::move(options), detail::bind(method, object));
    return {};
  }

  /// Subscribes with a bounded queue and a thread of its own: a publish copies the event into the queue and goes on.
  /// The handler runs on that thread alone, in the order of the publishes. Its failures go to `on_failure`, or the log;
  /// a full queue does what `when_full` says.
  ///
  ///   auto mail = bus.subscribe_queued({.name = "mail", .capacity = 10'000}, [](const OrderPlaced& order) { … });
  template <class F>
  Subscription subscribe_queued(QueueOptions options, F&& handler) {
    if constexpr (deduces<F>()) return queued<EventOf<F>>(std::move(options), std::forward<F>(handler));
    return {};
  }
  template <class F>
  Subscription subscribe_queued(F&& handler) {
    return subscribe_queued(QueueOptions{}, std::forward<F>(handler));
  }
  template <class First, class... Rest, class F>
    requires(!std::is_same_v<std::decay_t<First>, std::decay_t<F>>)
  Subscription subscribe_queued(QueueOptions options, F&& handler) {
    return queued<First, Rest...>(std::move(options), std::forward<F>(handler));
  }
  template <class First, class... Rest, class F>
    requires(!std::is_same_v<std::decay_t<First>, std::decay_t<F>>)
  Subscription subscribe_queued(F&& handler) {
    return subscribe_queued<First, Rest...>(QueueOptions{}, std::forward<F>(handler));
  }
  template <class Method, class Object>
    requires std::is_member_function_pointer_v<Method>
  Subscription subscribe_queued(Method method, Object&& object) {
    return subscribe_queued(QueueOptions{}, method, object);
  }
  template <class Method, class Object>
    requires std::is_member_function_pointer_v<Method>
  Subscription subscribe_queued(QueueOptions options, Method method, Object&& object) {
    if constexpr (detail::binds<Method, Object>())
      return subscribe_queued(std::move(options), detail::bind(method, object));
    return {};
  }

  /// Puts `middleware`, `Result<>(HandlerCall&)`, around every call of every handler, on the thread of that call; what
  /// came first is outermost. For timing, tracing, retries, guards. `name` is for lists; the C++ type if empty.
  ///
  ///   auto timing = bus.use([&](HandlerCall& call) -> Result<> { …; auto done = call.next(); …; return done; });
  template <class F>
  Subscription use(F&& middleware, std::string name = {}) {
    using Plain = std::decay_t<F>;
    constexpr bool fits = std::is_invocable_r_v<Result<>, Plain&, HandlerCall&>;
    static_assert(fits, "tidings: middleware takes tidings::HandlerCall& and returns tidings::Result<>");
    if constexpr (fits) {
      if (name.empty()) name = type_name<Plain>;
      return add_middleware(
          {.name = std::move(name), .callable = std::make_shared<Plain>(std::forward<F>(middleware)), .taken = {}},
          [](void* callable, HandlerCall& call) -> Result<> {
            return std::invoke(*static_cast<Plain*>(callable), call);
          });
    }
    return {};
  }

  /// Calls every subscriber of `Event`. What failed is in the result; nothing is thrown.
  template <class Event>
  BusResult publish(const Event& event) {
    if constexpr (detail::is_event<Event>)
      return bus::publish(*front_, detail::event_number<Event>.load(std::memory_order_relaxed), event_type<Event>,
                          &event);
    else
      (void)detail::RefusedEvent<Event>{};
    return {};
  }

  /// What is subscribed, in the order of subscription, middleware first.
  [[nodiscard]] std::vector<SubscriptionInfo> subscriptions() const;

  /// Waits until every queue has handled what it held at the call; `wait_max` is for all of them together. Error
  /// `timeout` (same call) after `wait_max`.
  Result<> drain(Duration wait_max);

 private:
  template <class F>
  using EventOf = std::remove_cvref_t<std::tuple_element_t<0, typename detail::Call<std::decay_t<F>>::Arguments>>;

  /// Whether the handler's shape says which event it takes; if not, why.
  template <class F>
  static consteval bool deduces() {
    using Plain = std::decay_t<F>;
    constexpr bool has_object = !std::is_member_function_pointer_v<Plain>;
    static_assert(has_object,
                  "tidings: a member function is subscribed with its object: subscribe(&Class::method, &object)");
    constexpr bool deduced = detail::HasOneCall<Plain>;
    static_assert(deduced || !has_object,
                  "tidings: a generic or overloaded handler does not say which events it takes: name them, "
                  "subscribe<OrderPlaced, …>(handler)");
    if constexpr (deduced && has_object) {
      using Arguments = typename detail::Call<Plain>::Arguments;
      constexpr auto count = std::tuple_size_v<Arguments>;
      static_assert(count == 1 || count == 2, "tidings: a handler takes `const Event&`, or `const Event&, Context&`");
      if constexpr (count == 1 || count == 2) {
        constexpr bool event_first = detail::is_event_argument<std::tuple_element_t<0, Arguments>>;
        static_assert(event_first, "tidings: a handler's first parameter is its event, as const Event&");
        if constexpr (event_first && count == 2) {
          constexpr bool context_second = std::is_same_v<std::tuple_element_t<1, Arguments>, Context&>;
          static_assert(context_second, "tidings: a handler's second parameter is tidings::Context&");
          return context_second;
        }
        return event_first;
      }
    }
    return false;
  }

  template <class Event>
  static constexpr bool takes_event = detail::is_event<Event> || std::is_same_v<Event, AnyEvent>;
  template <class Event>
  static void refuse_unless_event() {
    if constexpr (!takes_event<Event>) detail::refuse_unless_event<Event>();
  }

  template <class... Events, class F>
  static bus::Subscriber subscriber(std::string name, F&& handler) {
    if constexpr ((takes_event<Events> && ...))
      return subscriber_of<Events...>(std::move(name), std::forward<F>(handler));
    else
      (refuse_unless_event<Events>(), ...);
    return {};
  }

  template <class... Events, class F>
  static bus::Subscriber subscriber_of(std::string name, F&& handler) {
    using Plain = std::decay_t<F>;
    constexpr bool callable = (detail::takes_event<Plain, Events> && ...);
    static_assert(callable,
                  "tidings: this handler cannot be called with `const Event&` or `const Event&, Context&` for every "
                  "event named");
    if constexpr (callable) {
      constexpr bool returns = (bus::returns_outcome<Plain, Events>() && ...);
      static_assert(returns, "tidings: a handler returns void or tidings::Result<>");
      if constexpr (returns) {
        if (name.empty()) name = detail::handler_name<Plain>;
        return {.name = std::move(name),
                .callable = std::make_shared<Plain>(std::forward<F>(handler)),
                .taken = {bus::take<Events, Plain>()...}};
      }
    }
    return {};
  }

  template <class... Events, class F>
  Subscription queued(QueueOptions options, F&& handler) {
    if constexpr ((takes_event<Events> && ...)) {
      constexpr bool copyable = ((std::is_same_v<Events, AnyEvent> || std::copy_constructible<Events>) && ...);
      static_assert(copyable, "tidings: a queued subscriber gets a copy of its event, and this one cannot be copied");
      if constexpr (copyable) {
        auto taken = subscriber_of<Events...>(std::move(options.name), std::forward<F>(handler));
        return add_queued(std::move(taken), std::move(options));
      }
    } else {
      (refuse_unless_event<Events>(), ...);
    }
    return {};
  }

  Subscription add(bus::Subscriber subscriber);
  Subscription add_queued(bus::Subscriber subscriber, QueueOptions options);
  Subscription add_middleware(bus::Subscriber subscriber, bus::RunMiddleware run);

  std::shared_ptr<bus::Registry> registry_;
  bus::Front* front_;  // of the registry
};

}  // namespace tidings
