#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tidings/service/names.hpp"
#include "tidings/service/service.hpp"
#include "traffic.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

struct Happened {
  std::string id;
  std::string key;
  static constexpr traits<Happened> event{
      .name = "conformance.Happened", .version = 1, .topic = "orders", .key = &Happened::key};
};

constexpr HandlerOptions three_attempts() {
  HandlerOptions options;
  options.retry.immediate = 1;
  options.retry.delayed = 1;
  options.retry.first = 10ms;
  options.retry.longest = 20ms;
  return options;
}

class Quiet final : public LogSink {
 public:
  void write(LogLevel, std::string_view) override {}
};

Service make_service(Trial& trial, Broker& broker, std::vector<SettingValue> settings = {}) {
  static Quiet quiet;
  ServiceOptions options;
  options.name = "service";
  options.broker = &broker;
  options.settings = std::move(settings);
  options.log = &quiet;
  return trial.need(Service::create(std::move(options)), "Service::create");
}

/// Runs the service until `enough`, or patience ends.
template <class Enough>
void run_until(Trial& trial, Service& service, Enough enough) {
  int status = -1;
  {
    std::jthread runner([&] { status = service.run(); });
    for (const auto until = steady_now() + trial.patience(); !enough() && steady_now() < until;)
      std::this_thread::sleep_for(2ms);
    trial.check(enough(), "the service did not get as far as it should");
    service.stop();
  }
  trial.check(status == 0, "the service ended with status " + std::to_string(status));
}

void a_poison_event_reaches_the_dead_letters_after_the_last_attempt(Trial& trial) {
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders", 2);
  auto service = make_service(trial, *broker);
  std::atomic<int> attempts = 0;
  std::atomic<int> handled = 0;
  service.on("work", three_attempts(), [&](const Happened& happened, Context& context) -> Result<> {
    if (happened.id == "poison") {
      attempts = context.attempt();
      return Error{"broken", "cannot be handled", Retry::same_call};
    }
    ++handled;
    return {};
  });
  trial.need(service.publish_all(std::vector<Happened>{{"a", "a"}, {"poison", "p"}, {"b", "b"}}), "publish");
  run_until(trial, service, [&] {
    const auto stats = service.stats("work");
    return stats && stats->handled == 2 && stats->parked == 1;
  });
  trial.check(attempts == 3, "the last attempt is " + std::to_string(attempts) + ", not 3");
  trial.check(handled == 2, "of 2 healthy events " + std::to_string(handled) + " were handled");
  const auto group = group_of("service", "work");
  const auto info = group_info(trial, *broker, "orders", group);
  std::uint64_t parked = 0;
  for (const auto& partition : info.partitions) parked += partition.parked;
  trial.check(info.lag() == 0 && parked == 1, "the group does not count one event as parked and none as open");
  const auto reader = subscribe(trial, *broker, dead_letters_of(group), {});
  const auto entries = take(trial, *reader, 2);  // who holds the partition, and the letter
  const auto& letter = entries[1].envelope;
  trial.check(letter.payload.find("poison") != letter.payload.npos, "the dead letter has another payload");
  trial.check(letter.key == "p" && letter.type == "conformance.Happened",
              "the dead letter's attributes are not the event's");
  trial.check(letter.headers.get(dead_letter::attempts) == "3", "the dead letter does not tell the attempts");
  trial.check(letter.headers.get(dead_letter::reason).value_or("").find("cannot be handled") != std::string_view::npos,
              "the dead letter does not tell the reason");
  trial.check(letter.headers.get(dead_letter::topic) == "orders", "the dead letter does not tell where it comes from");
  check_nothing_comes(trial, *reader, "one event was parked");
}

void a_throw_equals_a_negative_acknowledgement(Trial& trial) {
  const auto broker = trial.open();
  auto service = make_service(trial, *broker);
  std::mutex mutex;
  std::map<std::string, std::vector<int>> attempts;
  service.on("work", three_attempts(), [&](const Happened& happened, Context& context) -> Result<> {
    const std::scoped_lock lock(mutex);
    attempts[happened.id].push_back(context.attempt());
    if (context.attempt() == 3) return {};
    if (happened.id == "throws") throw std::runtime_error("thrown");
    return Error{"failed", "returned", Retry::same_call};
  });
  trial.need(service.publish_all(std::vector<Happened>{{"throws", "a"}, {"returns", "b"}}), "publish");
  run_until(trial, service, [&] {
    const auto stats = service.stats("work");
    return stats && stats->handled == 2;
  });
  const std::vector<int> wanted{1, 2, 3};
  trial.check(attempts["throws"] == wanted, "an event whose handler throws does not get attempts 1, 2, 3");
  trial.check(attempts["returns"] == wanted, "an event whose handler returns an error does not get attempts 1, 2, 3");
  trial.check(group_info(trial, *broker, "orders", group_of("service", "work")).lag() == 0,
              "both were handled, but there is a lag");
}

}  // namespace

void check_service_stops(Trial& trial, Broker& broker) {
  auto service = make_service(trial, broker);
  std::atomic<int> handled = 0;
  service.on("work", {}, [&](const Happened&) { ++handled; });
  trial.need(service.publish(Happened{"before", "k"}), "publish");
  run_until(trial, service, [&] { return handled > 0; });
  const int before = handled;
  const std::vector<Envelope> late{event("late", "k")};
  publish(trial, broker, "orders", late);
  std::this_thread::sleep_for(glance);
  trial.check(handled == before, "a service that has stopped handles events");
}

void check_service_ends_under_a_blocked_handler(Trial& trial) {
  const auto child = ::fork();
  trial.require(child >= 0, "fork failed");
  if (child == 0) {
    int status = 90;
    // The thread that blocks is left behind, as it must be; the thread sanitizer would say so.
    if (const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC); nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
    Trial own(trial.patience());
    own.guard([&](Trial& mine) {
      const auto broker = mine.need(trial.under_test().open(), "open");
      auto service = make_service(mine, *broker, {{"drain", "200ms"}});
      std::atomic<bool> entered = false;
      service.on("work", {}, [&](const Happened&) {
        entered = true;
        while (true) std::this_thread::sleep_for(1s);
      });
      mine.need(service.publish(Happened{"blocks", "k"}), "publish");
      const std::jthread stopper([&] {
        while (!entered) std::this_thread::sleep_for(1ms);
        service.stop();
      });
      status = 91 + (service.run() & 1);  // it should not come back: a blocked thread cannot be ended
    });
    ::_exit(status);
  }
  int status = 0;
  pid_t ended = 0;
  for (const auto until = steady_now() + trial.patience(); ended == 0 && steady_now() < until;) {
    ended = ::waitpid(child, &status, WNOHANG);
    if (ended == 0) std::this_thread::sleep_for(5ms);
  }
  if (ended == 0) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  trial.check(ended == child, "a service with a blocked handler does not end with its drain time");
  if (ended == child)
    trial.check(WIFEXITED(status) && WEXITSTATUS(status) == 1,
                "a service with a blocked handler ended with " +
                    (WIFEXITED(status) ? "status " + std::to_string(WEXITSTATUS(status))
                                       : "signal " + std::to_string(WTERMSIG(status))) +
                    ", not with status 1");
}

std::vector<CaseEntry> service_cases() {
  return {
      {{"a_poison_event_reaches_the_dead_letters_after_the_last_attempt",
        "What no attempt can handle is parked, with the reason."},
       a_poison_event_reaches_the_dead_letters_after_the_last_attempt},
      {{"a_throw_equals_a_negative_acknowledgement",
        "A handler that throws gets the event again, as one that returns an error."},
       a_throw_equals_a_negative_acknowledgement},
  };
}

}  // namespace tidings::testing
