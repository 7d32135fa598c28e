#include "tidings/outbox/relay.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "outbox/bells.hpp"
#include "outbox/belonging.hpp"
#include "outbox/engine.hpp"
#include "outbox/notify.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"
#include "tidings/outbox/schema.hpp"

namespace tidings::outbox {

namespace {

using namespace std::chrono_literals;

constexpr Duration pause_first = 10ms;  // where the database or the broker is in trouble
constexpr Duration pause_longest = 1s;
constexpr Duration trouble_told_after = 1s;
constexpr Duration database_wait_max = 1s;
/// Under load cycles begin no sooner one after the other: each is a transaction, and on SQLite a turn of a writer's.
constexpr Duration cycle_shortest = 1ms;
constexpr Duration rate_window = 1s;
constexpr Duration listen_slice = 200ms;  // until it sees that it is to stop

/// Somebody else's transaction was before it: no trouble yet.
bool is_of_others(const Error& error) {
  return error.code == "busy" || error.code == "conflict";
}

Result<> validate(const RelayOptions& options) {
  const auto refuse = [](std::string_view why) { return Error{"invalid_options", std::string(why)}; };
  if (options.batch_max < 1 || options.batch_max > 100'000) return refuse("RelayOptions::batch_max is 1 to 100,000");
  if (options.lease < 100ms || options.lease > 1h) return refuse("RelayOptions::lease is 100 ms to 1 h");
  if (options.poll_shortest <= 0ms || options.poll_longest < options.poll_shortest)
    return refuse("RelayOptions::poll_shortest is above 0, and poll_longest not below it");
  if (options.attempts_max < 1) return refuse("RelayOptions::attempts_max is 1 at least");
  if (options.retry_first <= 0ms || options.retry_longest < options.retry_first)
    return refuse("RelayOptions::retry_first is above 0, and retry_longest not below it");
  if (options.archive_for && *options.archive_for < 0ms)
    return refuse("RelayOptions::archive_for is not negative; leave it out where nothing is kept");
  if (!options.name_space.empty())
    if (auto fine = validate_name("namespace", options.name_space); !fine) return fine;
  return {};
}

}  // namespace

std::string_view to_string(RelayStatus::State state) {
  switch (state) {
    case RelayStatus::State::running:
      return "running";
    case RelayStatus::State::waits_for_database:
      return "waits for the database";
    case RelayStatus::State::waits_for_broker:
      return "waits for the broker";
    case RelayStatus::State::waits_for_other_place:
      return "stands still";
    case RelayStatus::State::stopped:
      return "stopped";
  }
  return "?";
}

/// The thread.
class Relay::Running {
 public:
  Running(Store& store, Broker& broker, RelayOptions options)
      : options_(std::move(options)), bell_(options_.tables), engine_(store, broker, options_) {
    status_.name = engine_.leases().name();
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    if (options_.listens)
      listening_ = std::jthread([this, &store](const std::stop_token& stop) { listen(store, stop); });
  }

  void wake() { bell_.ring(); }
  void stop() {
    const std::scoped_lock lock(stopping_);
    listening_.request_stop();
    thread_.request_stop();
    if (listening_.joinable()) listening_.join();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] RelayStatus status() const {
    const std::scoped_lock lock(mutex_);
    return status_;
  }

  [[nodiscard]] RelayStatus::State state() const { return state_; }

 private:
  using State = RelayStatus::State;

  void run(const std::stop_token& stop) {
    auto idle = options_.poll_shortest;
    auto pause = pause_first;
    while (!stop.stop_requested()) {
      const auto begun = steady_now();
      Result<Engine::Cycle> cycle;
      if (engine_.is_beat_due())
        if (auto beaten = engine_.beat(database_wait_max); !beaten) cycle = beaten.error();
      if (cycle) cycle = engine_.cycle(database_wait_max);
      if (!cycle && is_of_others(cycle.error()) && pause < pause_longest)
        tell(State::running, {});
      else if (!cycle)
        tell(cycle.error().code == "other_broker" ? State::waits_for_other_place : State::waits_for_database,
             cycle.error());
      else if (cycle->broker_trouble)
        tell(State::waits_for_broker, *cycle->broker_trouble);
      else
        tell(State::running, {});
      if (!cycle || cycle->broker_trouble) {
        sleep(pause, stop);
        pause = std::min(pause * 2, pause_longest);
        continue;
      }
      pause = pause_first;
      if (cycle->has_worked) {
        idle = options_.poll_shortest;
        sleep(cycle_shortest - (steady_now() - begun), stop);
        continue;
      }
      if (bell_.wait(idle, stop)) engine_.look_at_keys();
      idle = std::min(idle * 2, options_.poll_longest);
    }
    if (auto left = engine_.leave(database_wait_max); !left)
      options_.log->write(LogLevel::warning,
                          "outbox: the relay's parts were not given back, and others have them after its lease: " +
                              to_string(left.error()));
    tell(State::stopped, {});
  }

  /// What is told while nobody listens is found by looking, and once more when somebody does again.
  void listen(Store& store, const std::stop_token& stop) {
    std::unique_ptr<Listener> listener;
    bool has_listened = false;
    while (!stop.stop_requested()) {
      if (!listener) {
        auto made = store.listen(channel_of(options_.tables));
        if (made) {
          if (!std::exchange(has_listened, true) && !is_told(store))
            options_.log->write(LogLevel::warning,
                                "outbox: the relay listens, and the database tells of no commits; `tidings outbox "
                                "schema --apply --notify` has it do so, until then the relay looks for them");
          listener = std::move(*made);
          bell_.ring();
        } else if (made.error().code == "unsupported" || made.error().code == "invalid_name") {
          options_.log->write(LogLevel::warning,
                              "outbox: the relay hears of no commits, and looks for them: " + to_string(made.error()));
          return;
        } else {
          sleep(pause_longest, stop);
        }
        continue;
      }
      const auto heard = listener->wait(listen_slice);
      if (!heard)
        listener.reset();
      else if (*heard)
        bell_.ring();
    }
  }

  /// Whether somebody has called `apply_notify`; also where nobody can say.
  [[nodiscard]] bool is_told(Store& store) const {
    auto tx = store.begin(database_wait_max);
    if (!tx) return true;
    const auto told = has_notify(**tx, options_.tables);
    return !told || *told;
  }

  void sleep(Duration time, const std::stop_token& stop) {
    if (time <= 0ms) return;
    std::unique_lock lock(sleeping_);
    stopped_.wait_for(lock, stop, time, [] { return false; });
  }

  /// A trouble that lasts is logged once, and its end too.
  void tell(State state, std::optional<Error> trouble) {
    const auto at = steady_now();
    const std::scoped_lock lock(mutex_);
    if (trouble && !status_.trouble) trouble_since_ = at;
    if (trouble && !trouble_told_ && at - trouble_since_ >= trouble_told_after) {
      trouble_told_ = true;
      const bool needs_help = state == State::waits_for_other_place;
      options_.log->write(needs_help ? LogLevel::error : LogLevel::warning,
                          "outbox: the relay " + std::string(to_string(state)) +
                              (needs_help ? ": " : ", and goes on by itself: ") + to_string(*trouble));
    }
    if (!trouble && trouble_told_) {
      trouble_told_ = false;
      options_.log->write(LogLevel::info, "outbox: the relay goes on");
    }
    status_.state = state;
    state_ = state;
    status_.trouble = std::move(trouble);
    status_.parts.clear();
    for (const auto& [number, part] : engine_.leases().held()) status_.parts.push_back(number);
    const auto& counts = engine_.counts();
    status_.sent = counts.sent;
    status_.duplicates = counts.duplicates;
    status_.failed = counts.failed;
    status_.fenced = counts.fenced;
    if (const Duration passed = at - rated_at_; passed >= rate_window) {
      const auto seconds = std::chrono::duration<double>(passed).count();
      status_.sent_per_second = static_cast<double>(counts.sent - rated_sent_) / seconds;
      rated_at_ = at;
      rated_sent_ = counts.sent;
    }
  }

  const RelayOptions options_;
  Bell bell_;
  Engine engine_;  // of the thread

  std::atomic<State> state_ = State::running;
  mutable std::mutex mutex_;
  RelayStatus status_;
  SteadyTime trouble_since_{};
  bool trouble_told_ = false;
  SteadyTime rated_at_ = steady_now();
  std::uint64_t rated_sent_ = 0;

  std::mutex sleeping_;
  std::condition_variable_any stopped_;
  std::mutex stopping_;
  std::jthread listening_;
  std::jthread thread_;
};

Relay::Relay(std::unique_ptr<Running> running) : running_(std::move(running)) {}

Relay::~Relay() {
  stop();
}

Result<std::unique_ptr<Relay>> Relay::start(Store& store, Broker& broker, RelayOptions options) {
  if (auto fine = validate(options); !fine) return fine.error();
  if (auto there = check_schema(store, options.tables, database_wait_max);
      !there && there.error().retry == Retry::never)
    return there.error();
  else if (there)
    if (auto own = claim(store, options, database_wait_max);
        !own && (own.error().retry == Retry::never || own.error().code == "other_broker"))
      return own.error();
  return std::unique_ptr<Relay>(new Relay(std::make_unique<Running>(store, broker, std::move(options))));
}

void Relay::wake() {
  running_->wake();
}
void Relay::stop() {
  running_->stop();
}
RelayStatus::State Relay::state() const {
  return running_->state();
}
RelayStatus Relay::status() const {
  return running_->status();
}

}  // namespace tidings::outbox
