#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/aggregate/detail/aggregate_rules.hpp"

namespace tidings {

/// What an aggregate says of itself, in its class: `static constexpr tidings::AggregateTraits aggregate{.name =
/// "shop.order"};`. All of it is optional.
struct AggregateTraits {
  std::string_view name{};      ///< in the tables, and so for life; else the qualified name of the class with dots
  bool several_topics = false;  ///< its events go to several topics, and nobody minds that they lose their order so
};

/// An aggregate: what changes as a whole, and keeps its own rules (Evans, Domain-Driven Design, 2003). Its methods look
/// at `state()`, refuse what must not be by an `Error`, and otherwise `raise` an event; the state changes by its
/// `apply` of that event, and in no other way. So the same class may be kept by its state or by its events.
///
///     struct OrderState {
///       std::string id;                          // an `id` is what it must have
///       Status status{};
///       void apply(const OrderPlaced& event);    // one for each event; they do not fail: what has happened has
///       void apply(const OrderCancelled& event);
///     };
///     class Order : public tidings::Aggregate<OrderState, OrderPlaced, OrderCancelled> {
///      public:
///       Result<> cancel(std::string reason) {
///         if (state().status == Status::shipped) return Error{"already_shipped", "what is shipped stays ordered"};
///         raise(OrderCancelled{state().id, std::move(reason)});
///         return {};
///       }
///     };
///
/// `Events` are plain structs with a key, which is the aggregate's id. For one thread at a time; a copy is one more
/// version of the same aggregate, of which the first to be saved wins.
template <class State, class... Events>
class Aggregate {
 public:
  using state_type = State;
  using event_type = std::variant<Events...>;

  [[nodiscard]] const State& state() const { return state_; }
  /// How many events it has had when it was loaded or last saved; 0: it is new.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  /// What has been raised since, in order.
  [[nodiscard]] std::span<const event_type> raised() const { return raised_; }

 protected:
  /// `event` has happened: the state changes by it, and it is saved and published with the aggregate.
  template <class Event>
  void raise(Event event) {
    constexpr bool known = (std::is_same_v<Event, Events> || ...);
    static_assert(known, "tidings: an aggregate raises the events that it names: Aggregate<State, Event…>");
    if constexpr (!detail::aggregate_is_right<State, Events...>) {
      detail::refuse_aggregate<State, Events...>();
    } else if constexpr (known) {
      state_.apply(std::as_const(event));
      raised_.emplace_back(std::move(event));
    }
  }

 private:
  friend struct detail::AggregateAccess;

  State state_{};
  std::uint64_t version_ = 0;
  std::vector<event_type> raised_;
};

namespace detail {

/// What those who keep aggregates reach.
struct AggregateAccess {
  template <class State, class... Events>
  static State& state(Aggregate<State, Events...>& aggregate) {
    return aggregate.state_;
  }
  template <class State, class... Events>
  static void set_version(Aggregate<State, Events...>& aggregate, std::uint64_t version) {
    aggregate.version_ = version;
    aggregate.raised_.clear();
  }
};

template <class State, class... Events>
struct AggregateParts {
  static constexpr bool right = aggregate_is_right<State, Events...>;
  static constexpr bool one_topic = [] {
    if constexpr (right)
      return have_one_topic<Events...>();
    else
      return true;
  }();
  static void refuse() { refuse_aggregate<State, Events...>(); }
};
void parts_of_aggregate(const void*);
template <class State, class... Events>
AggregateParts<State, Events...> parts_of_aggregate(const Aggregate<State, Events...>*);
/// Its state and events.
template <class A>
using PartsOf = decltype(parts_of_aggregate(static_cast<const A*>(nullptr)));

template <class A>
consteval AggregateTraits traits_of_aggregate() {
  if constexpr (requires { A::aggregate; })
    return A::aggregate;
  else
    return {};
}

enum class AggregateClassFlaw { none, no_aggregate, unnamed, topics, not_new, parts };

template <class A>
consteval AggregateClassFlaw flaw_of_aggregate_class() {
  if constexpr (std::is_void_v<PartsOf<A>>)
    return AggregateClassFlaw::no_aggregate;
  else if constexpr (!PartsOf<A>::right)
    return AggregateClassFlaw::parts;
  else if constexpr (traits_of_aggregate<A>().name.empty() && !has_plain_name<A>())
    return AggregateClassFlaw::unnamed;
  else if constexpr (!traits_of_aggregate<A>().several_topics && !PartsOf<A>::one_topic)
    return AggregateClassFlaw::topics;
  else
    return std::is_default_constructible_v<A> ? AggregateClassFlaw::none : AggregateClassFlaw::not_new;
}
template <class A>
inline constexpr bool is_aggregate = flaw_of_aggregate_class<A>() == AggregateClassFlaw::none;

/// Says what is wrong with the class of an aggregate.
template <class A>
struct AggregateClass {
  static constexpr auto flaw = flaw_of_aggregate_class<A>();
  static_assert(flaw != AggregateClassFlaw::no_aggregate,
                "tidings: an aggregate derives publicly from tidings::Aggregate<State, Event…>");
  static_assert(flaw != AggregateClassFlaw::unnamed,
                "tidings: a local, template or anonymous aggregate must name itself: static constexpr "
                "tidings::AggregateTraits aggregate{.name = …}");
  static_assert(flaw != AggregateClassFlaw::topics,
                "tidings: the events of an aggregate keep their order in one topic alone; give them one by .topic = … "
                "in their traits, or say .several_topics = true in the aggregate's");
  static_assert(flaw != AggregateClassFlaw::not_new,
                "tidings: an aggregate has a default constructor; a new one has had no event yet");
};
template <class A>
void refuse_aggregate_class() {
  if constexpr (flaw_of_aggregate_class<A>() == AggregateClassFlaw::parts)
    PartsOf<A>::refuse();
  else
    (void)AggregateClass<A>{};
}

/// What the tables call it; it must be right.
template <class A>
constexpr std::string_view aggregate_name() {
  if constexpr (traits_of_aggregate<A>().name.empty())
    return DefaultName<A>::dotted;
  else
    return traits_of_aggregate<A>().name;
}

}  // namespace detail

}  // namespace tidings
