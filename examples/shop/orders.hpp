#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "events.hpp"
#include "tidings/event/context.hpp"
#include "till.hpp"

namespace shop {

/// What the good lines of a submission add up to.
struct Reading {
  std::vector<OrderLine> lines;
  TillLine first;
  std::int64_t total_minor = 0;
};

/// Reads the lines; those that cannot stand in an order are published as rejected. `returned`: quantities are below 0,
/// as tills write returns.
template <class Submission>
tidings::Result<Reading> read(const Submission& submission, bool returned, tidings::Context& context) {
  Reading reading;
  for (const auto& submitted : submission.lines) {
    auto line = read_till_line(submitted.text);
    std::string reason;
    if (!submitted.problem.empty())
      reason = submitted.problem;
    else if (!line)
      reason = line.error().message;
    else if (returned && line->line.quantity >= 0)
      reason = "its quantity is not below 0, in a return";
    else if (!returned && line->line.quantity <= 0)
      reason = "its quantity is not above 0, and it is no return";
    if (line) line->line.quantity = std::abs(line->line.quantity);
    const auto total =
        line ? add_amount(reading.total_minor, line->line.quantity, line->line.price_minor) : std::nullopt;
    if (reason.empty() && !total) reason = "with it its order comes to more than " + money(amount_max_minor);
    if (!reason.empty()) {
      auto published = context.publish(LineRejected{submission.order_id, submitted.number, submitted.text, reason});
      if (!published) return published.error();
      continue;
    }
    if (reading.lines.empty()) reading.first = *line;
    reading.total_minor = *total;
    reading.lines.push_back(std::move(line->line));
  }
  return reading;
}

inline tidings::Result<> take(const OrderSubmitted& submitted, tidings::Context& context) {
  const bool returned = submitted.order_id.starts_with('C');
  auto order = read(submitted, returned, context);
  if (!order) return order.error();
  if (order->lines.empty()) return {};  // all its lines were rejected
  const auto& [invoice, line, time, customer, country] = order->first;
  if (returned)
    return context.publish(
        OrderCancelled{submitted.order_id, customer, country, time, std::move(order->lines), order->total_minor});
  return context.publish(
      OrderPlaced{submitted.order_id, customer, country, time, std::move(order->lines), order->total_minor});
}

inline tidings::Result<> cancel(const CancellationSubmitted& submitted, tidings::Context& context) {
  auto order = read(submitted, false, context);
  if (!order) return order.error();
  if (order->lines.empty()) return {};
  const auto& [invoice, line, time, customer, country] = order->first;
  return context.publish(
      OrderCancelled{submitted.order_id, customer, country, time, std::move(order->lines), order->total_minor});
}

/// One handler for both, so that the order of an order's events is kept.
struct TakeOrders {
  tidings::Result<> operator()(const OrderSubmitted& submitted, tidings::Context& context) const {
    return take(submitted, context);
  }
  tidings::Result<> operator()(const CancellationSubmitted& submitted, tidings::Context& context) const {
    return cancel(submitted, context);
  }
};

}  // namespace shop
