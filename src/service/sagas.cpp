#include "service/sagas.hpp"

#include <algorithm>
#include <chrono>

#include "service/relaying.hpp"
#include "service/sealing.hpp"
#include "service/tracing.hpp"
#include "tidings/base/text.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/saga/tombstones.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr Duration look_every = 1s;  // for what other processes have set, and tools ask for
constexpr Duration busy_wait = 20ms;
constexpr std::size_t clean_at_once = 1'000;
constexpr int batches_max = 100;  // before it looks whether it is to stop

/// Events of one saga, each of which is a transition within the handler's transaction.
class SagaHandler final : public detail::Handler {
 public:
  SagaHandler(Host& host, Sagas::Run& run) : host_(host), run_(run) {
    for (const auto& version : run.versions)
      for (const auto* const kind : version.kinds())
        if (std::ranges::find(kinds_, kind->identity, &detail::EventKind::identity) == kinds_.end())
          kinds_.push_back(*kind);
  }
  [[nodiscard]] std::span<const detail::EventKind> kinds() const override { return kinds_; }
  [[nodiscard]] bool takes_batches() const override { return false; }
  [[nodiscard]] bool mixes_keys() const override { return true; }
  [[nodiscard]] bool takes_transaction() const override { return true; }
  [[nodiscard]] bool locks_what_it_reads() const override { return true; }

  /// While a new version is brought out, an older process may hold what an instance of the new one waits for.
  [[nodiscard]] bool waits_after(const Error& error) const override { return error.code == "unknown_definition"; }

  /// One that fails has changed nothing: it comes by itself then, and the others are done with.
  Result<> handle(std::span<Item> items, Transaction* transaction) override {
    std::vector<const EnvelopeView*> events;
    for (const auto& item : items) events.push_back(item.envelope);
    const auto began = host_.tracing != nullptr ? host_.tracing->now() : TimePoint{};
    const auto done = run_.coordinator->handle(*transaction, events);
    if (!done) return done.error();
    if (host_.tracing != nullptr)
      for (std::size_t at = 0; at < items.size(); ++at)
        host_.tracing->moved(run_.versions.front().name(), events[at]->key, began,
                             (*done)[at] ? Result<>{} : (*done)[at].error());
    if (items.size() == 1) return done->front() ? Result<>{} : done->front().error();
    for (std::size_t at = 0; at < items.size(); ++at) items[at].is_behind = !(*done)[at];
    return {};
  }

 private:
  Host& host_;
  Sagas::Run& run_;
  std::vector<detail::EventKind> kinds_;
};

}  // namespace

std::unique_ptr<detail::Handler> Sagas::add(std::vector<saga::Definition> versions) {
  all_.push_back(std::make_unique<Run>(Run{std::move(versions), nullptr}));
  return std::make_unique<SagaHandler>(host_, *all_.back());
}

Result<> Sagas::check() const {
  for (const auto& run : all_)
    for (const auto& version : run->versions)
      if (auto fine = version.check(); !fine) return fine;
  return {};
}

Result<> Sagas::prepare() {
  for (auto& run : all_) {
    auto made = saga::Coordinator::make(*host_.store, run->versions,
                                        {.source = host_.service,
                                         .clock = host_.clock,
                                         .entropy = host_.entropy,
                                         .log = host_.log,
                                         .sealer = host_.sealing,
                                         .tells_stuck = host_.tells_stuck_sagas,
                                         .on_due = [this](TimePoint due) { is_due(due); },
                                         .on_enqueued = tell_enqueued()});
    if (!made) return made.error();
    run->coordinator = std::move(*made);
  }
  return {};
}

std::function<void(std::string_view, const EnvelopeView&)> Sagas::tell_enqueued() const {
  if (host_.tracing == nullptr) return {};
  return [tracing = host_.tracing](std::string_view topic, const EnvelopeView& event) {
    tracing->published(Tracing::Operation::create, topic, {&event, 1}, tracing->now(), {});
  };
}

void Sagas::start() {
  if (!all_.empty()) thread_ = std::thread([this] { loop(); });
}

void Sagas::stop() {
  {
    const std::scoped_lock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Sagas::is_due(TimePoint due) {
  const std::scoped_lock lock(mutex_);
  if (due >= next_) return;
  next_ = due;
  changed_.notify_one();
}

void Sagas::loop() {
  auto look_at = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    // The host's clock says what is due; that others are looked after goes by real time.
    const auto wait = std::min<Duration>(next_ - host_.clock->now(), look_at - std::chrono::steady_clock::now());
    if (wait > Duration::zero()) {
      changed_.wait_for(lock, wait);
      continue;
    }
    next_ = TimePoint::max();
    lock.unlock();
    const auto next = fire();
    look_at = std::chrono::steady_clock::now() + look_every;
    lock.lock();
    next_ = std::min(next_, next);
  }
}

TimePoint Sagas::fire() {
  auto next = TimePoint::max();
  if (auto ready = host_.relaying->start(); !ready) return next;  // it tells of it
  for (auto& run : all_) {
    Result<> done;
    std::size_t count = 0;
    for (int batch = 0; batch < batches_max; ++batch) {
      const auto fired = run->coordinator->fire_due();
      if (!fired) done = fired.error();
      if (!fired) break;
      count += fired->fired + fired->failed;
      if (!fired->has_more) break;
    }
    if (done) {
      const auto due = run->coordinator->next_due();
      if (!due)
        done = due.error();
      else if (*due)  // what is due and was not fired, somebody else has in hand
        next = std::min(next, count > 0 ? **due : std::max(**due, host_.clock->now() + busy_wait));
    }
    tell(done);
  }
  return next;
}

bool Sagas::clean_up() {
  const bool has_more_sagas = clean_up_sagas();
  return clean_up_commands() || has_more_sagas;
}

/// What fails is done the next time.
bool Sagas::clean_up_sagas() {
  if (all_.empty() || host_.sagas_keep == Duration::zero()) return false;
  return forgot("sagas",
                saga::clean_up(*host_.store, host_.sagas_keep, clean_at_once, saga::default_tables(), *host_.clock),
                sagas_told_);
}

bool Sagas::clean_up_commands() {
  if (host_.store == nullptr || host_.saga_commands_keep == Duration::zero()) return false;
  saga::Tombstones stones(*host_.store, saga::default_tables(), *host_.clock);
  if (!has_commands_) {
    const auto there = stones.are_there(*host_.store);
    has_commands_ = there && *there;
    if (!has_commands_) return false;
  }
  return forgot("commands of sagas", stones.clean_up(*host_.store, host_.saga_commands_keep, clean_at_once),
                commands_told_);
}

/// Tells once that it fails; whether there may be more.
bool Sagas::forgot(std::string_view what, const Result<std::uint64_t>& removed, bool& has_told) {
  if (removed.has_value() == has_told) {
    has_told = !removed;
    host_.say(removed ? LogLevel::info : LogLevel::warning,
              removed ? "what has long been over of " + std::string(what) + " is forgotten again"
                      : "what has long been over of " + std::string(what) +
                            " cannot be forgotten, and its tables grow: " + printable(to_string(removed.error())));
  }
  return removed && *removed == clean_at_once;
}

void Sagas::tell(const Result<>& done) {
  if (done.has_value() != has_told_) return;
  has_told_ = !done;
  host_.say(done ? LogLevel::info : LogLevel::warning,
            done ? "timers of sagas fire again"
                 : "timers of sagas wait for the store: " + printable(to_string(done.error())));
}

}  // namespace tidings::service
