#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/time.hpp"
#include "tidings/event/enumerators.hpp"
#include "tidings/event/traits.hpp"

// What the services of the shop tell each other. They share these events, and nothing else: facts, called by what has
// happened, and the commands of the checkout (checkout.hpp), called by what is to be done.
namespace shop {

// ---- What comes in: lines of a till's CSV file, as they are. Topic `submissions`.

struct SubmittedLine {
  std::uint64_t number = 0;  ///< in the file
  std::string text;
  std::string problem;  ///< why `text` is not the whole line; empty: it is
};

struct OrderSubmitted {
  std::string order_id;
  std::vector<SubmittedLine> lines;
  static constexpr tidings::traits<OrderSubmitted> event{
      .name = "shop.order-submitted", .topic = "submissions", .key = &OrderSubmitted::order_id};
};

/// The customer wants an order undone.
struct CancellationSubmitted {
  std::string order_id;
  static constexpr tidings::traits<CancellationSubmitted> event{
      .name = "shop.cancellation-submitted", .topic = "submissions", .key = &CancellationSubmitted::order_id};
};

// ---- What the orders service says. Topics `orders` and `orders.rejected`.

struct OrderLine {
  std::string product;
  std::string description;
  std::int64_t quantity = 0;     ///< above 0
  std::int64_t price_minor = 0;  ///< of one
};

struct OrderPlaced {
  std::string order_id;
  std::string customer_id;  ///< empty: unknown
  std::string country;
  tidings::TimePoint placed_at{};
  std::vector<OrderLine> lines;
  std::int64_t total_minor = 0;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};

/// The customer wants an order undone that was placed, and is neither confirmed nor failed as far as is known.
struct CancellationRequested {
  std::string order_id;
  static constexpr tidings::traits<CancellationRequested> event{
      .name = "shop.cancellation-requested", .topic = "orders", .key = &CancellationRequested::order_id};
};

/// The end of an order that has its goods and its money.
struct OrderConfirmed {
  std::string order_id;
  std::string customer_id;
  std::string country;
  tidings::TimePoint placed_at{};
  std::vector<OrderLine> lines;
  std::int64_t total_minor = 0;
  static constexpr tidings::traits<OrderConfirmed> event{
      .name = "shop.order-confirmed", .topic = "orders", .key = &OrderConfirmed::order_id};
};

enum class FailureReason { out_of_stock, payment_declined, no_answer, cancelled };

/// As it stands in the order's row, and in JSON.
constexpr std::string_view name_of(FailureReason reason) {
  for (const auto& one : tidings::enumerators<FailureReason>)
    if (one.value == reason) return one.name;
  return {};
}

/// The end of an order that has neither: what was reserved is released, what was charged is paid back.
struct OrderFailed {
  std::string order_id;
  std::string customer_id;
  FailureReason reason = FailureReason::no_answer;
  std::string detail;  ///< for people; may be empty
  static constexpr tidings::traits<OrderFailed> event{
      .name = "shop.order-failed", .topic = "orders", .key = &OrderFailed::order_id};
};

/// Goods came back. A return has a number of its own, and names no order.
struct OrderReturned {
  std::string order_id;
  std::string customer_id;
  std::string country;
  tidings::TimePoint returned_at{};
  std::vector<OrderLine> lines;
  std::int64_t total_minor = 0;  ///< what is paid back
  static constexpr tidings::traits<OrderReturned> event{
      .name = "shop.order-returned", .topic = "orders", .key = &OrderReturned::order_id};
};

/// A line that no order can be made of, parked where people see it.
struct LineRejected {
  std::string order_id;
  std::uint64_t number = 0;
  std::string text;
  std::string reason;
  static constexpr tidings::traits<LineRejected> event{
      .name = "shop.line-rejected", .topic = "orders.rejected", .key = &LineRejected::order_id};
};

/// A cancellation that changes nothing, since it came too late, or there is no such order.
struct CancellationRejected {
  std::string order_id;
  std::string reason;
  static constexpr tidings::traits<CancellationRejected> event{
      .name = "shop.cancellation-rejected", .topic = "orders.rejected", .key = &CancellationRejected::order_id};
};

// ---- What the inventory service is told, and what it answers. Topics `stock.commands` and `stock`.

struct ReserveStock {
  std::string order_id;
  std::vector<OrderLine> lines;
  static constexpr tidings::traits<ReserveStock> event{
      .name = "shop.reserve-stock", .topic = "stock.commands", .key = &ReserveStock::order_id};
};

/// Undoes what `ReserveStock` has done, if anything.
struct ReleaseStock {
  std::string order_id;
  static constexpr tidings::traits<ReleaseStock> event{
      .name = "shop.release-stock", .topic = "stock.commands", .key = &ReleaseStock::order_id};
};

struct StockReserved {
  std::string order_id;
  static constexpr tidings::traits<StockReserved> event{
      .name = "shop.stock-reserved", .topic = "stock", .key = &StockReserved::order_id};
};

/// Nothing is reserved: all lines are, or none.
struct StockRejected {
  std::string order_id;
  std::string reason;
  static constexpr tidings::traits<StockRejected> event{
      .name = "shop.stock-rejected", .topic = "stock", .key = &StockRejected::order_id};
};

/// Nothing is reserved any more.
struct StockReleased {
  std::string order_id;
  static constexpr tidings::traits<StockReleased> event{
      .name = "shop.stock-released", .topic = "stock", .key = &StockReleased::order_id};
};

// ---- What the payments service is told, and what it answers. Topics `payments.commands` and `payments`.

struct ChargePayment {
  std::string order_id;
  std::string customer_id;
  std::int64_t amount_minor = 0;  ///< above 0
  static constexpr tidings::traits<ChargePayment> event{
      .name = "shop.charge-payment", .topic = "payments.commands", .key = &ChargePayment::order_id};
};

/// Undoes what `ChargePayment` has done, if anything.
struct RefundPayment {
  std::string order_id;
  static constexpr tidings::traits<RefundPayment> event{
      .name = "shop.refund-payment", .topic = "payments.commands", .key = &RefundPayment::order_id};
};

struct PaymentCharged {
  std::string order_id;
  std::int64_t amount_minor = 0;
  static constexpr tidings::traits<PaymentCharged> event{
      .name = "shop.payment-charged", .topic = "payments", .key = &PaymentCharged::order_id};
};

enum class DeclineReason {
  refused,        ///< by the customer's bank
  out_of_bounds,  ///< the amount is none that is charged
  refunded,       ///< it was asked back before it came
};

/// Nothing is charged.
struct PaymentDeclined {
  std::string order_id;
  DeclineReason reason = DeclineReason::refused;
  static constexpr tidings::traits<PaymentDeclined> event{
      .name = "shop.payment-declined", .topic = "payments", .key = &PaymentDeclined::order_id};
};

/// Nothing is charged any more.
struct PaymentRefunded {
  std::string order_id;
  std::int64_t amount_minor = 0;  ///< 0: nothing had been charged
  static constexpr tidings::traits<PaymentRefunded> event{
      .name = "shop.payment-refunded", .topic = "payments", .key = &PaymentRefunded::order_id};
};

}  // namespace shop
