#pragma once

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "events.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/service/batch.hpp"
#include "tidings/store/transaction.hpp"
#include "till.hpp"

namespace shop {

/// A row for each order, and for each return. Its status is `placed`, `cancelled` or `returned`; its lines are JSON.
inline constexpr std::array<std::string_view, 1> order_tables{
    "create table if not exists orders(id text primary key, customer_id text not null, country text not null, "
    "placed_at text not null, status text not null, lines text not null, total_minor bigint not null)"};

/// What the good lines of a submission add up to.
struct Reading {
  std::vector<OrderLine> lines;
  std::vector<const SubmittedLine*> submitted;  ///< the same as they came
  TillLine first;
  std::int64_t total_minor = 0;
};

inline tidings::Result<> reject(const std::string& order_id, const SubmittedLine& line, const std::string& reason,
                                tidings::Context& context) {
  return context.publish(LineRejected{order_id, line.number, line.text, reason});
}

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
      if (auto told = reject(submission.order_id, submitted, reason, context); !told) return told.error();
      continue;
    }
    if (reading.lines.empty()) reading.first = *line;
    reading.total_minor = *total;
    reading.lines.push_back(std::move(line->line));
    reading.submitted.push_back(&submitted);
  }
  return reading;
}

/// No order comes of it: what it says cannot be.
inline tidings::Result<> reject_all(const std::string& order_id, const Reading& reading, const std::string& reason,
                                    tidings::Context& context) {
  for (const auto* const line : reading.submitted)
    if (auto told = reject(order_id, *line, reason, context); !told) return told;
  return {};
}

inline tidings::Result<> take(const OrderSubmitted& submitted, tidings::Context& context, tidings::Transaction& tx) {
  const auto& id = submitted.order_id;
  const bool returned = id.starts_with('C');
  auto order = read(submitted, returned, context);
  if (!order) return order.error();
  if (order->lines.empty()) return {};  // all its lines were rejected
  const auto& [invoice, line, time, customer, country] = order->first;
  std::string lines;
  if (auto encoded = tidings::JsonCodec::encode(order->lines, lines); !encoded) return encoded;
  auto inserted = tx.execute(
      "insert into orders(id, customer_id, country, placed_at, status, lines, total_minor) "
      "values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing",
      id, customer, country, tidings::to_rfc3339(time), returned ? "returned" : "placed", lines, order->total_minor);
  if (!inserted) return inserted.error();  // the database is away: it is tried again
  if (*inserted == 0) return reject_all(id, *order, "its order was taken before", context);  // an outcome: it is told
  if (returned)
    return context.publish(OrderCancelled{id, customer, country, time, std::move(order->lines), order->total_minor});
  return context.publish(OrderPlaced{id, customer, country, time, std::move(order->lines), order->total_minor});
}

inline tidings::Result<> take(const CancellationSubmitted& submitted, tidings::Context& context,
                              tidings::Transaction& tx) {
  const auto& id = submitted.order_id;
  auto order = read(submitted, false, context);
  if (!order) return order.error();
  if (order->lines.empty()) return {};
  auto updated = tx.execute("update orders set status = 'cancelled' where id = $1 and status = 'placed'", id);
  if (!updated) return updated.error();
  if (*updated == 0) return reject_all(id, *order, "there is no such order, or it was cancelled before", context);
  const auto& [invoice, line, time, customer, country] = order->first;
  return context.publish(OrderCancelled{id, customer, country, time, std::move(order->lines), order->total_minor});
}

/// One handler for both, so that the order of an order's events is kept; and many at once, since a commit costs the
/// same for one as for hundreds.
inline tidings::Result<> take_orders(const tidings::Batch<OrderSubmitted, CancellationSubmitted>& batch,
                                     tidings::Transaction& tx) {
  for (const auto& [event, context] : batch) {
    auto taken = std::visit([&, &where = context](const auto& submitted) { return take(submitted, where, tx); }, event);
    if (!taken) return taken;
  }
  return {};
}

}  // namespace shop
