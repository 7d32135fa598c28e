// What the machine says beside what a trial shows: causes, tokens, timers.
#include "saga/machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "saga/testing.hpp"

namespace tidings::saga {
namespace {

using namespace std::chrono_literals;
using namespace shop;

class MachineTest : public ::testing::Test {
 protected:
  template <class Event>
  static Envelope event_of(const Event& event, std::string_view cause = {}) {
    auto made = make_envelope(event, {.source = "tests"}).or_throw();
    made.causation_id = cause;
    return made;
  }
  [[nodiscard]] Moment moment() const { return {.now = now_, .envelopes = {.source = "orders"}}; }
  Transition keep(Transition made) {
    if (made.has_changed) instance_ = made.instance;
    return made;
  }
  template <class Event>
  Transition come(const Event& event, std::string_view cause = {}) {
    return keep(take(plan(), instance_, event_of(event, cause).view(), moment()).or_throw());
  }
  Transition place() {
    return keep(begin(plan(), "o1", event_of(OrderPlaced{"o1", 100, false}).view(), moment()).or_throw());
  }
  [[nodiscard]] const Plan& plan() const { return definition_.plan(); }

  Definition definition_ = checkout();
  Instance instance_;
  TimePoint now_{1'000s};
};

TEST_F(MachineTest, AnAnswerThatNamesAnotherCommandOfTheSagaIsALateOneOfThat) {
  place();
  come(StockReserved{"o1"});
  come(PaymentCharged{"p1", "o1"});
  come(ShippingRefused{"o1"}, "saga/checkout/o1/ship/do");
  ASSERT_EQ(instance_.status, Status::stuck);
  keep(steer(plan(), instance_, Steering::resume, moment()).or_throw());
  EXPECT_FALSE(come(ShippingRefused{"o1"}, "saga/checkout/o1/ship/do").has_changed) << "it has been resumed since";
  EXPECT_FALSE(come(Shipped{"o1"}, "saga/checkout/o1/charge payment/do").has_changed);
  EXPECT_TRUE(come(Shipped{"o1"}, "saga/checkout/o1/ship/do/2").has_changed);
  EXPECT_EQ(instance_.status, Status::completed);
}

TEST_F(MachineTest, AWaitThatNeverEndsIsNotOver) {
  definition_ = define<Checkout>("checkout", {}, starts(&Checkout::begin),
                                 step("ship", send(&Checkout::ship), done<Shipped>(), no_undo(),
                                      within(Duration::max()), remind(Duration::max(), &Checkout::nudge)),
                                 within(Duration::max()));
  const auto begun = place();
  ASSERT_EQ(begun.set.size(), 3U);
  for (const auto& timer : begun.set) EXPECT_EQ(timer.due, TimePoint::max()) << name_of(timer.kind);
}

TEST_F(MachineTest, WhatItSendsHasCauseAndCorrelation) {
  auto order = event_of(OrderPlaced{"o1", 100, false});
  order.correlation_id = "c1";
  const auto first = keep(begin(plan(), "o1", order.view(), moment()).or_throw());
  ASSERT_EQ(first.outgoing.size(), 2U);
  const auto& command = first.outgoing[0].event;
  EXPECT_EQ(first.outgoing[0].topic, "stock-commands");
  EXPECT_EQ(command.id, "saga/checkout/o1/reserve stock/do");
  EXPECT_EQ(command.source, "orders");
  EXPECT_EQ(command.key, "o1");
  EXPECT_EQ(command.correlation_id, "c1");
  EXPECT_EQ(command.causation_id, order.id);
  EXPECT_EQ(command.trace_parent.substr(0, 35), order.trace_parent.substr(0, 35)) << "the same trace";

  now_ += 30s;
  const auto again = keep(fire(plan(), instance_, {"reserve stock", TimerKind::within, 1, now_}, moment()).or_throw());
  ASSERT_EQ(again.outgoing.size(), 1U);
  EXPECT_EQ(again.outgoing[0].event.id, command.id);
  EXPECT_EQ(again.outgoing[0].event.causation_id, order.id) << "the same command has the same cause";
  EXPECT_EQ(again.outgoing[0].event.trace_parent.substr(0, 35), order.trace_parent.substr(0, 35)) << "the same trace";
  ASSERT_EQ(again.notes.size(), 1U);
  EXPECT_EQ(again.notes[0].what, "sent again");
  EXPECT_EQ(again.notes[0].cause_id, command.id) << "what was waited for";
  EXPECT_EQ(again.notes[0].cause_type, "timer");
}

TEST_F(MachineTest, AStaleTimerChangesNothing) {
  const auto first = place();
  ASSERT_EQ(first.set.size(), 4U) << "the whole, two time-outs, a reminder";
  const Timer stock{"reserve stock", TimerKind::within, 1, now_ + 30s};
  EXPECT_NE(std::ranges::find(first.set, stock), first.set.end());
  EXPECT_TRUE(keep(fire(plan(), instance_, stock, moment()).or_throw()).has_changed);
  EXPECT_FALSE(fire(plan(), instance_, stock, moment()).or_throw().has_changed) << "it has come, and another is set";
  EXPECT_FALSE(fire(plan(), instance_, {"nothing", TimerKind::within, 1, now_}, moment()).or_throw().has_changed);
  const auto answered = come(StockReserved{"o1"});
  EXPECT_EQ(answered.cleared, (std::vector<std::string>{"reserve stock"}));
  EXPECT_FALSE(fire(plan(), instance_, {"reserve stock", TimerKind::within, 2, now_}, moment()).or_throw().has_changed);
  const Timer reminder{"charge payment", TimerKind::remind, 0, now_};
  EXPECT_TRUE(keep(fire(plan(), instance_, reminder, moment()).or_throw()).has_changed);
  EXPECT_FALSE(fire(plan(), instance_, reminder, moment()).or_throw().has_changed);
}

TEST_F(MachineTest, TheEndLeavesNoTimer) {
  place();
  come(StockReserved{"o1"});
  come(PaymentCharged{"p1", "o1"});
  const auto end = come(Shipped{"o1"});
  EXPECT_TRUE(end.clears_all);
  EXPECT_TRUE(end.set.empty());
  for (const auto kind : {TimerKind::within, TimerKind::remind, TimerKind::deadline})
    EXPECT_FALSE(fire(plan(), instance_, {"", kind, 1, now_}, moment()).or_throw().has_changed);
}

TEST_F(MachineTest, StuckIsAnAlert) {
  place();
  come(StockReserved{"o1"});
  come(PaymentCharged{"p1", "o1"});
  EXPECT_TRUE(come(ShippingRefused{"o1"}).is_alert);
}

TEST_F(MachineTest, EventsAreCorrelatedByKeyOrAsTheDefinitionSays) {
  EXPECT_EQ(correlate(plan(), event_of(StockReserved{"o1"}).view()).or_throw(), "o1");
  EXPECT_EQ(correlate(plan(), event_of(PaymentCharged{"p1", "o2"}).view()).or_throw(), "o2");
  EXPECT_EQ(correlate(plan(), event_of(OrderConfirmed{"o1"}).view()).or_throw(), std::nullopt);
  const auto none = correlate(plan(), event_of(StockReserved{""}).view());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "no_correlation");
}

}  // namespace
}  // namespace tidings::saga
