#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/aggregate/aggregate.hpp"
#include "tidings/aggregate/detail/keeper.hpp"
#include "tidings/aggregate/detail/kind_of.hpp"
#include "tidings/aggregate/mapper.hpp"
#include "tidings/event/context.hpp"

namespace tidings {

struct RepositoryOptions {
  std::string source{};     ///< of the events: the service's name. In a handler its `Context` says it
  outbox::Tables tables{};  ///< of the outbox, and of the aggregates beside it
  std::size_t event_bytes_max = outbox::enqueue_bytes_max_default;  ///< what their topic takes
  std::uint32_t snapshot_every = 100;                               ///< events, of what is kept by its events; 0: never
  /// Seals events that are to be encrypted, in the outbox and on their way: a `Keyring`, or `Service::sealer()`, which
  /// outlives the repository. What an aggregate is kept by stands in the open.
  const Sealer* sealer = nullptr;
  Clock* clock = &system_clock();  ///< outlives the repository
  Entropy* entropy = &system_entropy();
};

/// Why an aggregate changes: `save(tx, order, context)` in a handler. Borrowed for the call.
struct Cause {
  Cause() = default;
  Cause(const Context& context) : event(&context.envelope()), source(context.source()) {}  // NOLINT: spelled so
  const EnvelopeView* event = nullptr;  ///< gives correlation id, causation id and trace
  std::string_view source{};
};

struct ChangeOptions {
  Cause cause{};
  Duration within = std::chrono::seconds{10};  ///< also the wait for a transaction
  int attempts_max = 100;
};

/// Where the aggregates `A` are. Made by `state_stored` or `event_sourced`, which differ in how they are kept and in
/// nothing else. Thread-safe, and cheap to copy.
///
/// A save writes the aggregate and puts the events that it raised into the outbox, in the caller's transaction: they
/// are there together, or not at all. Changes of one aggregate exclude one another by its version. Whoever comes second
/// gets `conflict` (same call, in another transaction and with the aggregate loaded anew). After any error the
/// transaction can only be rolled back; after a rollback an aggregate that was saved in it is of no more use.
template <class A>
class Repository {
  using State = typename A::state_type;

 public:
  using id_type = std::remove_cvref_t<decltype(std::declval<const State&>().id)>;

  Repository(std::shared_ptr<const aggregate::detail::Keeper> keeper, RepositoryOptions options)
      : keeper_(std::move(keeper)), options_(std::make_shared<const RepositoryOptions>(std::move(options))) {}

  /// Errors: `unknown_aggregate`, `unknown_event`, `unknown_version`, `corrupt`, `kept_by_events` (it is to be loaded
  /// by `event_sourced`), `wrong_mapper` (never), what the codec or the mapper says, those of statements.
  [[nodiscard]] Result<A> load(Transaction& tx, const id_type& id) const {
    auto found = find(tx, id);
    if (!found) return std::move(found).error();
    if (!*found) return aggregate::detail::unknown(name(), detail::key_text(id));
    return std::move(**found);
  }
  /// The same, and nothing where there is none.
  [[nodiscard]] Result<std::optional<A>> find(Transaction& tx, const id_type& id) const {
    std::optional<A> found(std::in_place);
    const auto version = keeper_->load(tx, detail::key_text(id), &detail::AggregateAccess::state(*found));
    if (!version) return version.error();
    if (!*version) return std::optional<A>{};
    detail::AggregateAccess::set_version(*found, **version);
    return found;
  }

  /// Saves what has been raised since it was loaded or made; nothing raised is nothing to do.
  ///
  /// Errors: `conflict` (same call, in another transaction); `exists`: it is new, and there is one of its id;
  /// `no_events`: it is new, and has raised nothing; `missing_id`, `invalid_id`, `wrong_key` (never), those of
  /// `outbox::enqueue` and of statements.
  Result<> save(Transaction& tx, A& aggregate, const Cause& cause = {}) const {
    auto done = write(tx, aggregate, cause, false);
    if (done) detail::AggregateAccess::set_version(aggregate, aggregate.version() + aggregate.raised().size());
    return done;
  }
  /// The same in a transaction of its own; where it fails the aggregate is as before. Errors also: those of
  /// `Store::begin` and of commits.
  Result<> save(Store& store, A& aggregate, const ChangeOptions& options = {}) const {
    auto tx = store.begin(options.within);
    if (!tx) return tx.error();
    if (auto done = write(**tx, aggregate, options.cause, false); !done) return done;
    if (auto done = (*tx)->commit(); !done) return done;
    detail::AggregateAccess::set_version(aggregate, aggregate.version() + aggregate.raised().size());
    return {};
  }

  /// Removes it, with all its events where it is kept by them. What it has raised is published, so that others hear of
  /// it. Errors as `save`; it is new: `unknown_aggregate` (never).
  Result<> remove(Transaction& tx, A& aggregate, const Cause& cause = {}) const {
    if (aggregate.version() == 0)
      return aggregate::detail::unknown(name(), detail::key_text(std::as_const(aggregate).state().id));
    auto done = write(tx, aggregate, cause, true);
    if (done) detail::AggregateAccess::set_version(aggregate, 0);
    return done;
  }

  /// Loads it, calls `f(A&)`, and saves it, in a transaction of its own; on a conflict again, with growing pauses,
  /// until `ChangeOptions` says that it is enough. `f` may so be called several times, and does nothing but change the
  /// aggregate; it returns nothing, or a `Result`, whose error is returned as it is, with nothing saved.
  ///
  /// Errors: those of `load` and `save`, of `Store::begin` and of commits. `outcome_unknown` is not tried again: it may
  /// have been saved.
  template <class F>
  auto change(Store& store, const id_type& id, F&& f, const ChangeOptions& options = {}) const {
    using Returned = std::invoke_result_t<F&, A&>;
    constexpr bool right = std::is_void_v<Returned> || detail::is_result<Returned>;
    static_assert(right, "tidings: what changes an aggregate returns void or a tidings::Result");
    if constexpr (right) {
      using Answer = std::conditional_t<std::is_void_v<Returned>, Result<>, Returned>;
      std::optional<Answer> outcome;
      const auto attempt = [&](Transaction& tx) -> Result<> {
        outcome.reset();
        auto aggregate = load(tx, id);
        if (!aggregate) return std::move(aggregate).error();
        if constexpr (std::is_void_v<Returned>)
          f(*aggregate), outcome.emplace();
        else
          outcome.emplace(f(*aggregate));
        return *outcome ? save(tx, *aggregate, options.cause) : Result<>{};  // its own error is no conflict
      };
      auto done =
          aggregate::detail::in_transactions(store, options.within, options.attempts_max, *options_->entropy, attempt);
      if (outcome && !*outcome) return std::move(*outcome);
      if (!done) return Answer(std::move(done).error());
      return std::move(*outcome);
    }
  }

 private:
  static std::string_view name() { return detail::aggregate_name<A>(); }

  Result<> write(Transaction& tx, const A& aggregate, const Cause& cause, bool removes) const {
    if (!removes && aggregate.raised().empty()) {
      if (aggregate.version() > 0) return {};
      const Error why{"no_events",
                      "a new aggregate " + std::string(name()) + " has raised nothing that could be saved"};
      tx.fail(why);
      return why;
    }
    const auto id = detail::key_text(aggregate.state().id);
    const EnvelopeOptions making{.source = cause.source.empty() ? std::string_view(options_->source) : cause.source,
                                 .cause = cause.event,
                                 .clock = options_->clock,
                                 .entropy = options_->entropy};
    std::vector<Envelope> events;
    std::vector<std::string_view> topics;
    for (const auto& raised : aggregate.raised()) {
      auto envelope = std::visit([&](const auto& event) { return make_envelope(event, making); }, raised);
      if (!envelope) {
        tx.fail(envelope.error());
        return std::move(envelope).error();
      }
      events.push_back(std::move(*envelope));
      topics.push_back(std::visit([]<class Event>(const Event&) { return event_topic<Event>(); }, raised));
    }
    const aggregate::detail::Saving saving{.id = id,
                                           .state = &aggregate.state(),
                                           .was = aggregate.version(),
                                           .becomes = aggregate.version() + events.size(),
                                           .events = events};
    return aggregate::detail::save(tx, *keeper_, name(), saving, topics,
                                   {.event_bytes_max = options_->event_bytes_max,
                                    .in_order = true,
                                    .sealer = options_->sealer,
                                    .tables = &options_->tables},
                                   removes);
  }

  std::shared_ptr<const aggregate::detail::Keeper> keeper_;
  std::shared_ptr<const RepositoryOptions> options_;
};

/// Aggregates that are kept by their state, as JSON in the table of `aggregate::apply_schema`. The state needs JSON; an
/// older shape of it is read as events are: what is missing keeps its initialiser, and where `State` has a version in
/// its traits, by its `upcast`.
template <class A>
Repository<A> state_stored(RepositoryOptions options = {}) {
  std::shared_ptr<const aggregate::detail::Keeper> keeper;
  if constexpr (detail::is_aggregate<A>)
    keeper = aggregate::detail::keep_states(aggregate::detail::kind_of<A>(), options.tables, *options.clock);
  else
    detail::refuse_aggregate_class<A>();
  return {std::move(keeper), std::move(options)};
}

/// Aggregates that are kept by their state, in tables of the program's own.
template <class A>
Repository<A> state_stored(StateMapper<typename A::state_type> mapper, RepositoryOptions options = {}) {
  std::shared_ptr<const aggregate::detail::Keeper> keeper;
  if constexpr (detail::is_aggregate<A>)
    keeper = std::make_shared<const aggregate::detail::Mapped<typename A::state_type>>(
        aggregate::detail::bare_kind<A>(), std::move(mapper));
  else
    detail::refuse_aggregate_class<A>();
  return {std::move(keeper), std::move(options)};
}

/// Aggregates that are kept by their events: loading applies them, from the last snapshot on. A snapshot of a state of
/// another shape, or another version in its traits, is left alone, and the events tell.
template <class A>
Repository<A> event_sourced(RepositoryOptions options = {}) {
  std::shared_ptr<const aggregate::detail::Keeper> keeper;
  if constexpr (detail::is_aggregate<A>)
    keeper = aggregate::detail::keep_events(aggregate::detail::kind_with_events<A>(), options.tables, *options.clock,
                                            options.snapshot_every);
  else
    detail::refuse_aggregate_class<A>();
  return {std::move(keeper), std::move(options)};
}

}  // namespace tidings
