#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/aggregate/aggregate.hpp"
#include "tidings/aggregate/detail/raised_events.hpp"
#include "tidings/event/json_codec.hpp"

/// Tests of aggregates, without a database: given these events, when this is done, then those are raised.
///
///     EXPECT_TRUE(tidings::given<Order>(OrderPlaced{…}).when([](Order& o) { return o.cancel("late"); })
///                     .then(OrderCancelled{…}));
///     EXPECT_TRUE(tidings::given<Order>(OrderPlaced{…}, OrderShipped{…})
///                     .when([](Order& o) { return o.cancel("late"); }).then_fails("already_shipped"));
namespace tidings {

namespace aggregate::detail {

template <class Event>
RaisedEvent raised_event(const Event& event) {
  RaisedEvent made{.type = std::string(event_name<Event>()), .json = {}, .key = event_key(event)};
  if (auto written = JsonCodec::encode(event, made.json); !written)
    made.json = '"' + to_string(written.error()) + '"';  // seen, where it was to be another
  return made;
}

}  // namespace aggregate::detail

/// What was done to an aggregate, to be compared with what was to be.
template <class A>
class Done {
 public:
  Done(A aggregate, Result<> result) : aggregate_(std::move(aggregate)), result_(std::move(result)) {}

  /// It succeeded and raised these events and no others, in this order; none: nothing. They are compared by their JSON,
  /// and the key of each is the aggregate's id.
  template <class... Events>
  Verdict then(const Events&... events) const {
    std::vector<aggregate::detail::RaisedEvent> wanted;
    (wanted.push_back(aggregate::detail::raised_event(events)), ...);
    return aggregate::detail::compare(result_, detail::key_text(aggregate_.state().id), wanted, raised());
  }
  /// It was refused with an error of that code, and raised nothing.
  Verdict then_fails(std::string_view code) const {
    return aggregate::detail::compare_refusal(result_, code, raised());
  }

  [[nodiscard]] const typename A::state_type& state() const { return aggregate_.state(); }
  [[nodiscard]] const Result<>& result() const { return result_; }

 private:
  [[nodiscard]] std::vector<aggregate::detail::RaisedEvent> raised() const {
    std::vector<aggregate::detail::RaisedEvent> all;
    for (const auto& one : aggregate_.raised())
      all.push_back(std::visit([](const auto& event) { return aggregate::detail::raised_event(event); }, one));
    return all;
  }

  A aggregate_;
  Result<> result_;
};

/// An aggregate to which something is to be done.
template <class A>
class Given {
 public:
  explicit Given(A aggregate) : aggregate_(std::move(aggregate)) {}

  /// `f(A&)` returns nothing or a `Result`; one that makes the aggregate, `f()`, the aggregate or a `Result` of it.
  template <class F>
  Done<A> when(F&& f) const {
    if constexpr (std::is_invocable_v<F&>) {
      using Made = std::invoke_result_t<F&>;
      if constexpr (std::is_same_v<Made, Result<A>>) {
        auto made = std::invoke(f);
        return made ? Done<A>(std::move(*made), {}) : Done<A>(A{}, made.error());
      } else {
        static_assert(std::is_same_v<Made, A>,
                      "tidings: what makes an aggregate returns it, or a tidings::Result of it");
        return Done<A>(std::invoke(f), {});
      }
    } else {
      using Returned = std::invoke_result_t<F&, A&>;
      auto aggregate = aggregate_;
      if constexpr (detail::is_result<Returned>) {
        auto result = std::invoke(f, aggregate);
        return {std::move(aggregate), result ? Result<>{} : Result<>(result.error())};
      } else {
        static_assert(std::is_void_v<Returned>,
                      "tidings: what is done to an aggregate returns void or a tidings::Result");
        std::invoke(f, aggregate);
        return {std::move(aggregate), {}};
      }
    }
  }

 private:
  A aggregate_;
};

/// An aggregate to which these events have happened.
template <class A, class... Events>
Given<A> given([[maybe_unused]] const Events&... events) {
  if constexpr (!detail::is_aggregate<A>) {
    detail::refuse_aggregate_class<A>();
    std::abort();
  } else {
    A aggregate;
    (detail::AggregateAccess::state(aggregate).apply(events), ...);
    detail::AggregateAccess::set_version(aggregate, sizeof...(Events));
    return Given<A>(std::move(aggregate));
  }
}

/// One that has come to this state.
template <class A>
Given<A> given_state([[maybe_unused]] typename A::state_type state, [[maybe_unused]] std::uint64_t version = 1) {
  if constexpr (!detail::is_aggregate<A>) {
    detail::refuse_aggregate_class<A>();
    std::abort();
  } else {
    A aggregate;
    detail::AggregateAccess::state(aggregate) = std::move(state);
    detail::AggregateAccess::set_version(aggregate, version);
    return Given<A>(std::move(aggregate));
  }
}

}  // namespace tidings
