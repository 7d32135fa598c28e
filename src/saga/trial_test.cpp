// The machine, seen through the test kit.
#include "tidings/saga/trial.hpp"

#include <gtest/gtest.h>

#include "saga/testing.hpp"

namespace tidings::saga {
namespace {

using namespace std::chrono_literals;
using namespace shop;

const OrderPlaced placed{"o1", 100, false};
const PaymentCharged charged{"p1", "o1"};

TEST(Saga, GoesForwardToItsEnd) {
  Trial trial(checkout());
  EXPECT_TRUE(trial.when(placed).then(ReserveStock{"o1"}, ChargePayment{"o1"}));
  EXPECT_EQ(trial.ids(),
            (std::vector<std::string>{"saga/checkout/o1/reserve stock/do", "saga/checkout/o1/charge payment/do"}));
  EXPECT_TRUE(trial.when(charged).then());
  EXPECT_EQ(trial.step("charge payment"), StepStatus::done);
  EXPECT_TRUE(trial.when(StockReserved{"o1"}).then(Ship{"o1"}));
  EXPECT_TRUE(trial.when(Shipped{"o1"}).then(OrderConfirmed{"o1"}));
  EXPECT_EQ(trial.ids(), (std::vector<std::string>{"saga/checkout/o1/completed"}));
  EXPECT_EQ(trial.status(), Status::completed);
  EXPECT_EQ(trial.state<Checkout>().or_throw().payment_id, "p1");
  EXPECT_TRUE(trial.after(48h).then()) << "a timer is left";
}

TEST(Saga, DuplicatesAndStraysChangeNothing) {
  Trial trial(checkout());
  EXPECT_TRUE(trial.when(StockReserved{"o1"}).then());
  EXPECT_EQ(trial.instance().revision, 0) << "nothing had started it";
  trial.given(placed, charged);
  const auto before = trial.instance();
  EXPECT_TRUE(trial.when(placed).then());
  EXPECT_TRUE(trial.when(charged).then());
  EXPECT_TRUE(trial.when(Shipped{"o1"}).then());
  EXPECT_TRUE(trial.when(StockReleased{"o1"}).then());
  EXPECT_EQ(trial.instance(), before);
  trial.given(StockReserved{"o1"}, Shipped{"o1"});
  const auto end = trial.instance();
  EXPECT_TRUE(trial.when(StockRejected{"o1", "late"}).then());
  EXPECT_TRUE(trial.when(OrderCancelled{"o1"}).then());
  EXPECT_EQ(trial.instance(), end);
  EXPECT_TRUE(trial.when(OrderConfirmed{"o1"}).then_fails("not_awaited"));
  EXPECT_TRUE(trial.when(StockReserved{"o2"}).then_fails("another_saga"));
}

TEST(Saga, StepsWithoutCommandOrConditionAreSkipped) {
  Trial trial(checkout());
  EXPECT_TRUE(trial.when(OrderPlaced{"o1", 0, true}).then(ReserveStock{"o1"}));
  EXPECT_EQ(trial.step("charge payment"), StepStatus::skipped);
  EXPECT_TRUE(trial.when(StockReserved{"o1"}).then(OrderConfirmed{"o1"}));
  EXPECT_EQ(trial.step("ship"), StepStatus::skipped);
}

TEST(Saga, AFailedStepUndoesTheOthersAndNotItself) {
  Trial trial(checkout());
  trial.given(placed, StockReserved{"o1"});
  EXPECT_TRUE(trial.when(PaymentDeclined{"o1"}).then(ReleaseStock{"o1"}));
  EXPECT_EQ(trial.ids(), (std::vector<std::string>{"saga/checkout/o1/reserve stock/undo"}));
  EXPECT_EQ(trial.status(), Status::compensating);
  EXPECT_TRUE(trial.when(StockReleased{"o1"}).then(OrderFailed{"o1", "declined"}));
  EXPECT_EQ(trial.status(), Status::failed);
  EXPECT_EQ(trial.step("charge payment"), StepStatus::failed);
  EXPECT_TRUE(trial.after(48h).then());
}

/// The command is out, so it may yet take effect. A compensation that nobody answers counts as undone at once.
TEST(Saga, AStepThatIsUnderWayIsUndoneToo) {
  Trial trial(checkout());
  trial.given(placed);
  EXPECT_TRUE(trial.when(StockRejected{"o1", "none left"}).then(RefundPayment{"o1"}, OrderFailed{"o1", "none left"}));
  EXPECT_EQ(trial.step("charge payment"), StepStatus::undone);
  EXPECT_TRUE(trial.when(charged).then()) << "it comes too late, and is refunded";
}

TEST(Saga, ATimeOutSendsAgainUnderTheSameIdAndThenGoesBack) {
  Trial trial(checkout());
  trial.given(placed, charged);
  for (int again = 0; again < 3; ++again) {
    EXPECT_TRUE(trial.after(30s).then(ReserveStock{"o1"}));
    EXPECT_EQ(trial.ids(), (std::vector<std::string>{"saga/checkout/o1/reserve stock/do"}));
  }
  EXPECT_TRUE(trial.after(30s).then(ReleaseStock{"o1"}, RefundPayment{"o1"})) << "whether it was done is unknown";
  EXPECT_EQ(trial.instance().why, "step 'reserve stock' has no answer after 4 attempts");
  EXPECT_TRUE(trial.when(StockReserved{"o1"}).then()) << "it goes back already";
  EXPECT_TRUE(trial.when(StockReleased{"o1"}).then(OrderFailed{"o1", ""}));
}

TEST(Saga, AnAnswerEndsTheTimeOut) {
  Trial trial(checkout());
  trial.given(placed, charged).after(29s);
  trial.given(StockReserved{"o1"});
  EXPECT_TRUE(trial.after(59min).then());
  EXPECT_EQ(trial.status(), Status::running);
}

TEST(Saga, RemindsWhileItWaits) {
  Trial trial(checkout());
  trial.given(placed, StockReserved{"o1"});
  EXPECT_TRUE(trial.after(24s).then());
  EXPECT_TRUE(trial.after(1s).then(PaymentLate{"o1"}));
  EXPECT_EQ(trial.ids(), (std::vector<std::string>{"saga/checkout/o1/charge payment/remind/1"}));
  EXPECT_TRUE(trial.after(25s).then(PaymentLate{"o1"}));
  EXPECT_EQ(trial.ids(), (std::vector<std::string>{"saga/checkout/o1/charge payment/remind/2"}));
  EXPECT_TRUE(trial.when(charged).then(Ship{"o1"}));
  EXPECT_TRUE(trial.after(30min).then());
}

TEST(Saga, IsCancelledBeforeThePivotAndNotAfterIt) {
  Trial trial(checkout());
  trial.given(placed, StockReserved{"o1"});
  EXPECT_TRUE(trial.when(OrderCancelled{"o1"}).then(ReleaseStock{"o1"}, RefundPayment{"o1"}));
  EXPECT_TRUE(trial.when(StockReleased{"o1"}).then(OrderFailed{"o1", "cancelled"}));

  Trial other(checkout());
  other.given(placed, StockReserved{"o1"}, charged);
  EXPECT_TRUE(other.when(OrderCancelled{"o1"}).then());
  EXPECT_EQ(other.status(), Status::running);
  EXPECT_EQ(other.history().back().what, "cancel ignored");
  EXPECT_TRUE(other.when(Shipped{"o1"}).then(OrderConfirmed{"o1"}));
}

TEST(Saga, IsStuckAfterThePivotUntilSomebodyResumesIt) {
  Trial trial(checkout());
  trial.given(placed, StockReserved{"o1"}, charged);
  EXPECT_TRUE(trial.when(ShippingRefused{"o1"}).then());
  EXPECT_EQ(trial.status(), Status::stuck);
  EXPECT_EQ(trial.instance().why, "step 'ship' failed: shop.shipping-refused");
  EXPECT_TRUE(trial.steer(Steering::resume).then(Ship{"o1"}));
  EXPECT_EQ(trial.ids(), (std::vector<std::string>{"saga/checkout/o1/ship/do/2"})) << "the first id is known";
  EXPECT_TRUE(trial.steer(Steering::resume).then_fails("not_stuck"));
  EXPECT_TRUE(trial.when(Shipped{"o1"}).then(OrderConfirmed{"o1"}));
  EXPECT_TRUE(trial.steer(Steering::abandon).then_fails("saga_over"));
}

TEST(Saga, ALateAnswerFreesWhatWasStuckWithoutOne) {
  Trial trial(checkout());
  trial.given(placed, StockReserved{"o1"}, charged);
  EXPECT_TRUE(trial.after(1h).then());
  EXPECT_EQ(trial.status(), Status::stuck);
  EXPECT_EQ(trial.step("ship"), StepStatus::unknown);
  EXPECT_TRUE(trial.steer(Steering::resume).then(Ship{"o1"}));
  EXPECT_EQ(trial.ids(), (std::vector<std::string>{"saga/checkout/o1/ship/do"})) << "it may be on its way still";
  trial.after(1h);
  EXPECT_EQ(trial.status(), Status::stuck);
  EXPECT_TRUE(trial.when(Shipped{"o1"}).then(OrderConfirmed{"o1"}));
  EXPECT_EQ(trial.status(), Status::completed);
}

TEST(Saga, ACompensationThatFailsIsStuckAndGoesOnWhenResumed) {
  Trial trial(checkout());
  trial.given(placed, StockReserved{"o1"}, PaymentDeclined{"o1"});
  EXPECT_TRUE(trial.when(ReleaseRefused{"o1"}).then());
  EXPECT_EQ(trial.status(), Status::stuck);
  EXPECT_EQ(trial.step("reserve stock"), StepStatus::undo_failed);
  EXPECT_TRUE(trial.steer(Steering::compensate).then_fails("is_compensating"));
  EXPECT_TRUE(trial.steer(Steering::resume).then(ReleaseStock{"o1"}));
  EXPECT_EQ(trial.ids(), (std::vector<std::string>{"saga/checkout/o1/reserve stock/undo/2"}));
  EXPECT_TRUE(trial.after(30s).then(ReleaseStock{"o1"}));
  EXPECT_TRUE(trial.after(30s).then());
  EXPECT_EQ(trial.status(), Status::stuck);
  EXPECT_TRUE(trial.when(StockReleased{"o1"}).then(OrderFailed{"o1", "declined"})) << "late, but it is an answer";
}

TEST(Saga, CompensatesAndGivesUpByHand) {
  Trial trial(checkout());
  trial.given(placed, StockReserved{"o1"});
  EXPECT_TRUE(trial.steer(Steering::compensate).then(ReleaseStock{"o1"}, RefundPayment{"o1"}));

  Trial after_pivot(checkout());
  after_pivot.given(placed, StockReserved{"o1"}, charged);
  EXPECT_TRUE(after_pivot.steer(Steering::compensate).then_fails("past_pivot")) << "what is shipped is gone";
  EXPECT_TRUE(after_pivot.when(ShippingRefused{"o1"})
                  .steer(Steering::compensate)
                  .then(ReleaseStock{"o1"}, RefundPayment{"o1"}));

  Trial given_up(checkout());
  given_up.given(placed);
  EXPECT_TRUE(given_up.steer(Steering::abandon).then());
  EXPECT_EQ(given_up.status(), Status::abandoned);
  EXPECT_TRUE(given_up.when(charged).then());
  EXPECT_TRUE(given_up.after(48h).then());
}

TEST(Saga, ADeadlineTurnsItBackBeforeThePivot) {
  const auto slow = define<Checkout>(
      "slow", {}, starts(&Checkout::begin),
      step("reserve", send(&Checkout::reserve), done<StockReserved>(), undo(&Checkout::release)), pivot(),
      step("ship", send(&Checkout::ship), done<Shipped>()), within(1h), fails(&Checkout::given_up));
  Trial trial(slow);
  trial.given(placed);
  EXPECT_TRUE(trial.after(1h).then(ReleaseStock{"o1"}, OrderFailed{"o1", ""}));
  Trial later(slow);
  later.given(placed, StockReserved{"o1"});
  EXPECT_TRUE(later.after(1h).then());
  EXPECT_EQ(later.status(), Status::running);
  EXPECT_EQ(later.history().back().what, "overdue");
}

TEST(Saga, AReactionThatFailsChangesNothing) {
  Trial trial(checkout());
  trial.given(placed);
  const auto before = trial.instance();
  EXPECT_TRUE(trial.when(PaymentCharged{"", "o1"}).then_fails("no_payment"));
  EXPECT_EQ(trial.instance(), before);
}

struct Noted {
  std::string order_id;
  std::string note;
  void begin(const OrderPlaced& order) { order_id = order.order_id; }
  void rejected(const StockRejected& event) { note = event.reason; }
  [[nodiscard]] ReserveStock reserve() const { return {order_id}; }
  [[nodiscard]] OrderFailed tell() const { return {order_id, note}; }
};

/// One id is one content: a participant that has had the first passes the second over.
TEST(Saga, WhatIsSentAgainIsWhatWasSent) {
  Trial trial(
      define<Noted>("noted", {}, starts(&Noted::begin),
                    parallel(step("stock", send(&Noted::reserve), done(&Noted::rejected), no_undo()),
                             step("tell", send(&Noted::tell), done<Shipped>(), no_undo(), within(10s), retries(1))),
                    step("tell anew", send(&Noted::tell), done<PaymentRefunded>(), no_undo())));
  EXPECT_TRUE(trial.when(placed).then(ReserveStock{"o1"}, OrderFailed{"o1", ""}));
  trial.given(StockRejected{"o1", "none is left"});
  EXPECT_TRUE(trial.after(10s).then(OrderFailed{"o1", ""})) << "although the state says more by now";
  EXPECT_EQ(trial.ids(), std::vector<std::string>{"saga/noted/o1/tell/do"});
  EXPECT_NE(trial.instance().steps[1].content, "");
  EXPECT_TRUE(trial.when(Shipped{"o1"}).then(OrderFailed{"o1", "none is left"}));
  EXPECT_EQ(trial.instance().steps[1].content, "") << "it is not kept for longer";
  EXPECT_EQ(trial.instance().steps[2].content, "") << "it is never sent again";
}

TEST(SagaTrial, SaysWhatIsThereInstead) {
  Trial trial(checkout());
  const auto verdict = trial.when(placed).then(Ship{"o1"});
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.message(),
            "wanted:\n  shop.ship {\"order_id\":\"o1\"}\nsent:\n  shop.reserve-stock {\"order_id\":\"o1\"}\n  "
            "shop.charge-payment {\"order_id\":\"o1\"}\nthe saga is running\n  reserve stock: sent\n  charge payment: "
            "sent\n  ship: waiting");
  const ::testing::AssertionResult as_gtest_takes_it = verdict;
  EXPECT_EQ(as_gtest_takes_it.message(), verdict.message()) << "what EXPECT_TRUE shows";
  EXPECT_FALSE(trial.when(placed).then_fails("anything"));
  EXPECT_FALSE(Trial(define<Checkout>("nothing", {}, starts(&Checkout::begin))).then());
}

TEST(SagaTrial, BeforeItsFirstEventThereIsNothingToSteer) {
  for (const auto steering : {Steering::resume, Steering::compensate, Steering::abandon}) {
    Trial trial(checkout());
    EXPECT_TRUE(trial.steer(steering).then_fails("unknown_saga"));
    EXPECT_TRUE(trial.when(placed).then(ReserveStock{"o1"}, ChargePayment{"o1"}));
  }
}

}  // namespace
}  // namespace tidings::saga
