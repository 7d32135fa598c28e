#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "store_trial.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

/// Waits until a thread sleeps, as one does that waits for its turn; see proc(5).
void until_asleep(StoreTrial& trial, pid_t thread) {
  int seen = 0;  // once might be a lock that it has had to wait for
  for (const auto until = steady_clock_now() + trial.patience(); seen < 3 && steady_clock_now() < until;) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string text;
    std::getline(file, text);
    const auto end = text.rfind(')');
    seen = end != std::string::npos && text.size() > end + 2 && text[end + 2] == 'S' ? seen + 1 : 0;
    std::this_thread::sleep_for(1ms);
  }
  trial.require(seen == 3, "a transaction that must wait does not");
}

void who_comes_first_is_served_first(StoreTrial& trial) {
  const auto store = trial.open(1);
  trial.in_one(*store, "create table kept(n bigint)");
  auto first = trial.begin(*store);
  constexpr int waiting = 6;
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::unique_ptr<StoreTrial>> own;
  {
    std::vector<std::jthread> threads;
    for (int number = 0; number < waiting; ++number) {
      own.push_back(std::make_unique<StoreTrial>(trial.patience()));
      std::atomic<pid_t> thread = 0;
      threads.emplace_back([&, number, mine = own.back().get()] {
        thread = ::gettid();
        thread.notify_one();
        mine->guard([&] {
          const auto tx = mine->begin(*store);
          const std::scoped_lock lock(mutex);
          order.push_back(number);
        });
      });
      thread.wait(0);
      trial.guard([&] { until_asleep(trial, thread); });
    }
    first.reset();
  }
  for (const auto& one : own) trial.take_over(*one);
  std::string told;
  for (const auto number : order) told += " " + std::to_string(number);
  trial.check(std::ranges::is_sorted(order), "they were served in the order" + told);
}

void a_busy_writer_starves_nobody(StoreTrial& trial) {
  const auto store = trial.open(1);
  trial.in_one(*store, "create table kept(n bigint)");
  trial.in_one(*store, "insert into kept values (0)");
  constexpr std::uint64_t wanted = 40;
  constexpr std::uint64_t head_start = 20;
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> greedy = 0;
  const auto write = [&](StoreTrial& mine) { mine.in_one(*store, "update kept set n = n + 1"); };
  std::uint64_t meanwhile = 0;
  trial.at_once(2, [&](int number, StoreTrial& mine) {
    if (number == 0) {
      while (!stop) {
        mine.guard([&] { write(mine); });
        ++greedy;
        greedy.notify_one();
      }
      return;
    }
    for (auto seen = greedy.load(); seen < head_start; seen = greedy.load()) greedy.wait(seen);
    const auto before = greedy.load();
    mine.guard([&] {
      for (std::uint64_t round = 0; round < wanted; ++round) write(mine);
    });
    meanwhile = greedy - before;
    stop = true;
  });
  trial.check(meanwhile <= 3 * wanted, "one wrote " + std::to_string(meanwhile) + " times while another wrote " +
                                           std::to_string(wanted) + " times");
}

void who_waits_too_long_is_told(StoreTrial& trial) {
  const auto store = trial.open(1);
  const auto first = trial.begin(*store);
  for (const Duration wait : {Duration{0ms}, Duration{80ms}}) {
    const auto begun = steady_clock_now();
    trial.check_error(store->begin(wait), "busy", Retry::same_call, "beginning beside another");
    const auto took = steady_clock_now() - begun;
    trial.check(took >= wait, "it did not wait");
    trial.check(took < wait + trial.patience() / 2,
                "it waited for " + tidings::to_text(took) + " instead of " + tidings::to_text(wait));
  }
  first->roll_back();
  // Who has ended is over, also before it goes.
  trial.check(store->begin(0ms).has_value(), "a transaction that ended keeps its turn");
}

void there_are_as_many_at_once_as_allowed(StoreTrial& trial) {
  const auto store = trial.open(3);
  std::vector<std::unique_ptr<OpenTransaction>> open;
  for (auto more = store->begin(trial.patience()); more; more = store->begin(10ms)) {
    open.push_back(std::move(*more));
    trial.require(open.size() <= 3, "more at once than connections");
  }
  const std::size_t wanted = store->dialect() == SqlDialect::sqlite ? 1 : 3;
  trial.check(open.size() == wanted, std::to_string(open.size()) + " at once, where 3 connections are allowed");
}

void close_waits_for_what_is_open(StoreTrial& trial) {
  const auto store = trial.open();
  trial.in_one(*store, "create table kept(n bigint)");
  const auto other = trial.open();
  auto tx = trial.begin(*store);
  trial.need(tx->execute("insert into kept values (1)"), "insert");
  trial.check_error(store->close(1ms), "timeout", Retry::same_call, "close beside a transaction");
  trial.check_error(store->begin(trial.patience()), "closed", Retry::reopen, "beginning after close");
  {
    const std::jthread ends([&] {
      std::this_thread::sleep_for(20ms);
      (void)tx->commit();
      tx.reset();
    });
    trial.need(store->close(trial.patience()), "close");
  }
  trial.need(store->close(0ms), "close a second time");
  trial.check_error(store->begin(trial.patience()), "closed", Retry::reopen, "beginning after close");
  trial.check(trial.numbers(*other, "select n from kept") == std::vector<std::int64_t>{1},
              "what was committed during close is not there");
}

void close_ends_who_waits(StoreTrial& trial) {
  const auto store = trial.open(1);
  const auto first = trial.begin(*store);
  trial.at_once(2, [&](int number, StoreTrial& mine) {
    if (number == 0)
      mine.check_error(store->begin(mine.patience() * 2), "closed", Retry::reopen, "waiting while it is closed");
    else
      mine.check_error(store->close(glance), "timeout", Retry::same_call, "close beside a transaction");
  });
}

std::size_t entries_of(const char* folder) {
  std::error_code error;
  std::size_t sum = 0;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    ++sum;
  return sum;
}

void no_thread_or_descriptor_leaks(StoreTrial& trial) {
  const auto keeps = trial.open();
  trial.in_one(*keeps, "create table kept(n bigint unique)");
  const auto use = [&](int round) {
    const auto store = trial.open();
    trial.in_one(*store, "insert into kept values ($1)", round);
    const auto tx = trial.begin(*store);
    if (round % 2 == 0)
      trial.check(!tx->execute("insert into kept values ($1)", round), "a second one goes through");
    else
      trial.need(tx->query<std::int64_t>("select n from kept"), "select");
    if (round % 5 == 0) trial.check_error(store->close(0ms), "timeout", Retry::same_call, "close");
  };
  const auto used = [&](int from, int to) {
    for (int round = from; round < to; ++round) use(round);
  };
  used(0, 4);
  const auto threads = entries_of("/proc/self/task");
  const auto descriptors = entries_of("/proc/self/fd");
  used(4, 24);
  bool fine = false;
  for (const auto until = steady_clock_now() + trial.patience(); !fine && steady_clock_now() < until;) {
    fine = entries_of("/proc/self/task") <= threads && entries_of("/proc/self/fd") <= descriptors;
    if (!fine) std::this_thread::sleep_for(5ms);
  }
  trial.check(fine, "threads: " + std::to_string(threads) + ", then " + std::to_string(entries_of("/proc/self/task")) +
                        "; descriptors: " + std::to_string(descriptors) + ", then " +
                        std::to_string(entries_of("/proc/self/fd")));
}

}  // namespace

std::vector<StoreCaseEntry> store_turn_cases() {
  return {
      {{"who_comes_first_is_served_first", "Those that wait for their turn have it in the order in which they came."},
       who_comes_first_is_served_first},
      {{"a_busy_writer_starves_nobody", "Who has just had its turn waits behind who waits."},
       a_busy_writer_starves_nobody},
      {{"who_waits_too_long_is_told", "`busy`, when it was told to, and not before."}, who_waits_too_long_is_told},
      {{"there_are_as_many_at_once_as_allowed",
        "As many transactions as connections, or one where there is one writer."},
       there_are_as_many_at_once_as_allowed},
      {{"close_waits_for_what_is_open", "What is open commits; nothing begins any more."},
       close_waits_for_what_is_open},
      {{"close_ends_who_waits", "Who waits for its turn is told."}, close_ends_who_waits},
      {{"no_thread_or_descriptor_leaks", "Rounds of opening, failing and closing leave nothing behind."},
       no_thread_or_descriptor_leaks},
  };
}

}  // namespace tidings::testing
