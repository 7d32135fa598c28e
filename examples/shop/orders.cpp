// orders: takes what the till submits, and says which orders were placed, which cancelled, and which lines make no
// order.
//
// It keeps no state. What a handler publishes leaves when the handler has succeeded, before the submission is
// acknowledged: a crash in between makes it publish again, so those who listen must expect an order twice. What a line
// is good for is decided from the line alone, so the second time says the same as the first.
#include <algorithm>

#include "tidings/service/service.hpp"
#include "till.hpp"

namespace {

using namespace shop;
using tidings::Context;
using tidings::Result;

/// What the good lines of a submission add up to.
struct Reading {
  std::vector<OrderLine> lines;
  TillLine first;
  std::int64_t total_minor = 0;
};

/// Reads the lines; those that cannot stand in an order are published as rejected. `returned`: quantities are below 0,
/// as tills write returns.
template <class Submission>
Result<Reading> read(const Submission& submission, bool returned, Context& context) {
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
    if (!reason.empty()) {
      auto published = context.publish(LineRejected{submission.order_id, submitted.number, submitted.text, reason});
      if (!published) return published.error();
      continue;
    }
    if (reading.lines.empty()) reading.first = *line;
    line->line.quantity = std::abs(line->line.quantity);
    reading.total_minor += line->line.quantity * line->line.price_minor;
    reading.lines.push_back(std::move(line->line));
  }
  return reading;
}

Result<> take(const OrderSubmitted& submitted, Context& context) {
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

Result<> cancel(const CancellationSubmitted& submitted, Context& context) {
  auto order = read(submitted, false, context);
  if (!order) return order.error();
  if (order->lines.empty()) return {};
  const auto& [invoice, line, time, customer, country] = order->first;
  return context.publish(
      OrderCancelled{submitted.order_id, customer, country, time, std::move(order->lines), order->total_minor});
}

/// One handler for both, so that the order of an order's events is kept.
struct TakeOrders {
  Result<> operator()(const OrderSubmitted& submitted, Context& context) const { return take(submitted, context); }
  Result<> operator()(const CancellationSubmitted& submitted, Context& context) const {
    return cancel(submitted, context);
  }
};

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("orders", argc, argv);
  service.on<OrderSubmitted, CancellationSubmitted>("take-orders", {.concurrency = 8}, TakeOrders{});
  return service.run();
}
