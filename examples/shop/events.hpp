#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tidings/base/time.hpp"
#include "tidings/event/traits.hpp"

// What the services of the shop tell each other. They share these facts, and nothing else.
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

/// The customer wants an order, or part of it, undone.
struct CancellationSubmitted {
  std::string order_id;
  std::vector<SubmittedLine> lines;
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

/// An order was cancelled, or goods came back: a return has a number of its own, and names no order.
struct OrderCancelled {
  std::string order_id;
  std::string customer_id;
  std::string country;
  tidings::TimePoint cancelled_at{};
  std::vector<OrderLine> lines;
  std::int64_t total_minor = 0;  ///< what is paid back
  static constexpr tidings::traits<OrderCancelled> event{
      .name = "shop.order-cancelled", .topic = "orders", .key = &OrderCancelled::order_id};
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

// ---- What the inventory service says. Topic `stock`.

struct StockReserved {
  std::string order_id;
  std::string customer_id;
  std::vector<OrderLine> lines;
  std::int64_t total_minor = 0;
  static constexpr tidings::traits<StockReserved> event{
      .name = "shop.stock-reserved", .topic = "stock", .key = &StockReserved::order_id};
};

struct StockRejected {
  std::string order_id;
  std::string customer_id;
  std::string reason;
  static constexpr tidings::traits<StockRejected> event{
      .name = "shop.stock-rejected", .topic = "stock", .key = &StockRejected::order_id};
};

struct StockReleased {
  std::string order_id;
  static constexpr tidings::traits<StockReleased> event{
      .name = "shop.stock-released", .topic = "stock", .key = &StockReleased::order_id};
};

}  // namespace shop
