#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/event/detail/event_check.hpp"
#include "tidings/event/detail/handler_shape.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/service/batch.hpp"
#include "tidings/service/detail/handler.hpp"

namespace tidings::service::detail {

template <class... Ts>
struct Types {};

// What a handler takes, from the shape of its call.

template <class Argument>
struct EventsOf {
  using type = Types<std::remove_cvref_t<Argument>>;
  static constexpr bool batch = false;
};
template <class... Events>
struct EventsOf<Batch<Events...>&> {
  using type = Types<Events...>;
  static constexpr bool batch = true;
};
template <class... Events>
struct EventsOf<const Batch<Events...>&> : EventsOf<Batch<Events...>&> {};
template <class... Events>
struct EventsOf<Batch<Events...>> : EventsOf<Batch<Events...>&> {};

using tidings::detail::Call;
using tidings::detail::call;
using tidings::detail::event_kind;
using tidings::detail::HasOneCall;
using tidings::detail::is_event;
using tidings::detail::is_event_argument;
using tidings::detail::is_outcome;
using tidings::detail::refuse_unless_event;

// With what beside its event `F` may be called. A generic parameter is the context.
template <class F, class Event>
inline constexpr bool takes_both = std::invocable<F&, const Event&, Context&, Transaction&>;
template <class F, class Event>
inline constexpr bool takes_context = !takes_both<F, Event> && std::invocable<F&, const Event&, Context&>;
template <class F, class Event>
inline constexpr bool takes_transaction =
    !takes_both<F, Event> && !takes_context<F, Event> && std::invocable<F&, const Event&, Transaction&>;
template <class F, class Event>
inline constexpr bool takes_event =
    takes_both<F, Event> || takes_context<F, Event> || takes_transaction<F, Event> || std::invocable<F&, const Event&>;

template <class F, class Event>
Result<> call_with(F& function, const Event& event, Context& context, Transaction* transaction) {
  if constexpr (takes_both<F, Event>)
    return call(function, event, context, *transaction);
  else if constexpr (takes_context<F, Event>)
    return call(function, event, context);
  else if constexpr (takes_transaction<F, Event>)
    return call(function, event, *transaction);
  else
    return call(function, event);
}

/// A handler of one event at a time.
template <class F, class... Events>
class EachHandler final : public Handler {
 public:
  explicit EachHandler(F function) : function_(std::move(function)) {}
  [[nodiscard]] std::span<const EventKind> kinds() const override { return kinds_; }
  [[nodiscard]] bool takes_batches() const override { return false; }
  [[nodiscard]] bool takes_transaction() const override {
    return ((detail::takes_both<F, Events> || detail::takes_transaction<F, Events>) || ...);
  }

  Result<> handle(std::span<Item> items, Transaction* transaction) override {
    Result<> result;
    for (auto& item : items) {
      std::uint32_t kind = 0;
      (void)((kind++ == item.kind && (result = one<Events>(item, transaction), true)) || ...);
      if (!result) break;
    }
    return result;
  }

 private:
  template <class Event>
  Result<> one(Item& item, Transaction* transaction) {
    auto event = decode_event<Event>(*item.envelope);
    if (!event) {
      item.undecodable = std::move(event).error();
      return {};
    }
    return call_with<F, Event>(function_, *event, *item.context, transaction);
  }

  F function_;
  std::array<EventKind, sizeof...(Events)> kinds_{event_kind<Events>...};
};

/// A handler of several at once.
template <class F, class... Events>
class BatchHandler final : public Handler {
  using Taken = Batch<Events...>;
  using Event = typename Taken::Event;
  static constexpr bool in_transaction = std::invocable<F&, Taken&, Transaction&>;

 public:
  explicit BatchHandler(F function) : function_(std::move(function)) {}
  [[nodiscard]] std::span<const EventKind> kinds() const override { return kinds_; }
  [[nodiscard]] bool takes_batches() const override { return true; }
  [[nodiscard]] bool takes_transaction() const override { return in_transaction; }

  Result<> handle(std::span<Item> items, [[maybe_unused]] Transaction* transaction) override {
    std::vector<Event> events;
    std::vector<Context*> contexts;
    events.reserve(items.size());
    contexts.reserve(items.size());
    std::vector<std::string_view> undecodable;  // keys
    for (auto& item : items) {
      const auto key = item.envelope->key;
      item.is_behind = !undecodable.empty() && !key.empty() && std::ranges::find(undecodable, key) != undecodable.end();
      if (item.is_behind) continue;
      std::uint32_t kind = 0;
      (void)((kind++ == item.kind && (decode_into<Events>(item, events), true)) || ...);
      if (item.undecodable)
        undecodable.push_back(key);
      else
        contexts.push_back(item.context);
    }
    if (events.empty()) return {};
    std::vector<typename Taken::Item> taken;
    taken.reserve(events.size());
    for (std::size_t at = 0; at < events.size(); ++at) taken.push_back({events[at], *contexts[at]});
    Taken batch{std::span<const typename Taken::Item>(taken)};
    if constexpr (in_transaction)
      return call(function_, batch, *transaction);
    else
      return call(function_, batch);
  }

 private:
  template <class One>
  static void decode_into(Item& item, std::vector<Event>& events) {
    auto event = decode_event<One>(*item.envelope);
    if (event)
      events.emplace_back(std::move(*event));
    else
      item.undecodable = std::move(event).error();
  }

  F function_;
  std::array<EventKind, sizeof...(Events)> kinds_{event_kind<Events>...};
};

/// What `F` returns for the event.
template <class F, class Event>
struct ReturnedFor : std::invoke_result<F&, const Event&> {};
template <class F, class Event>
  requires takes_both<F, Event>
struct ReturnedFor<F, Event> : std::invoke_result<F&, const Event&, Context&, Transaction&> {};
template <class F, class Event>
  requires takes_context<F, Event>
struct ReturnedFor<F, Event> : std::invoke_result<F&, const Event&, Context&> {};
template <class F, class Event>
  requires takes_transaction<F, Event>
struct ReturnedFor<F, Event> : std::invoke_result<F&, const Event&, Transaction&> {};
template <class F, class Taken>
struct ReturnedForBatch : std::invoke_result<F&, Taken&> {};
template <class F, class Taken>
  requires std::invocable<F&, Taken&, Transaction&>
struct ReturnedForBatch<F, Taken> : std::invoke_result<F&, Taken&, Transaction&> {};

template <class F, class... Events>
std::unique_ptr<Handler> make_each(F function) {
  if constexpr ((is_event<Events> && ...)) {
    constexpr bool callable = (takes_event<F, Events> && ...);
    static_assert(
        callable,
        "tidings: this handler cannot be called with (const Event&) or (const Event&, Context&) for every event "
        "that on<…>() names, nor with a Transaction& behind these");
    if constexpr (callable) {
      constexpr bool outcome = (is_outcome<typename ReturnedFor<F, Events>::type> && ...);
      static_assert(outcome,
                    "tidings: a handler returns void or tidings::Result<>; what else it returns would be dropped");
      if constexpr (outcome) return std::make_unique<EachHandler<F, Events...>>(std::move(function));
    }
  } else {
    (refuse_unless_event<Events>(), ...);
  }
  return nullptr;
}

template <class F, class... Events>
std::unique_ptr<Handler> make_batched(F function, Types<Events...>) {
  constexpr bool outcome = is_outcome<typename ReturnedForBatch<F, Batch<Events...>>::type>;
  static_assert(outcome, "tidings: a handler returns void or tidings::Result<>; what else it returns would be dropped");
  if constexpr (outcome) return std::make_unique<BatchHandler<F, Events...>>(std::move(function));
  return nullptr;
}

/// Whether `F` takes the events in a batch and not one by one, which is asked first: asking a generic handler for a
/// batch compiles its body with one.
template <class F, class... Events>
consteval bool takes_only_batches() {
  if constexpr ((takes_event<F, Events> && ...))
    return false;
  else
    return std::invocable<F&, Batch<Events...>&> || std::invocable<F&, Batch<Events...>&, Transaction&>;
}

/// Whether what stands behind a handler's first parameter is a context, a transaction, or both in this order.
template <class Arguments, bool may_have_context>
consteval bool rest_fits() {
  constexpr auto count = std::tuple_size_v<Arguments>;
  if constexpr (count == 1) {
    return true;
  } else if constexpr (count == 2) {
    using Second = std::tuple_element_t<1, Arguments>;
    return (may_have_context && std::same_as<Second, Context&>) || std::same_as<Second, Transaction&>;
  } else {
    return may_have_context && std::same_as<std::tuple_element_t<1, Arguments>, Context&> &&
           std::same_as<std::tuple_element_t<2, Arguments>, Transaction&>;
  }
}

/// `function` as the runtime calls it. Null only after a failed assertion.
template <class... Events, class Given>
std::unique_ptr<Handler> make_handler(Given&& given) {
  using F = std::decay_t<Given>;
  if constexpr (sizeof...(Events) > 0) {
    if constexpr (takes_only_batches<F, Events...>())
      return make_batched(F(std::forward<Given>(given)), Types<Events...>{});
    else
      return make_each<F, Events...>(std::forward<Given>(given));
  } else if constexpr (!HasOneCall<F>) {
    static_assert(HasOneCall<F>,
                  "tidings: a generic or overloaded handler does not say which events it takes; name them: "
                  "service.on<OrderPlaced>(\"name\", {}, handler)");
    return nullptr;
  } else {
    using Arguments = typename Call<F>::Arguments;
    constexpr auto count = std::tuple_size_v<Arguments>;
    constexpr bool count_fine = count >= 1 && count <= 3;
    static_assert(count_fine,
                  "tidings: a handler takes (const Event&), (const Event&, Context&) or (const Batch<Event>&), and a "
                  "Transaction& behind these if it wants one");
    static_assert(is_outcome<typename Call<F>::Returned>,
                  "tidings: a handler returns void or tidings::Result<>; what else it returns would be dropped");
    if constexpr (count_fine && is_outcome<typename Call<F>::Returned>) {
      using First = std::tuple_element_t<0, Arguments>;
      if constexpr (EventsOf<First>::batch) {
        constexpr bool fine = rest_fits<Arguments, false>();
        static_assert(fine,
                      "tidings: a handler of a Batch takes nothing else but a Transaction&; each item has its "
                      "context");
        if constexpr (fine)
          return make_batched(F(std::forward<Given>(given)), typename EventsOf<First>::type{});
        else
          return nullptr;
      } else {
        static_assert(is_event_argument<First>,
                      "tidings: a handler's first parameter is its event, as const Event& (a plain struct)");
        constexpr bool fine = rest_fits<Arguments, true>();
        static_assert(!is_event_argument<First> || fine,
                      "tidings: a handler's second parameter is tidings::Context&, or tidings::Transaction&, or the "
                      "one and then the other");
        if constexpr (is_event_argument<First> && fine)
          return make_each<F, std::remove_cvref_t<First>>(std::forward<Given>(given));
        else
          return nullptr;
      }
    } else {
      return nullptr;
    }
  }
}

}  // namespace tidings::service::detail
