#include "tidings/saga/coordinator.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "saga/ledger.hpp"
#include "tidings/base/text.hpp"

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

/// A transaction that has failed, or a database that is away, is nothing of one timer's.
bool is_of_the_store(const Error& error) {
  return is_conflict(error) || error.code == "unavailable" || error.code == "transaction_failed" ||
         error.code == "outcome_unknown" || error.code == "busy" || error.code == "disk_full";
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

  Result<bool> handle(Transaction& tx, const EnvelopeView& event) {
    // By the newest first: a version that takes it otherwise has its say where the instance is of that one.
    for (auto at = versions_.rbegin(); at != versions_.rend(); ++at) {
      const auto& plan = at->second.plan();
      const auto id = correlate(plan, event);
      if (!id) return id.error();
      if (!*id) continue;
      if ((*id)->size() > id_bytes_max || (*id)->find('\0') != std::string::npos)
        return Error{"no_correlation",
                     "event " + printable(event.id) + " names a saga by more than 1,000 bytes, or with a NUL"};
      const auto instance = ledger_.load(tx, name(), **id, true);
      if (!instance) return instance.error();
      if (!*instance) {
        if (&at->second != &newest() || !is_start(plan, event)) continue;
        auto made = begin(plan, **id, event, moment());
        if (!made) return made.error();
        return apply(tx, *made, 0);
      }
      const auto own = plan_of(**instance);
      if (!own) return own.error();
      if (*own != &plan) {
        if (const auto other = correlate(**own, event); !other)
          return other.error();
        else if (*other != *id)
          continue;
      }
      auto made = take(**own, **instance, event, moment());
      if (!made) return made.error();
      return apply(tx, *made, (*instance)->revision);
    }
    return false;
  }

  /// `work(tx)` in a transaction of its own, again where others were in the way.
  template <class Work>
  auto in_transaction(Work&& work) -> std::invoke_result_t<Work&, OpenTransaction&> {
    for (int attempt = 1;; ++attempt) {
      auto tx = store_.begin(turn_wait);
      if (!tx) return tx.error();
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
      for (const auto& timer : *due) {
        if (auto saved = tx.save(); !saved) return saved.error();
        const auto done = fire_one(tx, timer);
        if (done) {
          ++fired.fired;
          continue;
        }
        if (is_of_the_store(done.error())) return done.error();
        if (auto back = tx.roll_back_to_saved(); !back) return back.error();
        ++fired.failed;
        if (auto put = postpone(tx, timer, done.error()); !put) return put.error();
      }
      return fired;
    });
  }

  Result<std::optional<TimePoint>> next_due() {
    auto tx = store_.begin(turn_wait);
    if (!tx) return tx.error();
    return ledger_.next_due(**tx, name(), numbers_);
  }

  Result<> steer(Transaction& tx, std::string_view id, Steering steering) {
    const auto instance = ledger_.load(tx, name(), id, true);
    if (!instance) return instance.error();
    if (!*instance) return Error{"unknown_saga", "there is no saga " + name() + " " + printable(id)};
    auto made = steering == Steering::abandon ? abandon(**instance, moment()) : Result<Transition>();
    if (steering != Steering::abandon) {
      const auto plan = plan_of(**instance);
      if (!plan) return plan.error();
      made = saga::steer(**plan, **instance, steering, moment());
    }
    if (!made) return made.error();
    const auto done = apply(tx, *made, (*instance)->revision);
    return done ? Result<>{} : done.error();
  }

  [[nodiscard]] Store& store() { return store_; }

 private:
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

  Result<bool> apply(Transaction& tx, Transition& made, std::int64_t before) {
    if (!made.has_changed) return false;
    if (auto written = ledger_.write(tx, made, before); !written) return written.error();
    for (const auto& out : made.outgoing)
      if (auto sent = outbox::enqueue_envelope(tx, out.topic, out.event.view(), {.tables = &options_.tables}); !sent)
        return sent.error();
    if (options_.on_due && !made.set.empty()) {
      const auto due = std::make_shared<TimePoint>(std::ranges::min_element(made.set, {}, &Timer::due)->due);
      tx.after_commit(due.get(), [due, this] { options_.on_due(*due); });
    }
    if (made.is_alert) {
      const auto& now = made.instance;
      auto line = std::make_shared<std::string>(
          "saga " + printable(now.type) + " " + printable(now.id) +
          (now.status == Status::stuck
               ? " is stuck: " + printable(now.why) + "; resume it, compensate or abandon it (tidings sagas)"
               : " is overdue, and beyond its pivot"));
      tx.after_commit(line.get(), [line, log = options_.log] { log->write(LogLevel::error, *line); });
    }
    return true;
  }

  Result<> fire_one(Transaction& tx, const Ledger::Due& timer) {
    if (auto gone = ledger_.remove(tx, name(), timer); !gone) return gone;
    if (const auto asked = steering_of(timer.kind)) {
      auto done = steer(tx, timer.id, *asked);
      if (done || done.error().retry != Retry::never || is_of_the_store(done.error())) return done;
      options_.log->write(LogLevel::warning, "asked to " + timer.kind + ": " + printable(to_string(done.error())));
      return {};
    }
    const auto kind = timer_kind_of(timer.kind);
    if (!kind) return Error{"corrupt", "there is no timer '" + printable(timer.kind) + "'"};
    const auto instance = ledger_.load(tx, name(), timer.id, false);  // it is locked
    if (!instance) return instance.error();
    if (!*instance) return {};
    const auto plan = plan_of(**instance);
    if (!plan) return plan.error();
    auto made = fire(**plan, **instance,
                     {.step = timer.step, .kind = *kind, .token = timer.token, .due = from_ns(timer.due_at)}, moment());
    if (!made) return made.error();
    const auto done = apply(tx, *made, (*instance)->revision);
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
