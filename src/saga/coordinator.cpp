#include "tidings/saga/coordinator.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "saga/ledger.hpp"
#include "saga/unit_of_work.hpp"
#include "tidings/base/guarded.hpp"
#include "tidings/base/text.hpp"
#include "tidings/saga/stuck.hpp"

namespace tidings::saga {

namespace {

using namespace std::chrono_literals;

constexpr Duration turn_wait = 10s;
constexpr int attempts_max = 8;  // of a transaction of our own that others were in the way of
constexpr Duration postpone_longest = 5min;
constexpr std::size_t id_bytes_max = 1'000;  // indexes take no more

bool is_conflict(const Error& error) {
  return error.code == "conflict";
}

/// All that is read is locked, so that another may go before and nobody has to begin again.
Result<> read_committed(Transaction& tx, SqlDialect dialect) {
  if (dialect != SqlDialect::postgres) return {};
  return tx.execute_later("set transaction isolation level read committed");
}

}  // namespace

class Coordinator::Impl {
 public:
  Impl(Store& store, std::map<int, Definition> versions, CoordinatorOptions options)
      : store_(store),
        versions_(std::move(versions)),
        options_(std::move(options)),
        ledger_(store.dialect(), options_.tables) {
    for (const auto& [version, definition] : versions_) numbers_.push_back(version);
  }

  [[nodiscard]] const std::string& name() const { return newest().name(); }
  [[nodiscard]] std::vector<const EventKind*> kinds() const {
    std::vector<const EventKind*> all;
    for (const auto& [version, definition] : versions_)
      for (const auto* const kind : definition.kinds())
        if (std::ranges::find(all, kind) == all.end()) all.push_back(kind);
    return all;
  }

  Result<std::vector<Result<bool>>> handle(Transaction& tx, std::span<const EnvelopeView* const> events) {
    std::vector<std::vector<Correlated>> ids;
    std::vector<std::string> all;
    for (const auto* const event : events) {
      for (const auto& one : ids.emplace_back(correlate_by_versions(*event)))
        if (one && *one) all.push_back(**one);
    }
    UnitOfWork work(tx, ledger_, name(), options_.sealer);
    if (auto loaded = work.load(std::move(all)); !loaded) return loaded.error();
    std::vector<Result<bool>> results;
    // What comes behind one that failed, of its saga or its key, comes after it.
    std::set<std::string, std::less<>> failed_ids, failed_keys;
    for (std::size_t at = 0; at < events.size(); ++at) {
      const auto& event = *events[at];
      const bool is_behind =
          (!event.key.empty() && failed_keys.contains(event.key)) ||
          std::ranges::any_of(ids[at], [&](const auto& id) { return id && *id && failed_ids.contains(**id); });
      results.push_back(
          is_behind ? Result<bool>(Error{"behind", "an event of its saga before it has failed", Retry::same_call})
                    : guarded([&] { return take_one(work, event, ids[at]); }));
      if (results.back()) continue;
      if (!event.key.empty()) failed_keys.emplace(event.key);
      for (const auto& id : ids[at])
        if (id && *id) failed_ids.insert(**id);
    }
    if (auto written = finish(tx, work); !written) return written.error();
    return results;
  }
  Result<bool> handle(Transaction& tx, const EnvelopeView& event) {
    const auto* const one = &event;
    auto done = handle(tx, {&one, 1});
    return done ? std::move(done->front()) : done.error();
  }

  /// `work(tx)` in a transaction of its own, again where others were in the way.
  template <class Work>
  auto in_transaction(Work&& work) -> std::invoke_result_t<Work&, OpenTransaction&> {
    for (int attempt = 1;; ++attempt) {
      auto tx = store_.begin(turn_wait);
      if (!tx) return tx.error();
      if (auto set = read_committed(**tx, store_.dialect()); !set) return set.error();
      auto done = work(**tx);
      Error why;
      if (done) {
        const auto committed = (*tx)->commit();
        if (committed) return done;
        why = committed.error();
      } else {
        why = done.error();
      }
      if (!is_conflict(why) || attempt == attempts_max) return why;
    }
  }

  Result<Fired> fire_due(std::size_t max) {
    return in_transaction([&](OpenTransaction& tx) -> Result<Fired> {
      const auto due = ledger_.due(tx, name(), numbers_, options_.clock->now(), max);
      if (!due) return due.error();
      Fired fired{.has_more = due->size() == max};
      std::vector<std::string> ids;
      for (const auto& timer : *due) ids.push_back(timer.id);
      UnitOfWork work(tx, ledger_, name(), options_.sealer);
      if (auto loaded = work.load(std::move(ids)); !loaded) return loaded.error();
      for (const auto& timer : *due) {
        const auto is_ours = claim(tx, timer);
        if (!is_ours) return is_ours.error();
        if (const auto done = *is_ours ? fire_one(work, timer) : Result<>{}; !done) {
          ++fired.failed;
          if (auto put = postpone(tx, timer, done.error()); !put) return put.error();
          continue;
        }
        ++fired.fired;
        if (auto gone = ledger_.remove(tx, name(), timer); !gone) return gone.error();  // before what is set anew is
      }
      if (auto written = finish(tx, work); !written) return written.error();
      return fired;
    });
  }

  Result<std::optional<TimePoint>> next_due() {
    auto tx = store_.begin(turn_wait);
    if (!tx) return tx.error();
    return ledger_.next_due(**tx, name(), numbers_);
  }

  Result<> steer(Transaction& tx, std::string_view id, Steering steering) {
    UnitOfWork work(tx, ledger_, name(), options_.sealer);
    if (auto loaded = work.load({std::string(id)}); !loaded) return loaded;
    if (auto done = steer_one(work, id, steering); !done) return done;
    return finish(tx, work);
  }

 private:
  using Correlated = Result<std::optional<std::string>>;

  [[nodiscard]] const Definition& newest() const { return versions_.rbegin()->second; }
  [[nodiscard]] Moment moment() const {
    return {.now = options_.clock->now(),
            .envelopes = {.source = options_.source, .clock = options_.clock, .entropy = options_.entropy}};
  }

  Result<const Plan*> plan_of(const Instance& instance) const {
    const auto what = "saga " + printable(instance.type) + " " + printable(instance.id);
    const auto found = versions_.find(instance.definition);
    if (found == versions_.end())
      return Error{"unknown_definition",
                   what + " began with version " + std::to_string(instance.definition) +
                       " of its definition, which this program does not have; let it run beside the newer one",
                   Retry::same_call};
    const auto& plan = found->second.plan();
    if (!std::ranges::equal(plan.steps, instance.steps, {}, &StepPlan::name, &StepProgress::name))
      return Error{"changed_definition", what + " began with other steps than version " +
                                             std::to_string(instance.definition) +
                                             " has in this program; put them back, and count the version up"};
    return &plan;
  }

  /// The newest first: a version that takes it otherwise has its say where the instance is of that one.
  [[nodiscard]] std::vector<Correlated> correlate_by_versions(const EnvelopeView& event) const {
    std::vector<Correlated> all;
    for (auto at = versions_.rbegin(); at != versions_.rend(); ++at) {
      auto id = guarded([&] { return correlate(at->second.plan(), event); });
      if (id && *id && ((*id)->size() > id_bytes_max || (*id)->find('\0') != std::string::npos))
        id = Error{"no_correlation",
                   "event " + printable(event.id) + " names a saga by more than 1,000 bytes, or with a NUL"};
      all.push_back(std::move(id));
    }
    return all;
  }

  Result<bool> take_one(UnitOfWork& work, const EnvelopeView& event, std::span<const Correlated> ids) const {
    auto id = ids.begin();
    for (auto at = versions_.rbegin(); at != versions_.rend(); ++at, ++id) {
      const auto& plan = at->second.plan();
      if (!*id) return id->error();
      if (!**id) continue;
      const auto found = work.find(***id);
      if (!found) return found.error();
      const auto* const instance = *found;
      if (instance == nullptr) {
        if (&at->second != &newest() || !is_start(plan, event)) continue;
        return apply(work, begin(plan, ***id, event, moment()));
      }
      const auto own = plan_of(*instance);
      if (!own) return own.error();
      if (*own != &plan) {
        if (const auto other = correlate(**own, event); !other)
          return other.error();
        else if (*other != **id)
          continue;
      }
      return apply(work, take(**own, *instance, event, moment()));
    }
    return false;
  }

  Result<bool> apply(UnitOfWork& work, Result<Transition> made) const {
    if (!made) return made.error();
    if (options_.tells_stuck && !made->stuck_at.empty())
      if (auto told = tell_stuck(*made); !told) return told.error();
    const bool has_changed = made->has_changed;
    if (auto taken = work.apply(std::move(*made)); !taken) return taken.error();
    return has_changed;
  }

  Result<> tell_stuck(Transition& made) const {
    const auto& now = made.instance;
    const EnvelopeView cause{.id = made.notes.back().cause_id, .correlation_id = now.correlation, .payload = {}};
    auto options = moment().envelopes;
    options.cause = &cause;
    auto event = make_envelope(Stuck{.saga = now.type,
                                     .id = now.id,
                                     .version = now.definition,
                                     .step = made.stuck_at,
                                     .reason = now.why,
                                     .backward = now.backward,
                                     .revision = now.revision},
                               options);
    if (!event) return event.error();
    event->id = "saga/" + now.type + "/" + now.id + "/stuck/" + std::to_string(now.revision);
    made.outgoing.push_back({event_topic<Stuck>(), std::move(*event)});
    return {};
  }

  /// What is told once it is committed is told then.
  Result<> finish(Transaction& tx, UnitOfWork& work) const {
    if (auto written = work.write(); !written) return written;
    if (options_.on_enqueued)
      for (const auto& out : work.outgoing()) options_.on_enqueued(out.topic, out.event.view());
    if (options_.on_due && work.first_due()) {
      const auto due = std::make_shared<TimePoint>(*work.first_due());
      tx.after_commit(due.get(), [due, this] { options_.on_due(*due); });
    }
    if (!work.alerts().empty()) {
      const auto lines = std::make_shared<std::vector<std::string>>(work.alerts());
      tx.after_commit(lines.get(), [lines, log = options_.log] {
        for (const auto& line : *lines) log->write(LogLevel::error, line);
      });
    }
    return {};
  }

  Result<> steer_one(UnitOfWork& work, std::string_view id, Steering steering) const {
    const auto found = work.find(id);
    if (!found) return found.error();
    const auto* const instance = *found;
    if (instance == nullptr) return Error{"unknown_saga", "there is no saga " + name() + " " + printable(id)};
    auto made = steering == Steering::abandon ? abandon(*instance, moment()) : Result<Transition>();
    if (steering != Steering::abandon) {
      const auto plan = plan_of(*instance);
      if (!plan) return plan.error();
      made = saga::steer(**plan, *instance, steering, moment());
    }
    auto done = apply(work, std::move(made));
    return done ? Result<>{} : done.error();
  }

  /// False: another process has just had it. Only of what a transition's token does not tell.
  Result<bool> claim(Transaction& tx, const Ledger::Due& timer) const {
    const bool is_told_by_token =
        !steering_of(timer.kind) && timer_kind_of(timer.kind).value_or(TimerKind::within) != TimerKind::deadline;
    return is_told_by_token ? Result<bool>(true) : ledger_.claim(tx, name(), timer);
  }

  /// Within memory alone, so that whatever fails is this timer's trouble, and neither the store's nor another's.
  Result<> fire_one(UnitOfWork& work, const Ledger::Due& timer) const {
    return guarded([&] { return fire_one_or_throw(work, timer); });
  }
  Result<> fire_one_or_throw(UnitOfWork& work, const Ledger::Due& timer) const {
    if (const auto asked = steering_of(timer.kind)) {
      const auto done = steer_one(work, timer.id, *asked);
      if (!done && done.error().retry != Retry::never) return done;
      if (!done)
        options_.log->write(LogLevel::warning, "asked to " + timer.kind + ": " + printable(to_string(done.error())));
      return {};
    }
    const auto kind = timer_kind_of(timer.kind);
    if (!kind) return Error{"corrupt", "there is no timer '" + printable(timer.kind) + "'"};
    const auto found = work.find(timer.id);
    if (!found) return found.error();
    const auto* const instance = *found;
    if (instance == nullptr) return {};
    const auto plan = plan_of(*instance);
    if (!plan) return plan.error();
    const auto done = apply(
        work, fire(**plan, *instance,
                   {.step = timer.step, .kind = *kind, .token = timer.token, .due = from_ns(timer.due_at)}, moment()));
    return done ? Result<>{} : done.error();
  }

  Result<> postpone(Transaction& tx, const Ledger::Due& timer, const Error& why) {
    const auto wait =
        std::min<Duration>(1s * (std::int64_t{1} << std::min<std::int64_t>(timer.attempts, 9)), postpone_longest);
    options_.log->write(LogLevel::error, "saga " + name() + " " + printable(timer.id) + ", timer " +
                                             printable(timer.kind) + " of '" + printable(timer.step) + "', again in " +
                                             to_text(wait) + ": " + printable(to_string(why)));
    return ledger_.postpone(tx, name(), timer, options_.clock->now() + wait);
  }

  Store& store_;
  const std::map<int, Definition> versions_;
  std::vector<int> numbers_;
  const CoordinatorOptions options_;
  const Ledger ledger_;
};

Result<std::unique_ptr<Coordinator>> Coordinator::make(Store& store, std::vector<Definition> versions,
                                                       CoordinatorOptions options) {
  std::map<int, Definition> known;
  for (auto& definition : versions) {
    if (auto fine = definition.check(); !fine) return fine.error();
    const auto what = "saga '" + definition.name() + "'";
    if (!known.empty() && known.begin()->second.name() != definition.name())
      return Error{"invalid_saga", what + ": it is handed over as a version of '" + known.begin()->second.name() + "'"};
    if (!known.emplace(definition.version(), definition).second)
      return Error{"invalid_saga", what + ": there are two of version " + std::to_string(definition.version())};
  }
  if (known.empty()) return Error{"invalid_saga", "a coordinator needs a definition"};
  return std::unique_ptr<Coordinator>(
      new Coordinator(std::make_unique<Impl>(store, std::move(known), std::move(options))));
}

Coordinator::Coordinator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Coordinator::~Coordinator() = default;

const std::string& Coordinator::name() const {
  return impl_->name();
}
std::vector<const EventKind*> Coordinator::kinds() const {
  return impl_->kinds();
}
Result<bool> Coordinator::handle(Transaction& tx, const EnvelopeView& event) {
  return impl_->handle(tx, event);
}
Result<std::vector<Result<bool>>> Coordinator::handle(Transaction& tx, std::span<const EnvelopeView* const> events) {
  return impl_->handle(tx, events);
}
Result<bool> Coordinator::handle(const EnvelopeView& event) {
  return impl_->in_transaction([&](OpenTransaction& tx) { return impl_->handle(tx, event); });
}
Result<Coordinator::Fired> Coordinator::fire_due(std::size_t max) {
  return impl_->fire_due(max);
}
Result<std::optional<TimePoint>> Coordinator::next_due() {
  return impl_->next_due();
}
Result<> Coordinator::steer(std::string_view id, Steering steering) {
  return impl_->in_transaction([&](OpenTransaction& tx) { return impl_->steer(tx, id, steering); });
}

}  // namespace tidings::saga
