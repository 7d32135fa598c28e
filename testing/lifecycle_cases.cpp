#include <filesystem>
#include <thread>

#include "traffic.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

void close_drains_within_its_deadline_also_under_a_blocked_handler(Trial& trial) {
  check_service_ends_under_a_blocked_handler(trial);
  const auto broker = trial.open();
  const auto second = trial.open();
  const auto sent = events("e", 10);
  publish(trial, *broker, "closing", sent);

  // A handler that ends: close waits for it, and its acknowledgement counts.
  auto group = join(trial, *broker, "closing", "group");
  const auto got = take(trial, *group, 4);
  {
    const std::jthread handler([&, own = group.get()] {
      std::this_thread::sleep_for(50ms);
      (void)own->settle(ids_of(got));
    });
    trial.need(group->close(trial.patience()), "close");
    trial.check(group_info(trial, *broker, "closing", "group").partitions.at(0).position == Offset{4},
                "close did not wait for what was in flight");
  }

  // A handler that blocks: close ends with its deadline, and another member gets the events.
  group = join(trial, *broker, "closing", "group");
  const auto blocked = take(trial, *group, 3);
  const auto begin = steady_now();
  (void)group->close(100ms);
  trial.check(steady_now() - begin >= 100ms, "close did not wait for a handler that works");
  trial.check(steady_now() - begin < trial.patience(), "close waits for a blocked handler");
  trial.check_error(group->settle(ids_of(blocked)), "not_owner", Retry::never, "settling after close");
  const auto other = join(trial, *second, "closing", "group");
  check_same(trial, names_of(handle(trial, *other, 6)), names_of(std::span(sent).subspan(4)),
             "after a close that waited in vain");
  const auto end = steady_now();
  trial.need(broker->close(100ms), "broker close");
  trial.check(steady_now() - end < trial.patience(), "the broker's close takes far longer than its deadline");
}

void stopping_ends_new_deliveries(Trial& trial) {
  const auto broker = trial.open();
  publish(trial, *broker, "orders", events("e", 10));
  auto group = join(trial, *broker, "orders", "group");
  const auto got = handle(trial, *group, 2);

  // A wake ends a waiting fetch, or the next one.
  const auto quiet = join(trial, *broker, "quiet", "group");
  for (const auto pause : {0ms, 20ms}) {
    const auto begin = steady_now();
    const std::jthread waker([&] {
      std::this_thread::sleep_for(pause);
      quiet->wake();
    });
    trial.check(trial.need(quiet->fetch(1, 2 * trial.patience()), "fetch").empty(), "something came on an empty topic");
    trial.check(steady_now() - begin < trial.patience(), "wake does not end a waiting fetch");
  }

  // Close ends a waiting fetch, and there is none after it.
  {
    const auto begin = steady_now();
    const std::jthread closer([&] {
      std::this_thread::sleep_for(20ms);
      (void)quiet->close(1s);
    });
    trial.check_error(quiet->fetch(1, 2 * trial.patience()), "closed", Retry::reopen, "a fetch during close");
    trial.check(steady_now() - begin < trial.patience(), "close does not end a waiting fetch");
  }
  trial.need(group->close(1s), "close");
  trial.need(group->close(1s), "close a second time");
  trial.check_error(group->fetch(1, 1ms), "closed", Retry::reopen, "a fetch after close");
  trial.check(group->assignment().empty(), "a closed member holds partitions");

  // And so with the whole broker.
  group = join(trial, *broker, "orders", "group");
  trial.need(broker->close(1s), "broker close");
  trial.check_error(group->fetch(1, 1ms), "closed", Retry::reopen, "a fetch after the broker's close");
  const auto one = event("x");
  const auto view = one.view();
  trial.check_error(broker->publish("orders", {&view, 1}), "closed", Retry::reopen,
                    "a publish after the broker's close");
  ConsumerOptions options;
  options.group = "group";
  trial.check_error(broker->subscribe("orders", options), "closed", Retry::reopen,
                    "a subscription after the broker's close");
  group.reset();
  check_service_stops(trial, *trial.open());
}

void reconnects_after_the_broker_restarts(Trial& trial) {
  const auto broker = trial.open();
  const auto group = join(trial, *broker, "orders", "group");
  publish(trial, *broker, "orders", events("before", 10));
  auto names = names_of(handle(trial, *group, 5));
  if (auto restarted = trial.under_test().restart_server(); !restarted) trial.unsupported(restarted.error().message);
  const auto after = events("after", 10);
  std::set<std::string, std::less<>> wanted;
  for (const auto& one : after) {
    const auto view = one.view();
    const auto until = steady_now() + trial.patience();
    auto answer = broker->publish("orders", {&view, 1});
    while (!answer && answer.error().retry == Retry::same_call && steady_now() < until)
      answer = broker->publish("orders", {&view, 1});
    trial.need(std::move(answer), "publish after the restart");
    wanted.insert(one.id);
  }
  for (const auto until = steady_now() + trial.patience(); !wanted.empty() && steady_now() < until;) {
    const auto some = group->fetch(100, 100ms);
    if (!some) {
      trial.require(some.error().retry == Retry::same_call, "fetch after the restart: " + to_string(some.error()));
      continue;
    }
    for (const auto& delivery : *some) wanted.erase(std::string(delivery.envelope.id));
    (void)group->settle(ids_of(*some));
  }
  trial.check(wanted.empty(),
              std::to_string(wanted.size()) + " events that were published after the restart never came");
}

struct Usage {
  std::size_t threads = 0;
  std::size_t descriptors = 0;
};

Usage usage() {
  const auto count = [](const char* folder) {
    std::error_code error;
    std::size_t sum = 0;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
      ++sum;
    return sum;
  };
  return {count("/proc/self/task"), count("/proc/self/fd")};
}

void no_thread_or_descriptor_leaks(Trial& trial) {
  const auto use = [&](int round) {
    const auto broker = trial.open();
    const auto group = join(trial, *broker, "orders", "group");
    const auto reader = subscribe(trial, *broker, "orders", {});
    publish(trial, *broker, "orders", events("e" + std::to_string(round), 3));
    (void)handle(trial, *group, 3);
    (void)take(trial, *reader, 3);
    const auto late = join(trial, *broker, "orders", "late-" + std::to_string(round % 2));
    if (round % 2 == 0) trial.need(group->close(1s), "close");
    if (round % 3 == 0) trial.need(broker->close(1s), "broker close");
  };
  const auto keeps = trial.open();  // so that the topics stay, as they do where they are files
  for (int round = 0; round < 4; ++round) use(round);
  const auto before = usage();
  for (int round = 4; round < 24; ++round) use(round);
  auto after = usage();
  for (const auto until = steady_now() + trial.patience(); steady_now() < until; after = usage()) {
    if (after.threads <= before.threads && after.descriptors <= before.descriptors) return;
    std::this_thread::sleep_for(10ms);
  }
  trial.check(after.threads <= before.threads, "threads: " + std::to_string(before.threads) +
                                                   " before 20 rounds of open and close, " +
                                                   std::to_string(after.threads) + " after");
  trial.check(after.descriptors <= before.descriptors, "descriptors: " + std::to_string(before.descriptors) +
                                                           " before 20 rounds of open and close, " +
                                                           std::to_string(after.descriptors) + " after");
}

}  // namespace

std::vector<CaseEntry> lifecycle_cases() {
  return {
      {{"reconnects_after_the_broker_restarts", "Open handles go on after the server was killed and started again."},
       reconnects_after_the_broker_restarts},
      {{"close_drains_within_its_deadline_also_under_a_blocked_handler",
        "Close waits for what is in flight, but no longer than told."},
       close_drains_within_its_deadline_also_under_a_blocked_handler},
      {{"stopping_ends_new_deliveries",
        "After close, and during it, nothing is handed out; wake and close end a wait."},
       stopping_ends_new_deliveries},
      {{"no_thread_or_descriptor_leaks", "Twenty rounds of opening and closing leave nothing behind."},
       no_thread_or_descriptor_leaks},
  };
}

}  // namespace tidings::testing
