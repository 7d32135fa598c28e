#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

#include "commands.hpp"
#include "demo/chaos.hpp"
#include "demo/child.hpp"
#include "demo/expected.hpp"
#include "demo/results.hpp"
#include "demo/setup.hpp"
#include "demo/stores.hpp"
#include "demo/summary.hpp"
#include "demo/view.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "tidings/base/uuid.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/service/names.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Time = std::chrono::steady_clock::time_point;

constexpr auto stuck_after = 120s;
constexpr std::size_t feed_batch_max = 200;
// At a rate that is watched, the victim is dead for so long, and then held to so much more than what comes in: catching
// up would be over in a blink otherwise.
constexpr auto dead_seconds = 4s, dead_seconds_max = 30s;
constexpr std::uint64_t lag_min = 10;
constexpr double pace_of_rate = 2.5, paced_rate_max = 1000;
// With --chaos, for each kill on average: about twice what a service takes to come back. And a service that is killed
// waits so long at most for the parts that its relay held.
constexpr double seconds_a_kill = 0.15;
constexpr const char* relay_lease = "2s";
// What was fed has gone through once it was quiet so often: a service's outbox may have filled after the next was
// looked at.
constexpr int quiet_enough = 3;
constexpr std::size_t topic_event_bytes_max = std::size_t{32} << 20;

class Demo {
 public:
  Demo(const DemoArguments& arguments, const Setup& setup, Stores& stores)
      : arguments_(arguments), setup_(setup), directory_(setup.directory), input_(setup.input), stores_(stores) {}

  Result<Summary> run() {
    round_mark_ = round_mark(input_.submissions);
    total_ = input_.submissions.size() * arguments_.repeat;
    rate_ = arguments_.rate >= 0 ? arguments_.rate : arguments_.orders.empty() ? 100 : 0;
    if (arguments_.chaos > 0) {
      chaos_.emplace(arguments_.chaos, total_, arguments_.seed);
      const auto spread = static_cast<double>(total_) / (static_cast<double>(arguments_.chaos) * seconds_a_kill);
      rate_ = rate_ > 0 ? std::min(rate_, spread) : spread;
    } else if (rate_ > 0 && rate_ <= paced_rate_max) {
      pace_ = rate_ * pace_of_rate;
    }
    if (auto ready = open_broker_and_topics(); !ready) return ready.error();
    for (std::size_t i = 0; i < service_count; ++i)
      if (auto started = start(i); !started) return started.error();
    view_.emplace(arguments_.json ? View::Kind::none : is_drawable() ? View::Kind::live : View::Kind::plain);
    auto played = play();
    auto summary = played ? finish() : Result<Summary>{played.error()};
    view_.reset();
    return summary;
  }

 private:
  Result<> open_broker_and_topics() {
    url_ = arguments_.broker.value_or("log:" + directory_ + "/log");
    if (arguments_.broker) name_space_ = "demo-" + make_uuid_v7().to_string().substr(24);
    if (url_.starts_with("log:")) {  // the services run elsewhere
      std::error_code error;
      const auto path = fs::absolute(url_.substr(4), error);
      if (error) return Error{"io_error", "cannot tell where " + url_ + " is: " + error.message()};
      url_ = "log:" + path.lexically_normal().string();
    }
    BrokerOptions options;
    options.log = &stderr_log(LogLevel::warning);
    auto broker = open_broker(url_, options);
    if (!broker) return broker.error();
    broker_ = std::move(*broker);
    for (const auto* const topic : {"submissions", "orders", "orders.rejected", "stock"})
      if (auto made =
              broker_->create_topic(in_namespace(name_space_, topic), {.event_bytes_max = topic_event_bytes_max});
          !made)
        return made;
    return {};
  }

  Result<> start(std::size_t service) {
    const std::string name = specs[service].name;
    const auto folder = directory_ + "/" + name;
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return Error{"io_error", "cannot make " + folder + ": " + error.message()};
    std::vector<std::string> flags{"--broker", url_};
    if (!name_space_.empty()) flags.insert(flags.end(), {"--namespace", name_space_});
    if (name == "analytics") flags.insert(flags.end(), {"--state", "."});
    if (const auto store = stores_.url(name); !store.empty())
      flags.insert(flags.end(), {"--store", store, "--outbox.lease", relay_lease});
    if (name == "notifications") flags.insert(flags.end(), {"--mails", "mails"});
    if (name == "inventory" && arguments_.stock)
      flags.insert(flags.end(), {"--stock", std::to_string(*arguments_.stock)});
    if (service == victim() && pace_ > 0) {
      const auto handler = std::string(specs[service].group).substr(name.size() + 1);
      const auto batch_max = static_cast<std::uint64_t>(std::max(1.0, pace_ / 20));  // about twenty a second
      flags.insert(flags.end(), {"--pace", std::to_string(pace_), "--set",
                                 "handlers." + handler + ".batch_max=" + std::to_string(batch_max)});
    }
    auto child = Child::start(setup_.programs[service], flags, folder, log_file(service));
    if (!child) return child.error();
    children_[service] = std::move(*child);
    return {};
  }

  [[nodiscard]] std::string log_file(std::size_t service) const {
    return directory_ + "/" + specs[service].name + ".log";
  }

  /// For the end of a message; `complain_in_lines` shows it.
  [[nodiscard]] std::string last_words(std::size_t service) const {
    const auto lines = last_lines(log_file(service), 10);
    return lines.empty() ? "; it has said nothing" : "; its last words:\n" + lines;
  }

  /// Submission `number` of all, repeats included.
  [[nodiscard]] Submission submission(std::uint64_t number) const {
    auto one = input_.submissions[number % input_.submissions.size()];
    if (const auto round = number / input_.submissions.size(); round > 0)
      one.order_id += round_mark_ + std::to_string(round + 1);
    return one;
  }

  Result<> feed(std::uint64_t count) {
    std::vector<Envelope> envelopes;
    const EnvelopeOptions how{.source = "till"};
    for (std::uint64_t i = 0; i < count; ++i) {
      auto one = submission(fed_ + i);
      if (arguments_.check) expected_.add(one);
      auto envelope = one.cancellation
                          ? make_envelope(shop::CancellationSubmitted{one.order_id, std::move(one.lines)}, how)
                          : make_envelope(shop::OrderSubmitted{one.order_id, std::move(one.lines)}, how);
      if (!envelope) return envelope.error();
      envelopes.push_back(std::move(*envelope));
    }
    std::vector<EnvelopeView> views;
    views.reserve(envelopes.size());
    for (const auto& envelope : envelopes) views.push_back(envelope.view());
    auto published = broker_->publish(in_namespace(name_space_, "submissions"), views);
    if (!published) return published.error();
    fed_ += count;
    return {};
  }

  /// The rest is fed once the victim is dead, as far as it has something to do before.
  [[nodiscard]] std::uint64_t feed_until() const {
    if (chaos_) return chaos_->feed_until();
    return victim_state_ == Victim::alive ? feed_until_ : total_;
  }

  /// Kills are spread over the work, and not over its arrival.
  [[nodiscard]] bool is_ahead() const {
    return chaos_ && progress_[0].lag > std::max<std::uint64_t>(feed_batch_max, total_ / arguments_.chaos);
  }

  /// How many may be fed now.
  [[nodiscard]] std::uint64_t due(Time now) const {
    const auto until = feed_until();
    if (fed_ >= until) return 0;
    if (is_ahead()) return 0;
    std::uint64_t allowed = until;
    if (const auto by_rate = std::chrono::duration<double>(now - begun_).count() * rate_;
        rate_ > 0 && by_rate < static_cast<double>(until))
      allowed = static_cast<std::uint64_t>(by_rate);
    return std::min<std::uint64_t>(allowed > fed_ ? allowed - fed_ : 0, feed_batch_max);
  }

  Result<> look() {
    for (std::size_t i = 0; i < service_count; ++i) {
      progress_[i] = {};
      auto groups = broker_->groups(in_namespace(name_space_, specs[i].topic));
      if (!groups) return groups.error();
      for (const auto& group : *groups) {
        if (group.group != in_namespace(name_space_, specs[i].group)) continue;
        progress_[i].known = true;
        progress_[i].lag = group.lag();
        progress_[i].held = !group.partitions.empty();
        for (const auto& one : group.partitions) {
          progress_[i].handled += one.handled + one.parked;
          progress_[i].held = progress_[i].held && one.owned;
        }
      }
    }
    return {};
  }

  /// Everything fed has gone through: each service in the order of the flow, since what one has settled it has
  /// published. A service that holds no partition yet may still be on its way: a signal would not find its handler.
  [[nodiscard]] bool is_quiet() const {
    for (const auto& one : progress_)
      if (!one.held || one.lag > 0) return false;
    return true;
  }

  /// Looks once more whether anything is left.
  Result<> look_whether_done() {
    const bool is_over = chaos_ ? chaos_->is_over() : victim_state_ != Victim::alive && victim_state_ != Victim::dead;
    bool is_through = fed_ >= total_ && is_over && is_quiet();
    if (is_through) {
      const auto waiting = stores_.waiting();
      if (!waiting) return waiting.error();
      is_through = *waiting == 0;
    }
    times_quiet_ = is_through ? times_quiet_ + 1 : 0;
    return {};
  }
  [[nodiscard]] bool is_done() const { return times_quiet_ >= quiet_enough; }

  [[nodiscard]] bool is_dead(std::size_t service) const {
    return chaos_ ? chaos_->is_dead(service) : service == victim() && victim_state_ == Victim::dead;
  }

  void kill(std::size_t service) {
    children_[service]->send(SIGKILL);
    while (!children_[service]->ended()) std::this_thread::sleep_for(1ms);
  }

  Result<> kill_at_random(Time now) {
    while (const auto step = chaos_->next(now, fed_)) {
      if (step->kind == Chaos::Step::Kind::kill)
        kill(step->service);
      else if (auto started = start(step->service); !started)
        return started;
      is_back_[step->service] = false;
    }
    for (std::size_t i = 0; i < service_count; ++i)
      is_back_[i] = is_back_[i] || (!is_dead(i) && progress_[i].held && progress_[i].lag == 0);
    return {};
  }

  Result<> check_children() {
    for (std::size_t i = 0; i < service_count; ++i) {
      if (!children_[i] || is_dead(i)) continue;
      const auto status = children_[i]->ended();
      if (!status) continue;
      return Error{"service_ended", std::string(specs[i].name) + " " + ending(*status) +
                                        ", which the demo did not ask for" + last_words(i)};
    }
    return {};
  }

  [[nodiscard]] std::size_t victim() const {
    if (chaos_) return service_count;
    for (std::size_t i = 0; i < service_count; ++i)
      if (arguments_.kill == specs[i].name) return i;
    return service_count;
  }

  /// Once enough waits for it that its catching up can be seen, or nothing more will come.
  [[nodiscard]] bool is_time_to_restart(Time now) const {
    const auto dead_for = now - killed_at_;
    const bool all_is_fed = fed_ >= total_;
    if (rate_ == 0) return dead_for >= 300ms && (all_is_fed || dead_for > dead_seconds);
    if (all_is_fed) return dead_for >= 2500ms;
    return dead_for >= dead_seconds && (progress_[victim()].lag >= lag_min || dead_for > dead_seconds_max);
  }

  Result<> kill_and_restart(Time now) {
    const auto who = victim();
    if (victim_state_ == Victim::alive && progress_[who].handled == 0) {
      if (fed_ < feed_until_ || !is_quiet()) return {};
      // All that was fed gave it nothing to do: it gets more.
      feed_until_ = std::min(total_, feed_until_ + feed_step_);
      feed_step_ *= 2;
    }
    if (victim_state_ == Victim::alive && fed_ >= feed_until_) {
      kill(who);
      victim_state_ = Victim::dead;
      killed_at_ = now;
      view_->tell(at(now) + arguments_.kill + " was killed (SIGKILL); the others go on", "31");
    } else if (victim_state_ == Victim::dead) {
      if (!is_time_to_restart(now)) return {};
      lag_at_restart_ = progress_[who].lag;
      if (auto started = start(who); !started) return started;
      victim_state_ = Victim::catching_up;
      restarted_at_ = now;
      view_->tell(at(now) + arguments_.kill + " was started again, " + grouped(lag_at_restart_) + " events behind",
                  "33");
    } else if (victim_state_ == Victim::catching_up && progress_[who].held && progress_[who].lag == 0) {
      victim_state_ = Victim::caught_up;
      caught_up_seconds_ = std::chrono::duration<double>(now - restarted_at_).count();
      char seconds[32];
      std::snprintf(seconds, sizeof seconds, "%.2f s", caught_up_seconds_);
      view_->tell(at(now) + arguments_.kill + " has caught up, after " + seconds, "32");
    }
    return {};
  }

  Result<> play() {
    victim_state_ = victim() == service_count ? Victim::none : Victim::alive;
    feed_until_ = rate_ > 0 ? (total_ + 3) / 4 : (total_ + 1) / 2;  // at a rate the others are to be seen going on
    begun_ = std::chrono::steady_clock::now();
    auto moved = begun_;
    std::uint64_t sum_before = 0;
    while (!is_done()) {
      if (caught_signal() != 0) return Error{"interrupted", "stopped by a signal"};
      const auto now = std::chrono::steady_clock::now();
      const auto count = due(now);
      if (count > 0)
        if (auto done = feed(count); !done) return done;
      if (auto done = look(); !done) return done;
      if (auto done = check_children(); !done) return done;
      if (chaos_)
        if (auto done = kill_at_random(now); !done) return done;
      if (victim_state_ != Victim::none)
        if (auto done = kill_and_restart(now); !done) return done;
      if (auto done = look_whether_done(); !done) return done;
      view_->show(scene(now));
      std::uint64_t sum = fed_;
      for (const auto& one : progress_) sum += one.handled;
      if (sum != sum_before || (rate_ > 0 && fed_ < feed_until() && !is_ahead()))
        moved = now;  // a low rate is no standstill
      sum_before = sum;
      if (now - moved > stuck_after)
        return Error{"stuck", "nothing has moved for two minutes; see the services' logs in " + directory_};
      if (count == 0 || rate_ > 0) std::this_thread::sleep_for(chaos_ ? 2ms : 10ms);
    }
    played_ = std::chrono::steady_clock::now();
    view_->show(scene(played_), true);
    return {};
  }

  [[nodiscard]] std::string at(Time now) const {
    char text[32];
    std::snprintf(text, sizeof text, "%6.1f s  ", std::chrono::duration<double>(now - begun_).count());
    return text;
  }

  [[nodiscard]] Scene scene(Time now) const {
    Scene scene{.where = url_,
                .seconds = std::chrono::duration<double>(now - begun_).count(),
                .fed = fed_,
                .total = total_,
                .rows = {},
                .counts_kills = chaos_.has_value(),
                .caption = {}};
    for (std::size_t i = 0; i < service_count; ++i) {
      auto state = progress_[i].known ? Scene::State::running : Scene::State::starting;
      if ((chaos_ && !is_back_[i]) || (i == victim() && victim_state_ == Victim::catching_up))
        state = Scene::State::catching_up;
      if (is_dead(i)) state = Scene::State::killed;
      scene.rows.push_back({.service = specs[i].name,
                            .state = state,
                            .handled = progress_[i].handled,
                            .lag = progress_[i].lag,
                            .doing = specs[i].doing,
                            .kills = chaos_ ? chaos_->killed(i) : 0});
      scene.lag_full = std::max(scene.lag_full, progress_[i].lag);
    }
    // While it grows it must not be the measure of itself.
    const auto most = chaos_      ? rate_
                      : rate_ > 0 ? std::chrono::duration<double>(dead_seconds).count() * rate_ * 1.1
                                  : static_cast<double>(total_) / 2;
    scene.lag_full = std::max({scene.lag_full, lag_at_restart_, static_cast<std::uint64_t>(most)});
    scene.caption = caption();
    return scene;
  }

  [[nodiscard]] std::string caption() const {
    const auto& who = arguments_.kill;
    if (chaos_)
      return grouped(chaos_->done()) + " of " + grouped(arguments_.chaos) + " kills" +
             (is_done()                             ? "; all is done"
              : chaos_->is_over() && fed_ >= total_ ? "; everybody is back, and does what is left"
                                                    : "; who is killed is started again, and goes on");
    switch (victim_state_) {
      case Victim::none:
        return is_done() ? "all is done" : "four services, each a process of its own, over one log";
      case Victim::alive:
        return "four services, each a process of its own; soon " + who + " is killed";
      case Victim::dead:
        return who + " is dead: its events wait in the log, and the others go on";
      case Victim::catching_up:
        return who + " is back, and works through the events that waited for it";
      case Victim::caught_up:
        break;
    }
    return who + " has missed nothing" + (is_done() ? "; all is done" : ", and keeps up again");
  }

  Result<Summary> finish() {
    Summary summary;
    for (std::size_t i = 0; i < service_count; ++i)
      summary.services.push_back({.name = specs[i].name,
                                  .handled = progress_[i].handled,
                                  .rss_anon_kib = children_[i]->rss_anon_kib(),
                                  .kills = chaos_ ? chaos_->killed(i) : 0});
    for (auto& child : children_) child->send(SIGTERM);
    const auto until = std::chrono::steady_clock::now() + 40s;
    for (std::size_t i = 0; i < service_count; ++i) {
      while (!children_[i]->ended() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
      const auto status = children_[i]->ended();
      if (!status || !WIFEXITED(*status) || WEXITSTATUS(*status) != 0)
        return Error{"service_failed", std::string(specs[i].name) + " did not end cleanly at SIGTERM: it " +
                                           (status ? ending(*status) : "still runs") + last_words(i)};
    }
    auto results = collect(*broker_, stores_, {directory_, name_space_});
    if (!results) return results.error();
    summarize(*results, summary);
    summary.orders_fed = fed_;
    summary.lines_fed = input_.lines * arguments_.repeat;
    summary.seconds = std::chrono::duration<double>(played_ - begun_).count();
    summary.kills = arguments_.chaos;
    summary.killed = victim() == service_count ? "" : arguments_.kill;
    summary.lag_at_restart = lag_at_restart_;
    summary.caught_up_seconds = caught_up_seconds_;
    summary.killed_held_to = summary.killed.empty() ? 0 : pace_;
    summary.checked = arguments_.check;
    if (arguments_.check) summary.differences = compare(expected_, *results, arguments_.stock);
    return summary;
  }

  struct Progress {
    bool known = false;
    bool held = false;  ///< by a live member, every partition
    std::uint64_t handled = 0;
    std::uint64_t lag = 0;
  };
  enum class Victim { none, alive, dead, catching_up, caught_up };

  const DemoArguments& arguments_;
  const Setup& setup_;
  const std::string& directory_;
  const Input& input_;
  Stores& stores_;
  std::string url_;
  std::string name_space_;
  std::unique_ptr<Broker> broker_;
  std::optional<Child> children_[service_count];
  std::optional<View> view_;
  std::string round_mark_;
  Expected expected_;
  double rate_ = 0;
  double pace_ = 0;  // of the victim, events a second; 0: as fast as it goes
  std::uint64_t total_ = 0;
  std::uint64_t fed_ = 0;
  std::uint64_t feed_until_ = 0, feed_step_ = 1;  // while the victim lives
  Progress progress_[service_count];
  int times_quiet_ = 0;
  std::optional<Chaos> chaos_;
  bool is_back_[service_count] = {true, true, true, true};  // and has caught up since it was killed last
  Victim victim_state_ = Victim::none;
  Time begun_{}, played_{}, killed_at_{}, restarted_at_{};
  std::uint64_t lag_at_restart_ = 0;
  double caught_up_seconds_ = 0;
};

/// The lines after the first are what a service of ours wrote.
void complain_in_lines(const Error& error) {
  const auto text = to_string(error);
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    complain((begin == 0 ? "" : "  ") + text.substr(begin, end - begin));
    begin = end + 1;
  }
}

std::string among_schemas(const Stores& stores) {
  std::string text;
  for (const auto& schema : stores.schemas()) text += (text.empty() ? ", and in the schemas " : " and ") + schema;
  return text;
}

}  // namespace

int demo(const DemoArguments& arguments) {
  catch_signals();
  if (arguments.broker)
    if (auto usable = check_broker(*arguments.broker); !usable) return fail(usable.error());
  if (arguments.store)
    if (auto usable = check_store(*arguments.store); !usable) return fail(usable.error());
  auto setup = set_up(arguments);
  if (!setup) {
    complain(setup.error());
    return failed;
  }
  const auto& directory = setup->directory;
  auto stores = Stores::make(arguments.store, directory);
  // A URL that is wrong is wrong usage; a database that is away is none.
  const bool is_wrong_url = !stores && stores.error().code == "invalid_url";
  auto summary = stores ? Demo(arguments, *setup, *stores).run() : Result<Summary>(stores.error());
  int status = done;
  if (!summary) {
    if (summary.error().code != "interrupted") complain_in_lines(summary.error());
    status = is_wrong_url ? wrong_usage : failed;
  } else {
    status = print(arguments.json ? to_json(*summary)
                                  : to_text(*summary, std::clamp<std::size_t>(terminal_room().columns, 40, 110)));
    if (!summary->differences.empty()) status = failed;
  }
  std::error_code not_empty;
  const bool is_nothing_there = !summary && setup->made_directory && fs::remove(directory, not_empty);
  const bool keeps = !arguments.keep.empty() || (status == failed && caught_signal() == 0);
  if (stores && (is_nothing_there || !keeps))
    if (auto removed = stores->remove(); !removed)
      complain("the run's schemas are left in the database: " + to_string(removed.error()));
  if (is_nothing_there)
    return status_after_signals(status);
  else if (!keeps)
    remove(directory, arguments.json);
  else if (!arguments.json)
    complain("everything is kept in " + directory + (stores ? among_schemas(*stores) : ""));
  return status_after_signals(status);
}

}  // namespace tidings::cli
