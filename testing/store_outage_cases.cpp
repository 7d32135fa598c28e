#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include "store_trial.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

void make_table(StoreTrial& trial, Store& store) {
  trial.in_one(store, "create table kept(n bigint primary key)");
}

std::set<std::int64_t> all_of_it(StoreTrial& trial, Store& store) {
  std::set<std::int64_t> all;
  trial.retried(store, [&](Transaction& tx) -> Result<> {
    const auto rows = tx.query<std::int64_t>("select n from kept");
    if (!rows) return rows.error();
    all = {rows->begin(), rows->end()};
    return {};
  });
  return all;
}

void what_was_acknowledged_survives_its_process(StoreTrial& trial) {
  auto store = trial.open();
  make_table(trial, *store);
  store.reset();  // what is open must not be used in a child
  for (int round = 0; round < 3; ++round) {
    std::array<int, 2> ends{};
    trial.require(::pipe(ends.data()) == 0, "no pipe");
    const auto child = ::fork();
    trial.require(child >= 0, "fork failed");
    if (child == 0) {
      ::close(ends[0]);
      StoreTrial own(trial.patience());
      own.guard([&] {
        const auto mine = own.need(trial.under_test().open(), "open");
        for (std::int64_t number = round * 1'000'000;; ++number) {
          own.in_one(*mine, "insert into kept values ($1)", number);
          if (::write(ends[1], &number, sizeof number) != sizeof number) break;
        }
      });
      ::_exit(1);
    }
    ::close(ends[1]);
    std::vector<std::int64_t> told;
    std::int64_t number = 0;
    while (told.size() < 20 && ::read(ends[0], &number, sizeof number) == sizeof number) told.push_back(number);
    ::kill(child, SIGKILL);
    while (::read(ends[0], &number, sizeof number) == sizeof number) told.push_back(number);
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    trial.require(told.size() >= 20, "the other process did not commit");
    store = trial.open();
    const auto there = all_of_it(trial, *store);
    store.reset();
    const auto lost = std::ranges::count_if(told, [&](std::int64_t one) { return !there.contains(one); });
    trial.check(lost == 0, std::to_string(lost) + " of " + std::to_string(told.size()) + " commits are lost");
  }
}

void a_commit_whose_answer_is_lost_is_unknown(StoreTrial& trial) {
  trial.can(trial.under_test().lose_answers(false));
  const auto store = trial.open();
  make_table(trial, *store);
  auto committed = trial.begin(*store);
  trial.need(committed->execute("insert into kept values (1)"), "insert");
  auto asked = trial.begin(*store);
  trial.need(asked->execute("insert into kept values (2)"), "insert");
  trial.can(trial.under_test().lose_answers(true));
  Result<> lost;
  Result<std::uint64_t> unheard = 0;
  {
    const std::jthread commits([&] { lost = committed->commit(); });
    const std::jthread asks([&] { unheard = asked->execute("insert into kept values (3)"); });
    std::this_thread::sleep_for(glance);
    trial.can(trial.under_test().lose_answers(false));  // which cuts what has lost one
  }
  trial.check_error(lost, "outcome_unknown", Retry::same_call, "a commit whose answer is lost");
  trial.check_error(committed->execute("insert into kept values (4)"), "transaction_failed", Retry::never,
                    "a statement after that");
  // Of what was not committed all is known.
  trial.check_error(unheard, "unavailable", Retry::same_call, "a statement whose answer is lost");
  trial.check_error(asked->commit(), "transaction_failed", Retry::never, "the commit after that");
  committed.reset();
  asked.reset();
  trial.retried(*store, [](Transaction& tx) -> Result<> {
    if (auto done = tx.execute("insert into kept values (5)"); !done) return done.error();
    return {};
  });
  auto there = all_of_it(trial, *store);
  there.erase(1);  // may be
  trial.check(there == std::set<std::int64_t>{5}, "what was not committed is there");
}

void a_database_that_was_away_is_found_again(StoreTrial& trial) {
  const auto store = trial.open();
  make_table(trial, *store);
  auto open = trial.begin(*store);
  trial.need(open->execute("insert into kept values (1)"), "insert");
  trial.can(trial.under_test().take_away(true));
  trial.check_error(open->execute("insert into kept values (2)"), "unavailable", Retry::same_call,
                    "a statement while it is away");
  trial.check_error(open->commit(), "transaction_failed", Retry::never, "a commit after that");
  open.reset();
  for (int round = 0; round < 3; ++round) {
    const auto begun = steady_clock_now();
    trial.check_error(store->begin(100ms), "unavailable", Retry::same_call, "beginning while it is away");
    trial.check(steady_clock_now() - begun < trial.patience(), "that it is away is told late");
  }
  trial.check_error(trial.under_test().open(), "unavailable", Retry::same_call, "opening while it is away");
  trial.can(trial.under_test().take_away(false));
  trial.retried(*store, [](Transaction& tx) -> Result<> {
    if (auto done = tx.execute("insert into kept values (3)"); !done) return done.error();
    return {};
  });
  trial.check(all_of_it(trial, *store) == std::set<std::int64_t>{3}, "something that was not committed is there");
}

void what_was_acknowledged_survives_the_server(StoreTrial& trial) {
  const auto store = trial.open();
  make_table(trial, *store);
  constexpr int threads = 4;
  constexpr int restarts = 2;
  constexpr std::uint64_t each_time = 60;
  std::array<std::set<std::int64_t>, threads> acknowledged;
  std::array<std::set<std::int64_t>, threads> failed;
  std::atomic<std::uint64_t> commits = 0;
  std::atomic<bool> stop = false;
  trial.at_once(threads + 1, [&](int number, StoreTrial& mine) {
    if (number == threads) {
      mine.guard([&] {
        for (int restart = 0; restart <= restarts; ++restart) {
          const auto wanted = commits + each_time;
          for (const auto until = steady_clock_now() + mine.patience(); commits < wanted;) {
            mine.require(steady_clock_now() < until, "nothing is committed any more");
            std::this_thread::sleep_for(1ms);
          }
          if (restart < restarts) mine.can(trial.under_test().restart_server());
        }
      });
      stop = true;
      return;
    }
    const auto at = static_cast<std::size_t>(number);
    for (std::int64_t value = number; !stop; value += threads) {
      const auto tx = store->begin(mine.patience());
      if (!tx) {
        mine.check(tx.error().retry == Retry::same_call, "beginning: " + to_string(tx.error()));
        failed[at].insert(value);
        std::this_thread::sleep_for(1ms);
        continue;
      }
      Result<> done;
      if (auto written = (*tx)->execute("insert into kept values ($1)", value); !written)
        done = written.error();
      else
        done = (*tx)->commit();
      if (done) {
        acknowledged[at].insert(value);
        ++commits;
      } else if (done.error().code != "outcome_unknown") {
        mine.check(done.error().retry == Retry::same_call, "inserting: " + to_string(done.error()));
        failed[at].insert(value);
      }
    }
  });
  const auto there = all_of_it(trial, *store);
  std::size_t lost = 0;
  std::size_t risen = 0;
  for (const auto& some : acknowledged)
    lost += static_cast<std::size_t>(std::ranges::count_if(some, [&](auto one) { return !there.contains(one); }));
  for (const auto& some : failed)
    risen += static_cast<std::size_t>(std::ranges::count_if(some, [&](auto one) { return there.contains(one); }));
  trial.check(lost == 0, std::to_string(lost) + " of " + std::to_string(commits) + " commits are lost");
  trial.check(risen == 0, std::to_string(risen) + " that were told to have failed are there");
}

}  // namespace

std::vector<StoreCaseEntry> store_outage_cases() {
  return {
      {{"what_was_acknowledged_survives_its_process", "A process that is killed loses no commit."},
       what_was_acknowledged_survives_its_process},
      {{"a_commit_whose_answer_is_lost_is_unknown", "`outcome_unknown`; any other call is known to have done nothing."},
       a_commit_whose_answer_is_lost_is_unknown},
      {{"a_database_that_was_away_is_found_again", "`unavailable`, and connected to again by the next call."},
       a_database_that_was_away_is_found_again},
      {{"what_was_acknowledged_survives_the_server", "It is killed under load, and no commit is lost."},
       what_was_acknowledged_survives_the_server},
  };
}

}  // namespace tidings::testing
