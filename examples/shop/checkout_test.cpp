#include "checkout.hpp"

#include <gtest/gtest.h>

#include "tidings/saga/trial.hpp"

namespace shop {
namespace {

using namespace std::chrono_literals;
using tidings::saga::Status;
using tidings::saga::Trial;

const OrderPlaced order{.order_id = "1",
                        .customer_id = "c",
                        .country = "UK",
                        .lines = {{.product = "mug", .description = "MUG", .quantity = 2, .price_minor = 100}},
                        .total_minor = 200};
const ReserveStock reserve{"1", order.lines};
const ChargePayment charge{"1", "c", 200};
const OrderConfirmed confirmed{"1", "c", "UK", {}, order.lines, 200};

OrderFailed failed(FailureReason reason, const std::string& detail = {}) {
  return {"1", "c", reason, detail};
}

TEST(Checkout, GoodsAndMoneyMakeAnOrder) {
  Trial trial(checkout());
  EXPECT_TRUE(trial.when(order).then(reserve, charge));
  EXPECT_TRUE(trial.when(PaymentCharged{"1", 200}).then());
  EXPECT_TRUE(trial.when(StockReserved{"1"}).then(confirmed));
  EXPECT_TRUE(trial.when(CancellationRequested{"1"}).then()) << "too late";
  EXPECT_EQ(trial.status(), Status::completed);
}

TEST(Checkout, WhatIsFreeTakesNoPayment) {
  auto free = order;
  free.total_minor = 0;
  Trial trial(checkout());
  EXPECT_TRUE(trial.when(free).then(reserve));
  auto end = confirmed;
  end.total_minor = 0;
  EXPECT_TRUE(trial.when(StockReserved{"1"}).then(end));
}

TEST(Checkout, RefusedGoodsGiveTheMoneyBack) {
  Trial trial(checkout());
  trial.given(order, PaymentCharged{"1", 200});
  EXPECT_TRUE(trial.when(StockRejected{"1", "of mug there are 1"}).then(RefundPayment{"1"}));
  EXPECT_TRUE(trial.when(PaymentRefunded{"1", 200}).then(failed(FailureReason::out_of_stock, "of mug there are 1")));
}

TEST(Checkout, ADeclinedPaymentGivesTheGoodsBack) {
  Trial trial(checkout());
  trial.given(order);
  EXPECT_TRUE(trial.when(PaymentDeclined{"1"}).then(ReleaseStock{"1"}));
  EXPECT_TRUE(trial.when(StockReserved{"1"}).then()) << "a late answer";
  EXPECT_TRUE(trial.when(StockReleased{"1"}).then(failed(FailureReason::payment_declined)));
}

TEST(Checkout, APaymentThatNeverAnswersIsAskedAgainAndThenGivenBack) {
  Trial trial(checkout({.payment = 2s}));
  trial.given(order, StockReserved{"1"});
  EXPECT_TRUE(trial.after(1999ms).then());
  EXPECT_TRUE(trial.after(1ms).then(charge));
  EXPECT_TRUE(trial.after(2s).then(charge));
  EXPECT_TRUE(trial.after(2s).then(ReleaseStock{"1"}, RefundPayment{"1"}));
  EXPECT_TRUE(trial.when(StockReleased{"1"}).then());
  EXPECT_TRUE(trial.after(2s).then(RefundPayment{"1"})) << "that is insisted on";
  EXPECT_TRUE(trial.when(PaymentRefunded{"1", 0}).then(failed(FailureReason::no_answer)));
}

TEST(Checkout, ACustomerMayCancelUntilBothAreThere) {
  Trial trial(checkout());
  trial.given(order, PaymentCharged{"1", 200});
  EXPECT_TRUE(trial.when(CancellationRequested{"1"}).then(ReleaseStock{"1"}, RefundPayment{"1"}));
  trial.given(PaymentRefunded{"1", 200});
  EXPECT_TRUE(trial.when(StockReleased{"1"}).then(failed(FailureReason::cancelled)));
}

TEST(Checkout, ACancellationThatComesWhileItGoesBackChangesNoReason) {
  Trial trial(checkout());
  trial.given(order, PaymentDeclined{"1"});
  EXPECT_TRUE(trial.when(CancellationRequested{"1"}).then());
  EXPECT_TRUE(trial.when(StockReleased{"1"}).then(failed(FailureReason::payment_declined)));
}

}  // namespace
}  // namespace shop
