#include "demo/run.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "demo/compare.hpp"
#include "demo/results.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "tidings/base/uuid.hpp"
#include "tidings/service/names.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto stuck_after = 120s;
constexpr std::uint64_t feed_batch_max = 200;
// A victim whose catching up is to be watched is held to so much more than what comes in.
constexpr double pace_of_rate = 2.5, paced_rate_max = 1000;
// With --chaos, for each kill on average: about twice what a service takes to come back. And a service that is killed
// waits so long at most for the parts that its relay held.
constexpr double seconds_a_kill = 0.15;
constexpr const char* relay_lease = "2s";
// A checkout asks so long for stock and for money, three times. It outlasts a victim's death, and ends a run in which a
// payment is never answered soon enough.
constexpr const char* answer_timeout = "2s";
// No more is fed while the services are so many events behind: a checkout that waits in a queue runs out of time.
constexpr std::uint64_t ahead_max = 500;
// What was fed has gone through once it was quiet so often, and nobody did anything in between: a service's outbox may
// have filled after the next was looked at.
constexpr int quiet_enough = 3;
constexpr std::size_t topic_event_bytes_max = std::size_t{32} << 20;

}  // namespace

Run::Run(const DemoArguments& arguments, const Setup& setup, Stores& stores)
    : arguments_(arguments),
      setup_(setup),
      stores_(stores),
      crew_({.directory = setup.directory,
             .programs = setup.programs,
             .options = [this](std::size_t service) { return options_of(service); }}),
      feeder_(setup.input, arguments.repeat, {.rate = arguments.cancel_rate, .seed = arguments.seed}),
      rate_(arguments.rate >= 0        ? arguments.rate
            : arguments.orders.empty() ? 100
                                       : 0) {
  std::ranges::fill(is_back_, true);
  const auto total = feeder_.total();
  if (arguments.chaos > 0) {
    chaos_.emplace(arguments.chaos, total, arguments.seed);
    const auto spread = static_cast<double>(total) / (static_cast<double>(arguments.chaos) * seconds_a_kill);
    rate_ = rate_ > 0 ? std::min(rate_, spread) : spread;
  } else {
    if (rate_ > 0 && rate_ <= paced_rate_max) pace_ = rate_ * pace_of_rate;
    victim_.emplace(service_named(arguments.kill), total, rate_ > 0);
  }
}

Result<Summary> Run::play() {
  if (auto ready = open_broker_and_topics(); !ready) return ready.error();
  for (std::size_t i = 0; i < service_count; ++i)
    if (auto started = crew_.start(i); !started) return started.error();
  view_.emplace(arguments_.json ? View::Kind::none : is_drawable() ? View::Kind::live : View::Kind::plain);
  if (auto started = start_dashboard(); !started) return started.error();
  auto played = play_on();
  dashboard_.reset();
  auto summary = played ? finish() : Result<Summary>{played.error()};
  view_.reset();
  return summary;
}

Result<> Run::open_broker_and_topics() {
  url_ = arguments_.broker.value_or("log:" + setup_.directory + "/log");
  if (arguments_.broker) name_space_ = "demo-" + make_uuid_v7().to_string().substr(24);
  if (url_.starts_with("log:")) {  // the services run elsewhere
    std::error_code error;
    const auto path = std::filesystem::absolute(url_.substr(4), error);
    if (error) return Error{"io_error", "cannot tell where " + url_ + " is: " + error.message()};
    url_ = "log:" + path.lexically_normal().string();
  }
  BrokerOptions options;
  options.log = &stderr_log(LogLevel::warning);
  auto broker = open_broker(url_, options);
  if (!broker) return broker.error();
  broker_ = std::move(*broker);
  lags_.emplace(*broker_, name_space_);
  for (const auto* const topic : topic_names)
    if (auto made = broker_->create_topic(in_namespace(name_space_, topic), {.event_bytes_max = topic_event_bytes_max});
        !made)
      return made;
  return {};
}

/// The demo plays without it where its usual port is taken, and none was asked for by name.
Result<> Run::start_dashboard() {
  if (!arguments_.has_dashboard || (arguments_.json && !arguments_.dashboard_port)) return {};
  const Common common{.broker = url_, .name_space = name_space_};
  DashboardArguments options{.version = arguments_.version};
  for (const auto& spec : specs)
    if (auto store = stores_.url(spec.name); !store.empty()) options.stores.push_back(std::move(store));
  if (arguments_.dashboard_port) options.listen = "127.0.0.1:" + std::to_string(*arguments_.dashboard_port);
  auto started = Dashboard::start(*broker_, common, options);
  if (!started && started.error().code == "address_in_use" && !arguments_.dashboard_port) {
    options.listen = "127.0.0.1:0";
    started = Dashboard::start(*broker_, common, options);
  }
  if (!started) return started.error();
  dashboard_ = std::move(*started);
  view_->tell("the dashboard, while this runs: " + dashboard_->url());
  return {};
}

std::vector<std::string> Run::options_of(std::size_t service) const {
  const std::string_view name = specs[service].name;
  std::vector<std::string> flags{"--broker", url_};
  const auto add = [&](std::initializer_list<std::string> more) { flags.insert(flags.end(), more); };
  if (!name_space_.empty()) add({"--namespace", name_space_});
  if (const auto store = stores_.url(name); !store.empty()) add({"--store", store, "--outbox.lease", relay_lease});
  if (name == "orders") add({"--stock-timeout", answer_timeout, "--payment-timeout", answer_timeout});
  if (name == "inventory" && arguments_.stock) add({"--stock", std::to_string(*arguments_.stock)});
  if (name == "payments")
    add({"--decline-rate", std::to_string(arguments_.decline_rate), "--silent-rate",
         std::to_string(arguments_.silent_rate)});
  if (name == "notifications") add({"--mails", "mails"});
  if (name == "analytics") add({"--state", "."});
  if (victim_ && victim_->is(service) && pace_ > 0) {
    const auto batch_max = static_cast<std::uint64_t>(std::max(1.0, pace_ / 20));  // about twenty a second
    add({"--pace", std::to_string(pace_), "--set",
         "handlers." + std::string(specs[service].readings.front().handler) +
             ".batch_max=" + std::to_string(batch_max)});
  }
  return flags;
}

Result<> Run::play_on() {
  begun_ = std::chrono::steady_clock::now();
  auto moved = begun_;
  std::uint64_t sum_before = 0;
  while (!is_done()) {
    if (caught_signal() != 0) return Error{"interrupted", "stopped by a signal"};
    const auto now = std::chrono::steady_clock::now();
    const auto fed_before = feeder_.fed();
    if (auto went = feed_what_is_due(now); !went) return went;
    if (auto went = lags_->look(); !went) return went;
    if (auto went = crew_.check([this](std::size_t service) { return is_dead(service); }); !went) return went;
    if (auto went = chaos_ ? kill_at_random(now) : kill_midway(now); !went) return went;
    if (auto went = look_whether_done(); !went) return went;
    show(now);
    const auto sum = feeder_.fed() + lags_->handled();
    if (sum != sum_before || (rate_ > 0 && feeder_.fed() < feed_until() && !is_ahead()))
      moved = now;  // a low rate is no standstill
    sum_before = sum;
    if (now - moved > stuck_after) return stuck();
    if (feeder_.fed() == fed_before || rate_ > 0) std::this_thread::sleep_for(chaos_ ? 2ms : 10ms);
  }
  played_ = std::chrono::steady_clock::now();
  show(played_, true);
  return {};
}

Result<> Run::feed_what_is_due(Time now) {
  const auto count = due(now);
  if (count == 0) return {};
  return feeder_.feed(*broker_, in_namespace(name_space_, "submissions"), count,
                      arguments_.check ? &expected_ : nullptr);
}

std::uint64_t Run::feed_until() const {
  return chaos_ ? chaos_->feed_until() : victim_->feed_until();
}

/// Kills are spread over the work, and not over its arrival; and no checkout is to wait in a queue until its time is
/// up.
bool Run::is_ahead() const {
  return lags_->lag_of_checkouts() > ahead_max;
}

/// How many orders may be fed now.
std::uint64_t Run::due(Time now) const {
  const auto until = feed_until();
  if (feeder_.fed() >= until || is_ahead()) return 0;
  std::uint64_t allowed = until;
  if (const auto by_rate = std::chrono::duration<double>(now - begun_).count() * rate_;
      rate_ > 0 && by_rate < static_cast<double>(until))
    allowed = static_cast<std::uint64_t>(by_rate);
  return std::min(allowed > feeder_.fed() ? allowed - feeder_.fed() : 0, feed_batch_max);
}

Result<> Run::kill_at_random(Time now) {
  while (const auto step = chaos_->next(now, feeder_.fed())) {
    if (step->kind == Chaos::Step::Kind::kill)
      crew_.kill(step->service);
    else if (auto started = crew_.start(step->service); !started)
      return started;
    is_back_[step->service] = false;
  }
  for (std::size_t i = 0; i < service_count; ++i)
    is_back_[i] = is_back_[i] || (!is_dead(i) && lags_->of(i).held && lags_->of(i).lag == 0);
  return {};
}

Result<> Run::kill_midway(Time now) {
  const auto who = service_named(arguments_.kill);
  if (who == service_count) return {};
  const auto step = victim_->next({.now = now,
                                   .fed = feeder_.fed(),
                                   .is_held_up = is_ahead(),
                                   .is_quiet = lags_->is_quiet(),
                                   .victim = lags_->of(who)});
  if (!step) return {};
  switch (*step) {
    case Victim::Step::kill:
      crew_.kill(who);
      view_->tell(at(now) + arguments_.kill + " was killed (SIGKILL); the others go on", "31");
      break;
    case Victim::Step::restart:
      if (auto started = crew_.start(who); !started) return started;
      view_->tell(
          at(now) + arguments_.kill + " was started again, " + grouped(victim_->lag_at_restart()) + " events behind",
          "33");
      break;
    case Victim::Step::has_caught_up: {
      char seconds[32];
      std::snprintf(seconds, sizeof seconds, "%.2f s", victim_->caught_up_seconds());
      view_->tell(at(now) + arguments_.kill + " has caught up, after " + seconds, "32");
      break;
    }
  }
  return {};
}

bool Run::is_dead(std::size_t service) const {
  return chaos_ ? chaos_->is_dead(service) : victim_->is_dead(service);
}

/// Everything fed has come to its end: nothing waits for a service, in an outbox, or in the middle of a checkout.
Result<> Run::look_whether_done() {
  const bool is_over = chaos_ ? chaos_->is_over() : victim_->is_over();
  bool is_through = feeder_.fed() >= feeder_.total() && is_over && lags_->is_quiet();
  checkouts_left_ = 0;
  if (is_through) {
    const auto left = stores_.left();
    if (!left) return left.error();
    is_through = left->events == 0 && left->sagas == 0;
    checkouts_left_ = left->sagas;
  }
  const bool is_still = lags_->handled() == handled_when_quiet_;
  handled_when_quiet_ = lags_->handled();
  times_quiet_ = !is_through ? 0 : is_still ? times_quiet_ + 1 : 1;
  return {};
}

bool Run::is_done() const {
  return times_quiet_ >= quiet_enough;
}

Error Run::stuck() {
  std::string what;
  for (std::size_t i = 0; i < service_count; ++i)
    if (lags_->of(i).lag > 0)
      what += std::string(", ") + specs[i].name + " is " + grouped(lags_->of(i).lag) + " events behind";
  if (const auto left = stores_.left(); !left)
    what += ", " + to_string(left.error());
  else if (left->events > 0 || left->sagas > 0)
    what += ", " + grouped(left->events) + " events wait in outboxes and " + grouped(left->sagas) +
            " orders are neither confirmed nor failed";
  return {"stuck", "nothing has moved for two minutes" + what + "; see the services' logs in " + setup_.directory};
}

Result<Summary> Run::finish() {
  Summary summary;
  for (std::size_t i = 0; i < service_count; ++i)
    summary.services.push_back({.name = specs[i].name,
                                .handled = lags_->of(i).handled,
                                .rss_anon_kib = crew_.rss_anon_kib(i),
                                .kills = chaos_ ? chaos_->killed(i) : 0});
  if (auto stopped = crew_.stop(40s); !stopped) return stopped.error();
  auto results = collect(*broker_, stores_, {setup_.directory, name_space_});
  if (!results) return results.error();
  summarize(*results, summary);
  summary.orders_fed = feeder_.fed();
  summary.lines_fed = setup_.input.lines * arguments_.repeat;
  summary.cancellations = feeder_.cancellations();
  summary.seconds = std::chrono::duration<double>(played_ - begun_).count();
  summary.kills = arguments_.chaos;
  if (victim_ && victim_->state() != Victim::State::none) {
    summary.killed = arguments_.kill;
    summary.lag_at_restart = victim_->lag_at_restart();
    summary.caught_up_seconds = victim_->caught_up_seconds();
    summary.killed_held_to = pace_;
  }
  summary.checked = arguments_.check;
  if (arguments_.check) summary.differences = compare(expected_, *results, arguments_.stock);
  return summary;
}

void Run::show(Time now, bool is_last) {
  Scene scene{.where = url_,
              .seconds = std::chrono::duration<double>(now - begun_).count(),
              .fed = feeder_.fed(),
              .total = feeder_.total(),
              .rows = {},
              .counts_kills = chaos_.has_value(),
              .caption = caption()};
  for (std::size_t i = 0; i < service_count; ++i) {
    const auto& progress = lags_->of(i);
    scene.rows.push_back({.service = specs[i].name,
                          .state = state_of(i),
                          .handled = progress.handled,
                          .lag = progress.lag,
                          .doing = specs[i].doing,
                          .kills = chaos_ ? chaos_->killed(i) : 0});
    scene.lag_full = std::max(scene.lag_full, progress.lag);
  }
  // While it grows it must not be the measure of itself.
  const auto dead_seconds = std::chrono::duration<double>(Victim::dead_for).count();
  const auto most = chaos_      ? rate_
                    : rate_ > 0 ? dead_seconds * rate_ * 2.2  // placed, and confirmed
                                : static_cast<double>(feeder_.total());
  scene.lag_full = std::max(
      {scene.lag_full, victim_ ? victim_->lag_at_restart() : std::uint64_t{0}, static_cast<std::uint64_t>(most)});
  view_->show(scene, is_last);
}

Scene::State Run::state_of(std::size_t service) const {
  if (is_dead(service)) return Scene::State::killed;
  const bool catches_up =
      chaos_ ? !is_back_[service] : victim_->is(service) && victim_->state() == Victim::State::catching_up;
  if (catches_up) return Scene::State::catching_up;
  return lags_->of(service).known ? Scene::State::running : Scene::State::starting;
}

std::string Run::caption() const {
  const auto& who = arguments_.kill;
  const bool all_is_fed = feeder_.fed() >= feeder_.total();
  if (checkouts_left_ > 0)
    return (checkouts_left_ == 1 ? "an order waits" : grouped(checkouts_left_) + " orders wait") +
           " for an answer that does not come, until time is up";
  if (chaos_)
    return grouped(chaos_->done()) + " of " + grouped(arguments_.chaos) + " kills" +
           (is_done()                         ? "; all is done"
            : chaos_->is_over() && all_is_fed ? "; everybody is back, and does what is left"
                                              : "; who is killed is started again, and goes on");
  switch (victim_->state()) {
    case Victim::State::none:
      return is_done() ? "all is done" : "five services, each a process of its own, over one log";
    case Victim::State::alive:
      return "five services, each a process of its own; soon " + who + " is killed";
    case Victim::State::dead:
      return who + " is dead: its events wait in the log, and the others go on";
    case Victim::State::catching_up:
      return who + " is back, and works through the events that waited for it";
    case Victim::State::caught_up:
      break;
  }
  return who + " has missed nothing" + (is_done() ? "; all is done" : ", and keeps up again");
}

std::string Run::at(Time now) const {
  char text[32];
  std::snprintf(text, sizeof text, "%6.1f s  ", std::chrono::duration<double>(now - begun_).count());
  return text;
}

}  // namespace tidings::cli
