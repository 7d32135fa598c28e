#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidings/aggregate/detail/aggregate_rules.hpp"
#include "tidings/aggregate/detail/projecting.hpp"
#include "tidings/event/context.hpp"
#include "tidings/event/detail/handler_shape.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings {

/// A read model that is made of events, and of nothing else, so that it can be made anew: see `projection`.
/// Thread-safe, once it is prepared; a copy is the same projection.
template <class F, class... Events>
class Projection {
 public:
  Projection(std::shared_ptr<aggregate::detail::Projecting> core, F function)
      : core_(std::move(core)), function_(std::make_shared<F>(std::move(function))) {}

  /// Makes its tables where there are none, as its first generation; to be called before anything else, by any number
  /// of processes. The tables of `aggregate::apply_schema` must be there. Errors: `invalid_name`, `invalid_options`,
  /// `table_taken` (never): another projection of the store has such a table; those of `Store::begin` and of
  /// statements.
  Result<> prepare(Store& store, Duration wait_max = std::chrono::seconds{30}) const {
    return core_->prepare(store, wait_max);
  }

  /// For a service's handler with a transaction, whose inbox sees to it that each event comes once:
  /// `service.on<OrderPlaced, OrderCancelled>("order-totals", {}, totals)`. What was rebuilt has the event already
  /// where it stood before its end.
  ///
  /// Errors: what the function says; `unavailable` (same call: what serves was made by another version of the
  /// projection, and the event waits for a process that has it, or until it is rebuilt), `not_prepared` (never), those
  /// of statements.
  template <class Event>
    requires(std::same_as<Event, Events> || ...)
  Result<> operator()(const Event& event, Context& context, Transaction& tx) const {
    auto model = core_->serving(tx, context.place().partition, context.place().offset);
    if (!model) return std::move(model).error();
    return *model ? detail::call(*function_, event, **model) : Result<>{};
  }

  /// Applies an event that is encoded; one of another type is nothing to it.
  Result<> apply(const EnvelopeView& event, ReadModel& model) const {
    Result<> done;
    (apply_if<Events>(event, model, done) || ...);
    return done;
  }
  [[nodiscard]] const std::string& name() const { return core_->name(); }
  [[nodiscard]] aggregate::detail::Projecting& core() const { return *core_; }
  /// As `core` and `apply`, without the types of the events; for who has projections of any.
  [[nodiscard]] aggregate::detail::AnyProjection any() const {
    return {core_, [same = *this](const EnvelopeView& event, ReadModel& model) { return same.apply(event, model); }};
  }

 private:
  template <class Event>
  bool apply_if(const EnvelopeView& event, ReadModel& model, Result<>& done) const {
    if (event.type != event_name<Event>()) return false;
    auto decoded = decode_event<Event>(event);
    done = decoded ? detail::call(*function_, std::as_const(*decoded), model) : Result<>(std::move(decoded).error());
    return true;
  }

  std::shared_ptr<aggregate::detail::Projecting> core_;
  std::shared_ptr<F> function_;
};

/// A projection of the events of one topic:
///
///     const auto totals = tidings::projection<OrderPlaced, OrderCancelled>(
///         "order-totals", {.tables = {{"order_totals", "order_id text primary key, total bigint not null"}}},
///         tidings::overloaded{
///             [](const OrderPlaced& placed, tidings::ReadModel& model) -> tidings::Result<> { … },
///             [](const OrderCancelled& gone, tidings::ReadModel& model) -> tidings::Result<> { … }});
///
/// `function` is called with each of the events and a `ReadModel`, several at once where they are of different keys; it
/// writes to the model and does nothing else, since a rebuild does it again. Readers say `select … from order_totals`.
template <class... Events, class F>
Projection<F, Events...> projection(std::string name, ProjectionOptions options, F function) {
  static_assert(sizeof...(Events) > 0, "tidings: a projection names its events: tidings::projection<Event…>(…)");
  constexpr bool takes = (std::is_invocable_v<F&, const Events&, ReadModel&> && ...);
  static_assert(takes,
                "tidings: the function of a projection takes each of its events: (const Event&, tidings::ReadModel&)");
  constexpr bool one_topic = detail::have_one_topic<Events...>();
  static_assert(one_topic,
                "tidings: the events of a projection have one topic, whose order is what it is made in; make one for "
                "each topic");
  if constexpr (takes && one_topic)
    return {std::make_shared<aggregate::detail::Projecting>(
                std::move(name), std::string(detail::first_topic<Events...>()),
                std::vector<std::string>{std::string(event_name<Events>())...}, std::move(options)),
            std::move(function)};
}

/// Several functions as one.
template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace tidings
