#include <atomic>
#include <barrier>
#include <chrono>
#include <thread>

#include "store_trial.hpp"

namespace tidings::testing {

namespace {

constexpr int writers = 4;

void concurrent_writers_lose_no_update(StoreTrial& trial) {
  const auto store = trial.open();
  const auto other = trial.open();
  trial.in_one(*store, "create table kept(n bigint)");
  trial.in_one(*store, "insert into kept values (0)");
  constexpr int rounds = 25;
  trial.at_once(writers, [&](int number, StoreTrial& mine) {
    for (int round = 0; round < rounds; ++round)
      mine.retried(number % 2 == 0 ? *store : *other, [&](Transaction& tx) -> Result<> {
        // As programs do it: read, think, write.
        const auto read = tx.query_one<std::int64_t>("select n from kept");
        if (!read) return read.error();
        const auto written = tx.execute("update kept set n = $1", **read + 1);
        if (!written) return written.error();
        return {};
      });
  });
  const auto there = trial.numbers(*store, "select n from kept");
  trial.check(there == std::vector<std::int64_t>{writers * rounds},
              std::to_string(writers * rounds - there.at(0)) + " updates are lost");
}

void one_of_several_that_insert_a_key_does(StoreTrial& trial) {
  const auto store = trial.open();
  const auto other = trial.open();
  trial.in_one(*store, "create table marks(consumer text, id bigint, primary key(consumer, id))");
  trial.in_one(*store, "create table effects(id bigint)");
  constexpr int marks = 15;
  trial.at_once(writers, [&](int number, StoreTrial& mine) {
    for (int id = 0; id < marks; ++id)
      mine.retried(number % 2 == 0 ? *store : *other, [&](Transaction& tx) -> Result<> {
        const auto marked = tx.execute("insert into marks values ('c', $1) on conflict do nothing", id);
        if (!marked) return marked.error();
        if (*marked == 0) return {};
        const auto done = tx.execute("insert into effects values ($1)", id);
        if (!done) return done.error();
        return {};
      });
  });
  trial.check(trial.numbers(*store, "select count(*) from effects") == std::vector<std::int64_t>{marks},
              "effects: " + std::to_string(trial.numbers(*store, "select count(*) from effects").at(0)) + " of " +
                  std::to_string(marks));
  trial.check(trial.numbers(*store, "select count(distinct id) from effects") == std::vector<std::int64_t>{marks},
              "some effect is not there");
}

void those_that_wait_for_one_another_are_told(StoreTrial& trial) {
  const auto store = trial.open();
  trial.in_one(*store, "create table kept(id bigint primary key, n bigint)");
  trial.in_one(*store, "insert into kept values (0, 0), (1, 0)");
  constexpr int rounds = 15;
  std::atomic<int> begun = 0;
  // Once each has its first for sure, where the store lets two write at once.
  const auto wait_for_the_other = [&] {
    ++begun;
    for (const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{200};
         begun < 2 && std::chrono::steady_clock::now() < until;)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  };
  trial.at_once(2, [&](int number, StoreTrial& mine) {
    for (int round = 0; round < rounds; ++round)
      mine.retried(*store, [&](Transaction& tx) -> Result<> {
        for (const int id : {number, 1 - number}) {  // in the other order than the other
          if (auto done = tx.execute("update kept set n = n + 1 where id = $1", id); !done) return done.error();
          if (id == number && round == 0) wait_for_the_other();
        }
        return {};
      });
  });
  trial.check(trial.numbers(*store, "select n from kept") == std::vector<std::int64_t>{2 * rounds, 2 * rounds},
              "an update is lost, or was done twice");
}

void sums_stay_what_they_are(StoreTrial& trial) {
  const auto store = trial.open();
  const auto other = trial.open();
  constexpr int accounts = 5;
  trial.in_one(*store, "create table accounts(id bigint primary key, amount bigint not null check(amount >= 0))");
  for (int id = 0; id < accounts; ++id) trial.in_one(*store, "insert into accounts values ($1, 100)", id);
  constexpr int looks = 20;
  constexpr int looks_max = 2'000;
  constexpr int transfers_min = 60;  // whoever has looked before the others began has seen nothing
  std::barrier begin(writers);
  std::atomic<bool> is_over = false;
  std::atomic<int> transfers = 0;
  const auto look = [&](Transaction& tx, StoreTrial& mine) -> Result<> {
    std::int64_t sum = 0;
    for (const auto* const half :
         {"select amount from accounts where id < 2", "select amount from accounts where id >= 2"}) {
      const auto amounts = tx.query<std::int64_t>(half);
      if (!amounts) return amounts.error();
      for (const auto amount : *amounts) sum += amount;
    }
    mine.check(sum == accounts * 100, "a transaction sees a sum of " + std::to_string(sum));
    return {};
  };
  const auto transfer = [](Transaction& tx, int from, int to) -> Result<> {
    for (const auto& [id, by] : {std::pair{from, -1}, {to, 1}})
      if (auto done = tx.execute("update accounts set amount = amount + $1 where id = $2", by, id); !done)
        return done.error();
    return {};
  };
  // One looks on, for as long as the others move amounts.
  trial.at_once(writers, [&](int number, StoreTrial& mine) {
    auto& own = number % 2 == 0 ? *store : *other;
    begin.arrive_and_wait();
    mine.guard([&] {
      const auto goes_on = [&](int round) {
        if (number > 0) return !is_over;
        return round < looks || (round < looks_max && transfers < transfers_min);
      };
      for (int round = 0; goes_on(round); ++round) {
        mine.retried(own, [&](Transaction& tx) {
          return number == 0 ? look(tx, mine)
                             : transfer(tx, (number + round) % accounts, (number + 1 + 2 * round) % accounts);
        });
        if (number > 0) ++transfers;
      }
    });
    if (number == 0) is_over = true;
  });
  const auto amounts = trial.numbers(*store, "select amount from accounts");
  std::int64_t sum = 0;
  for (const auto amount : amounts) sum += amount;
  trial.check(sum == accounts * 100, "in the end the sum is " + std::to_string(sum));
}

}  // namespace

std::vector<StoreCaseEntry> store_concurrency_cases() {
  return {
      {{"concurrent_writers_lose_no_update", "Who read what another changed meanwhile is told `conflict`."},
       concurrent_writers_lose_no_update},
      {{"one_of_several_that_insert_a_key_does", "And no other has its effects, as an inbox takes it."},
       one_of_several_that_insert_a_key_does},
      {{"those_that_wait_for_one_another_are_told", "A deadlock ends as `conflict`."},
       those_that_wait_for_one_another_are_told},
      {{"sums_stay_what_they_are", "Transfers between accounts, seen by a transaction of several queries."},
       sums_stay_what_they_are},
  };
}

}  // namespace tidings::testing
