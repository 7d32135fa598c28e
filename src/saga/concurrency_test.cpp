// Events of one saga from several threads, and its timers at the same time: nothing is lost.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <thread>

#include "saga/store_testing.hpp"
#include "tidings/saga/tombstones.hpp"

namespace tidings::saga {
namespace {

using namespace shop;

class SagaConcurrencyTest : public StoredSagaTest {};
INSTANTIATE_TEST_SUITE_P(Stores, SagaConcurrencyTest,
                         ::testing::Values("sqlite", "postgres", "postgres?isolation=read-committed"));

Definition three_at_once() {
  return define<Checkout>(
      "checkout", {}, starts(&Checkout::begin),
      parallel(step("stock", send(&Checkout::reserve), done<StockReserved>(), no_undo(), within(1ms), retries(1'000)),
               step("payment", send(&Checkout::charge), done<PaymentRefunded>(), no_undo()),
               step("ship", send(&Checkout::ship), done<Shipped>(), no_undo())),
      completes(&Checkout::confirmed));
}

TEST_P(SagaConcurrencyTest, AnswersOfOneInstanceAtOnce) {
  constexpr int sagas = 25;
  auto first = coordinator({three_at_once()});
  auto second = coordinator({three_at_once()});
  for (int at = 0; at < sagas; ++at) come(*first, OrderPlaced{std::to_string(at), 1, false}).or_throw();
  std::barrier together(4);
  std::atomic<int> failed = 0;
  const auto deliver = [&](Coordinator& saga, auto event) {
    for (int at = 0; at < sagas; ++at) {
      event.order_id = std::to_string(at);
      together.arrive_and_wait();
      const auto envelope = event_of(event);
      auto done = saga.handle(envelope.view());
      for (int again = 0; !done && done.error().retry == Retry::same_call && again < 100; ++again)
        done = saga.handle(envelope.view());
      if (!done || !*done) ++failed;
    }
  };
  {
    std::jthread stock([&] { deliver(*first, StockReserved{}); });
    std::jthread payment([&] { deliver(*second, PaymentRefunded{}); });
    std::jthread ship([&] { deliver(*first, Shipped{}); });
    std::jthread timers([&] {
      for (int at = 0; at < sagas; ++at) {
        clock_.advance(2ms);
        together.arrive_and_wait();
        (void)second->fire_due();
      }
    });
  }
  EXPECT_EQ(failed, 0);
  const auto all = list(*store_, {.type = "checkout"}, tables_).or_throw();
  ASSERT_EQ(all.size(), static_cast<std::size_t>(sagas));
  for (const auto& one : all) {
    EXPECT_EQ(one.status, Status::completed) << one.id;
    const auto history = show(*store_, "checkout", one.id, tables_).or_throw()->history;
    EXPECT_EQ(std::ranges::count(history, std::string("done"), &Note::what), 3) << one.id;
  }
  EXPECT_EQ(count("saga_timers"), 0);
  std::vector<std::string> ends;
  for (const auto& id : sent())
    if (id.ends_with("/completed")) ends.push_back(id);
  EXPECT_EQ(ends.size(), static_cast<std::size_t>(sagas));
}

/// Two processes fire what is due: each timer by one of them.
TEST_P(SagaConcurrencyTest, EachTimerFiresOnce) {
  constexpr int sagas = 60;
  auto first = coordinator({checkout()});
  auto second = coordinator({checkout()});
  for (int at = 0; at < sagas; ++at) come(*first, OrderPlaced{std::to_string(at), 1, false}).or_throw();
  sent();
  clock_.advance(25s);
  std::barrier together(2);
  std::atomic<std::size_t> fired = 0;
  const auto fire = [&](Coordinator& saga) {
    together.arrive_and_wait();
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (fired < sagas && std::chrono::steady_clock::now() < until)
      if (const auto done = saga.fire_due(7)) fired += done->fired;
  };
  {
    std::jthread one([&] { fire(*first); });
    std::jthread other([&] { fire(*second); });
  }
  EXPECT_GE(fired, static_cast<std::size_t>(sagas));
  auto reminders = sent();
  EXPECT_EQ(reminders.size(), static_cast<std::size_t>(sagas));
  std::ranges::sort(reminders);
  EXPECT_TRUE(std::ranges::adjacent_find(reminders) == reminders.end()) << "twice";
}

/// Deadlines beyond the pivot, which change nothing that would show that they have been told of.
TEST_P(SagaConcurrencyTest, EachDeadlineIsToldOfOnce) {
  constexpr int sagas = 200;
  const auto late = define<Checkout>("checkout", {}, starts(&Checkout::begin), pivot(),
                                     step("ship", send(&Checkout::ship), done<Shipped>()), within(1h));
  auto first = coordinator({late});
  auto second = coordinator({late});
  for (int at = 0; at < sagas; ++at) come(*first, OrderPlaced{std::to_string(at), 1, false}).or_throw();
  clock_.advance(1h);
  std::barrier together(2);
  const auto fire = [&](Coordinator& saga) {
    together.arrive_and_wait();
    const auto until = std::chrono::steady_clock::now() + 60s;
    for (int empty = 0; empty < 20 && std::chrono::steady_clock::now() < until;) {
      const auto done = saga.fire_due(5);
      if (done && done->fired == 0) ++empty;
    }
  };
  {
    std::jthread one([&] { fire(*first); });
    std::jthread other([&] { fire(*second); });
  }
  auto tx = store_->begin(10s).or_throw();
  EXPECT_EQ(
      tx->query_one<std::int64_t>("select count(*) from " + tables_.name("saga_history") + " where what = 'overdue'")
          .or_throw(),
      sagas);
}

TEST_P(SagaConcurrencyTest, TablesAreMadeByOneOfMany) {
  std::string name = "t" + make_uuid_v7().to_string();
  std::erase(name, '-');
  const bool has_schemas = store_->dialect() == SqlDialect::postgres;
  const auto tables = (has_schemas ? Tables::named(name) : Tables::named("", name + "_")).or_throw();
  std::barrier together(4);
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> all;
    for (int at = 0; at < 4; ++at)
      all.emplace_back([&] {
        together.arrive_and_wait();
        if (!saga::apply_schema(*store_, tables)) ++failed;
      });
  }
  EXPECT_EQ(failed, 0);
  EXPECT_TRUE(saga::check_schema(*store_, tables));
  if (!has_schemas) return;
  auto tx = store_->begin(10s).or_throw();
  tx->execute("drop schema \"" + tables.schema() + "\" cascade").or_throw();
  tx->commit().or_throw();
}

TEST_P(SagaConcurrencyTest, TwoStartsMakeOneInstance) {
  auto saga = coordinator({checkout()});
  std::barrier together(2);
  std::atomic<int> began = 0;
  {
    const auto start = [&] {
      for (int at = 0; at < 20; ++at) {
        together.arrive_and_wait();
        const auto done = come(*saga, OrderPlaced{std::to_string(at), 1, false});
        if (done && *done) ++began;
      }
    };
    std::jthread one(start);
    std::jthread other(start);
  }
  EXPECT_EQ(began, 20);
  EXPECT_EQ(sent().size(), 40U);
}

class TombstonesTest : public StoredSagaTest {
 protected:
  bool admit(std::string_view id) {
    return in([&](Transaction& tx) { return stones().admit(tx, id); });
  }
  bool undo(std::string_view id) {
    return in([&](Transaction& tx) { return stones().undo(tx, id); });
  }
  Tombstones stones() { return Tombstones(*store_, tables_, clock_); }
  template <class Work>
  bool in(Work&& work) {
    auto tx = store_->begin(10s).or_throw();
    const bool done = work(*tx).or_throw();
    tx->commit().or_throw();
    return done;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, TombstonesTest,
                         ::testing::Values("sqlite", "postgres", "postgres?isolation=read-committed"));

TEST_P(TombstonesTest, ACommandIsDoneAndUndoneOnce) {
  EXPECT_TRUE(admit("saga/checkout/o1/reserve/do"));
  EXPECT_FALSE(admit("saga/checkout/o1/reserve/do"));
  EXPECT_TRUE(admit("saga/checkout/o1/reserve/do/2")) << "resumed, after it was refused";
  EXPECT_TRUE(undo("saga/checkout/o1/reserve/undo"));
  EXPECT_FALSE(undo("saga/checkout/o1/reserve/undo"));
  EXPECT_TRUE(undo("saga/checkout/o1/reserve/undo/2")) << "resumed, after that was refused";
  EXPECT_FALSE(admit("saga/checkout/o1/reserve/do/3"));
  EXPECT_TRUE(admit("saga/checkout/o2/reserve/do"));
}

TEST_P(TombstonesTest, ACompensationThatComesFirstRefusesItsCommand) {
  EXPECT_FALSE(undo("saga/checkout/o1/reserve/undo"));
  EXPECT_FALSE(undo("saga/checkout/o1/reserve/undo/2"));
  EXPECT_FALSE(admit("saga/checkout/o1/reserve/do"));
  EXPECT_FALSE(admit("saga/checkout/o1/reserve/do/2"));
  EXPECT_FALSE(undo("of somebody else"));
  EXPECT_FALSE(admit("of somebody else"));
}

TEST_P(TombstonesTest, OldOnesAreForgotten) {
  admit("saga/checkout/o1/reserve/do");
  clock_.advance(1h);
  admit("saga/checkout/o2/reserve/do");
  EXPECT_EQ(stones().clean_up(*store_, 30min).or_throw(), 1U);
  EXPECT_EQ(stones().clean_up(*store_, 30min).or_throw(), 0U);
  EXPECT_FALSE(admit("saga/checkout/o2/reserve/do"));
}

/// Both at once: one of them sees the other.
TEST_P(TombstonesTest, ACommandAndItsCompensationAtOnce) {
  constexpr int rounds = 30;
  std::barrier together(2);
  std::atomic<int> admitted = 0;
  std::atomic<int> undone = 0;
  std::atomic<int> ended = 0;
  const auto each = [&](std::string_view what, auto&& work, std::atomic<int>& count) {
    for (int at = 0; at < rounds; ++at) {
      const auto id = "saga/checkout/" + std::to_string(at) + "/reserve/" + std::string(what);
      together.arrive_and_wait();
      for (int again = 0; again < 100; ++again) {
        auto tx = store_->begin(10s).or_throw();
        const auto done = work(*tx, id);
        if (!done) continue;
        if (!tx->commit()) continue;
        count += *done ? 1 : 0;
        ++ended;
        break;
      }
    }
  };
  {
    std::jthread command(
        [&] { each("do", [&](Transaction& tx, const std::string& id) { return stones().admit(tx, id); }, admitted); });
    std::jthread compensation(
        [&] { each("undo", [&](Transaction& tx, const std::string& id) { return stones().undo(tx, id); }, undone); });
  }
  EXPECT_EQ(ended, 2 * rounds) << "each came to its commit";
  EXPECT_EQ(admitted, undone) << "what was done was undone, and nothing else";
}

}  // namespace
}  // namespace tidings::saga
