// Several events in one transaction: each saga is read and written once, and one that fails is nobody else's trouble.
#include <algorithm>
#include <barrier>
#include <thread>

#include "saga/store_testing.hpp"

namespace tidings::saga {
namespace {

using namespace shop;
using Ids = std::vector<std::string>;

class SagaBatchTest : public StoredSagaTest {
 protected:
  using Results = std::vector<Result<bool>>;

  static Result<Results> handle(Coordinator& saga, Store& store, const std::vector<Envelope>& events) {
    std::vector<EnvelopeView> views;
    for (const auto& event : events) views.push_back(event.view());
    std::vector<const EnvelopeView*> pointers;
    for (const auto& view : views) pointers.push_back(&view);
    auto tx = store.begin(10s);
    if (!tx) return tx.error();
    auto done = saga.handle(**tx, pointers);
    if (!done) return done;
    if (auto committed = (*tx)->commit(); !committed) return committed.error();
    return done;
  }
  Results handle(Coordinator& saga, const std::vector<Envelope>& events) {
    return handle(saga, *store_, events).or_throw();
  }
  static std::string code_of(const Result<bool>& result) { return result ? "" : result.error().code; }
  /// What stands in the store about a saga, however it came there.
  std::string told(const std::string& id) {
    const auto all = shown(id);
    std::string text = std::to_string(all.instance.revision) + " " + std::string(name_of(all.instance.status)) + " " +
                       all.instance.state + "\n";
    for (const auto& step : all.instance.steps)
      text += step.name + " " + std::string(name_of(step.status)) + " " + std::to_string(step.token) + "\n";
    for (const auto& note : all.history) text += note.what + " " + note.step + " " + note.cause_type + "\n";
    for (const auto& wait : all.waits)
      text += wait.kind + " " + wait.step + " " + std::to_string(to_ns(wait.due)) + "\n";
    return text;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, SagaBatchTest,
                         ::testing::Values("sqlite", "postgres", "postgres?isolation=read-committed"));

/// All transitions of one saga at once come to what they come to one by one.
TEST_P(SagaBatchTest, SeveralEventsOfOneSaga) {
  auto saga = coordinator({checkout()});
  const auto events_for = [](const std::string& id) {
    return std::vector<Envelope>{event_of(OrderPlaced{id, 100, false}), event_of(PaymentCharged{"p1", id}),
                                 event_of(PaymentCharged{"p1", id}), event_of(StockReserved{id}),
                                 event_of(Shipped{id})};
  };
  const std::vector<bool> changes{true, true, false, true, true};
  for (std::size_t count = 1; count <= changes.size(); ++count) {
    const auto alone = "alone" + std::to_string(count);
    const auto at_once = "once!" + std::to_string(count);
    auto events = events_for(alone);
    for (std::size_t at = 0; at < count; ++at) EXPECT_EQ(saga->handle(events[at].view()).or_throw(), changes[at]) << at;
    const auto one_by_one = sent();
    events = events_for(at_once);
    events.resize(count);
    const auto results = handle(*saga, events);
    ASSERT_EQ(results.size(), count);
    for (std::size_t at = 0; at < count; ++at) EXPECT_EQ(*results[at], changes[at]) << at;
    auto together = sent();
    for (auto& id : together) id.replace(id.find("once!"), 5, "alone");
    EXPECT_EQ(together, one_by_one);
    auto text = told(at_once);
    for (auto at = text.find("once!"); at != text.npos; at = text.find("once!")) text.replace(at, 5, "alone");
    EXPECT_EQ(text, told(alone));
  }
}

/// The same in two batches, the second of which changes and clears what the first has set.
TEST_P(SagaBatchTest, TimersThatAreSetAndClearedInOneTransaction) {
  auto saga = coordinator({checkout()});
  handle(*saga, {event_of(OrderPlaced{"o1", 100, false})});
  EXPECT_EQ(shown().waits.size(), 4U) << "two time-outs, a reminder, the deadline";
  handle(*saga, {event_of(StockReserved{"o1"}), event_of(PaymentDeclined{"o1"})});
  const auto now = shown();
  EXPECT_EQ(now.instance.status, Status::compensating);
  ASSERT_EQ(now.waits.size(), 1U) << "that of the compensation";
  EXPECT_EQ(now.waits[0].step, "reserve stock");
}

TEST_P(SagaBatchTest, OneThatFailsHoldsUpItsSagaAlone) {
  auto saga = coordinator({checkout()});
  for (const std::string id : {"a", "b", "c"}) come(*saga, OrderPlaced{id, 100, false}).or_throw();
  sent();
  auto undecodable = event_of(StockReserved{"c"});
  undecodable.type = "shop.stock-rejected";
  undecodable.payload = "{";
  const auto before = shown("b");
  const auto results = handle(
      *saga, {event_of(PaymentCharged{"p", "a"}), event_of(PaymentCharged{"", "b"}), event_of(StockReserved{"a"}),
              event_of(StockReserved{"b"}), undecodable, event_of(PaymentCharged{"p", "c"})});
  ASSERT_EQ(results.size(), 6U);
  EXPECT_TRUE(*results[0]);
  EXPECT_EQ(code_of(results[1]), "no_payment");
  EXPECT_TRUE(*results[2]);
  EXPECT_EQ(code_of(results[3]), "behind");
  EXPECT_FALSE(results[4]);
  EXPECT_EQ(code_of(results[5]), "behind");
  EXPECT_EQ(sent(), (Ids{"saga/checkout/a/ship/do"}));
  EXPECT_EQ(shown("b").instance, before.instance);
  EXPECT_EQ(shown("b").history.size(), before.history.size());
  EXPECT_EQ(shown("c").instance.revision, 1);
  EXPECT_TRUE(*handle(*saga, {event_of(StockReserved{"b"})})[0]) << "by itself";
}

TEST_P(SagaBatchTest, WhatNobodyWaitsForChangesNothing) {
  auto saga = coordinator({checkout()});
  const auto before = counts();
  const auto results = handle(*saga, {event_of(StockReserved{"o1"}), event_of(Shipped{"o2"})});
  ASSERT_EQ(results.size(), 2U);
  for (const auto& result : results) EXPECT_TRUE(result && !*result);
  EXPECT_TRUE(handle(*saga, {}).empty());
  EXPECT_EQ(counts(), before);
}

/// The database goes at every statement of a batch, and at its commit; then it comes back.
TEST_P(SagaBatchTest, AFailureAtAnyStatementLeavesNothing) {
  StoreThatFails failing(*store_);
  auto saga = coordinator({checkout()}, failing);
  handle(*coordinator({checkout()}), {event_of(OrderPlaced{"a", 1, false}), event_of(OrderPlaced{"b", 1, false})});
  const std::vector<Envelope> events{event_of(PaymentCharged{"p", "a"}), event_of(OrderPlaced{"c", 1, false}),
                                     event_of(StockRejected{"b", "none"}), event_of(StockReserved{"a"})};
  const auto before = counts();
  int failures = 0;
  for (int statement = 1;; ++statement) {
    failing.fails_at = statement;
    failing.has_failed = false;
    const auto done = handle(*saga, failing, events);
    if (!failing.has_failed) {
      EXPECT_TRUE(done) << to_string(done.error());
      break;
    }
    ++failures;
    ASSERT_FALSE(done) << "statement " << statement;
    ASSERT_EQ(counts(), before) << "statement " << statement;
  }
  EXPECT_GT(failures, 8);
  EXPECT_EQ(shown("a").instance.steps[2].status, StepStatus::sent);
  EXPECT_EQ(shown("b").instance.status, Status::failed);
  EXPECT_EQ(shown("c").instance.status, Status::running);
}

/// Two processes, whose batches have the same sagas in opposite orders, over and over, while timers fire.
TEST_P(SagaBatchTest, CrossingBatches) {
  constexpr int sagas = 40;
  auto first = coordinator({checkout()});
  auto second = coordinator({checkout()});
  std::vector<Envelope> placed;
  for (int at = 0; at < sagas; ++at) placed.push_back(event_of(OrderPlaced{std::to_string(at), 1, false}));
  handle(*first, placed);
  sent();
  clock_.advance(25s);
  std::barrier together(3);
  std::atomic<int> changed = 0, again = 0;
  const auto deliver = [&](Coordinator& saga, std::vector<Envelope> events) {
    together.arrive_and_wait();
    constexpr std::size_t at_once = 20;
    for (std::size_t begin = 0; begin < events.size(); begin += at_once) {
      const std::vector<Envelope> some(events.begin() + static_cast<std::ptrdiff_t>(begin),
                                       events.begin() + static_cast<std::ptrdiff_t>(begin + at_once));
      auto done = handle(saga, *store_, some);
      for (; !done && done.error().retry == Retry::same_call && again < 1'000; ++again)
        done = handle(saga, *store_, some);
      ASSERT_TRUE(done) << to_string(done.error());
      for (const auto& result : *done) changed += result && *result ? 1 : 0;
    }
  };
  std::vector<Envelope> reserved, charged;
  for (int at = 0; at < sagas; ++at) reserved.push_back(event_of(StockReserved{std::to_string(at)}));
  for (int at = sagas; at-- > 0;) charged.push_back(event_of(PaymentCharged{"p", std::to_string(at)}));
  {
    std::jthread one([&] { deliver(*first, reserved); });
    std::jthread other([&] { deliver(*second, charged); });
    std::jthread timers([&] {
      together.arrive_and_wait();
      for (int at = 0; at < 10; ++at) (void)second->fire_due(7);
    });
  }
  EXPECT_EQ(changed, 2 * sagas);
  for (const auto& one : list(*store_, {.type = "checkout"}, tables_).or_throw())
    EXPECT_EQ(one.steps[2].status, StepStatus::sent) << one.id << ": both answers are there";
  const auto all = sent();
  EXPECT_EQ(std::ranges::count_if(all, [](const std::string& id) { return id.ends_with("/ship/do"); }), sagas);
  // Locked in one order, they wait for one another: nothing is made again, unless the isolation says that it must.
  if (GetParam() != "postgres") {
    EXPECT_EQ(again, 0);
  }
}

TEST_P(SagaBatchTest, TimersOfOneTransaction) {
  auto saga = coordinator({checkout()});
  std::vector<Envelope> placed;
  for (int at = 0; at < 30; ++at) placed.push_back(event_of(OrderPlaced{std::to_string(at), 1, false}));
  handle(*saga, placed);
  sent();
  clock_.advance(24h);  // all of them, of each saga: they stand in each other's way
  const auto fired = saga->fire_due(1'000).or_throw();
  EXPECT_EQ(fired.fired, 120U);
  EXPECT_EQ(fired.failed, 0U);
  const auto all = sent();
  EXPECT_EQ(std::ranges::count_if(all, [](const std::string& id) { return id.ends_with("/undo"); }), 60);
  for (const auto& one : list(*store_, {.type = "checkout"}, tables_).or_throw())
    EXPECT_EQ(one.status, Status::compensating) << one.id;
}

}  // namespace
}  // namespace tidings::saga
