#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "tidings/saga/define.hpp"

/// What the saga's tests speak of: an order that takes stock and money, and is then shipped.
namespace tidings::saga::shop {

using namespace std::chrono_literals;

template <class Event>
constexpr tidings::traits<Event> wire(std::string_view name, std::string_view topic) {
  return {.name = name, .topic = topic, .key = &Event::order_id};
}

struct ReserveStock {
  std::string order_id;
  static constexpr auto event = wire<ReserveStock>("shop.reserve-stock", "stock-commands");
};
struct ReleaseStock {
  std::string order_id;
  static constexpr auto event = wire<ReleaseStock>("shop.release-stock", "stock-commands");
};
struct StockReserved {
  std::string order_id;
  static constexpr auto event = wire<StockReserved>("shop.stock-reserved", "stock");
};
struct StockReleased {
  std::string order_id;
  static constexpr auto event = wire<StockReleased>("shop.stock-released", "stock");
};
struct ReleaseRefused {
  std::string order_id;
  static constexpr auto event = wire<ReleaseRefused>("shop.release-refused", "stock");
};
struct ChargePayment {
  std::string order_id;
  static constexpr auto event = wire<ChargePayment>("shop.charge-payment", "payment-commands");
};
struct RefundPayment {
  std::string order_id;
  static constexpr auto event = wire<RefundPayment>("shop.refund-payment", "payment-commands");
};
struct PaymentRefunded {
  std::string order_id;
  static constexpr auto event = wire<PaymentRefunded>("shop.payment-refunded", "payments");
};
struct Ship {
  std::string order_id;
  static constexpr auto event = wire<Ship>("shop.ship", "shipping-commands");
};
struct Shipped {
  std::string order_id;
  static constexpr auto event = wire<Shipped>("shop.shipped", "shipping");
};
struct ShippingRefused {
  std::string order_id;
  static constexpr auto event = wire<ShippingRefused>("shop.shipping-refused", "shipping");
};
struct PaymentLate {
  std::string order_id;
  static constexpr auto event = wire<PaymentLate>("shop.payment-late", "mails");
};
struct OrderConfirmed {
  std::string order_id;
  static constexpr auto event = wire<OrderConfirmed>("shop.order-confirmed", "orders");
};
struct OrderCancelled {
  std::string order_id;
  static constexpr auto event = wire<OrderCancelled>("shop.order-cancelled", "orders");
};

struct OrderPlaced {
  std::string order_id;
  std::int64_t total_minor = 0;
  bool is_gift = false;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
struct StockRejected {
  std::string order_id;
  std::string reason;
  static constexpr tidings::traits<StockRejected> event{
      .name = "shop.stock-rejected", .topic = "stock", .key = &StockRejected::order_id};
};
/// Its key is its own number; what it is for stands in it.
struct PaymentCharged {
  std::string payment_id;
  std::string order_id;
  static constexpr tidings::traits<PaymentCharged> event{
      .name = "shop.payment-charged", .topic = "payments", .key = &PaymentCharged::payment_id};
};
struct PaymentDeclined {
  std::string order_id;
  static constexpr tidings::traits<PaymentDeclined> event{
      .name = "shop.payment-declined", .topic = "payments", .key = &PaymentDeclined::order_id};
};
struct OrderFailed {
  std::string order_id;
  std::string reason;
  static constexpr tidings::traits<OrderFailed> event{
      .name = "shop.order-failed", .topic = "orders", .key = &OrderFailed::order_id};
};

struct Checkout {
  std::string order_id;
  std::int64_t total_minor = 0;
  bool is_gift = false;
  std::string payment_id;
  std::string reason;

  void begin(const OrderPlaced& order) {
    order_id = order.order_id;
    total_minor = order.total_minor;
    is_gift = order.is_gift;
  }
  [[nodiscard]] ReserveStock reserve() const { return {order_id}; }
  [[nodiscard]] ReleaseStock release() const { return {order_id}; }
  void rejected(const StockRejected& event) { reason = event.reason; }
  [[nodiscard]] std::optional<ChargePayment> charge() const {
    return total_minor > 0 ? std::optional(ChargePayment{order_id}) : std::nullopt;
  }
  Result<> charged(const PaymentCharged& event) {
    if (event.payment_id.empty()) return Error{"no_payment", "a payment has a number"};
    payment_id = event.payment_id;
    return {};
  }
  void declined(const PaymentDeclined&) { reason = "declined"; }
  [[nodiscard]] RefundPayment refund() const { return {order_id}; }
  [[nodiscard]] PaymentLate nudge() const { return {order_id}; }
  [[nodiscard]] bool is_shipped() const { return !is_gift; }
  [[nodiscard]] Ship ship() const { return {order_id}; }
  void cancelled(const OrderCancelled&) { reason = "cancelled"; }
  [[nodiscard]] OrderConfirmed confirmed() const { return {order_id}; }
  [[nodiscard]] OrderFailed given_up() const { return {order_id, reason}; }
};

/// Stock and payment at once, then the pivot, then the way out.
inline Definition checkout(int version = 1) {
  return define<Checkout>(
      "checkout", {.version = version}, starts(&Checkout::begin),
      parallel(step("reserve stock", send(&Checkout::reserve), done<StockReserved>(), failed(&Checkout::rejected),
                    undo(&Checkout::release, done<StockReleased>(), failed<ReleaseRefused>(), within(30s), retries(1)),
                    within(30s), retries(3)),
               step("charge payment", send(&Checkout::charge), done(&Checkout::charged, by(&PaymentCharged::order_id)),
                    failed(&Checkout::declined), undo(&Checkout::refund), within(60s), remind(25s, &Checkout::nudge))),
      pivot(),
      step("ship", send(&Checkout::ship), when(&Checkout::is_shipped), done<Shipped>(), failed<ShippingRefused>(),
           within(1h)),
      cancels(&Checkout::cancelled), within(24h), completes(&Checkout::confirmed), fails(&Checkout::given_up));
}

}  // namespace tidings::saga::shop
