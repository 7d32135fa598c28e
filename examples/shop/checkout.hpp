#pragma once

#include <string>

#include "events.hpp"
#include "tidings/saga/define.hpp"

// How an order comes to its end: a saga over inventory and payments, which the orders service runs.
namespace shop {

/// What the saga remembers of an order.
struct Checkout {
  OrderPlaced order;
  FailureReason reason = FailureReason::no_answer;  ///< as long as nobody gives another
  std::string detail;

  void begin(const OrderPlaced& placed) { order = placed; }

  ReserveStock reserve() const { return {order.order_id, order.lines}; }
  ReleaseStock release() const { return {order.order_id}; }
  void rejected(const StockRejected& event) { reason = FailureReason::out_of_stock, detail = event.reason; }

  /// What is free needs no payment.
  bool has_price() const { return order.total_minor > 0; }
  ChargePayment charge() const { return {order.order_id, order.customer_id, order.total_minor}; }
  RefundPayment refund() const { return {order.order_id}; }
  void declined(const PaymentDeclined& event) {
    reason = FailureReason::payment_declined;
    detail = event.reason == DeclineReason::out_of_bounds ? "the amount is none that is charged" : "";
  }

  void cancelled(const CancellationRequested&) { reason = FailureReason::cancelled; }

  OrderConfirmed confirmed() const {
    return {order.order_id, order.customer_id, order.country, order.placed_at, order.lines, order.total_minor};
  }
  OrderFailed failed() const { return {order.order_id, order.customer_id, reason, detail}; }
};

/// For an answer to a command, each time that it is sent.
struct CheckoutTimes {
  tidings::Duration stock = std::chrono::seconds{30};
  tidings::Duration payment = std::chrono::seconds{30};
};

/// Stock and money are asked for at once. Where one is refused, does not come, or the customer changes his mind before
/// both are there, the other is given back, and that is insisted on for much longer: a saga that is stuck is work for a
/// person.
inline tidings::saga::Definition checkout(const CheckoutTimes& times = {}) {
  namespace saga = tidings::saga;
  constexpr int retries = 2, undo_retries = 20;
  return saga::define<Checkout>(
      "checkout", {.version = 1}, saga::starts(&Checkout::begin),
      saga::parallel(saga::step("reserve stock", saga::send(&Checkout::reserve), saga::done<StockReserved>(),
                                saga::failed(&Checkout::rejected), saga::within(times.stock), saga::retries(retries),
                                saga::undo(&Checkout::release, saga::done<StockReleased>(), saga::within(times.stock),
                                           saga::retries(undo_retries))),
                     saga::step("charge payment", saga::when(&Checkout::has_price), saga::send(&Checkout::charge),
                                saga::done<PaymentCharged>(), saga::failed(&Checkout::declined),
                                saga::within(times.payment), saga::retries(retries),
                                saga::undo(&Checkout::refund, saga::done<PaymentRefunded>(),
                                           saga::within(times.payment), saga::retries(undo_retries)))),
      saga::pivot(), saga::cancels(&Checkout::cancelled), saga::completes(&Checkout::confirmed),
      saga::fails(&Checkout::failed));
}

}  // namespace shop
