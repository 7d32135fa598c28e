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

/// A row for each order, and for each return. Its status is `placed` until its checkout (checkout.hpp) is over, then
/// `confirmed`, or `failed` with a reason; or it is `returned`. Its lines are JSON. `cancelling`: 1 where its
/// cancellation was asked for, and nothing has come of it yet.
inline constexpr std::array<std::string_view, 1> order_tables{
    "create table if not exists orders(id text primary key, customer_id text not null, country text not null, "
    "placed_at text not null, status text not null, reason text not null, lines text not null, "
    "total_minor bigint not null, cancelling bigint not null)"};

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
inline tidings::Result<Reading> read(const OrderSubmitted& submission, bool returned, tidings::Context& context) {
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
      "insert into orders(id, customer_id, country, placed_at, status, reason, lines, total_minor, cancelling) "
      "values ($1, $2, $3, $4, $5, '', $6, $7, 0) on conflict (id) do nothing",
      id, customer, country, tidings::to_rfc3339(time), returned ? "returned" : "placed", lines, order->total_minor);
  if (!inserted) return inserted.error();  // the database is away: it is tried again
  if (*inserted == 0) return reject_all(id, *order, "its order was taken before", context);  // an outcome: it is told
  if (returned)
    return context.publish(OrderReturned{id, customer, country, time, std::move(order->lines), order->total_minor});
  return context.publish(OrderPlaced{id, customer, country, time, std::move(order->lines), order->total_minor});
}

/// How an order stands.
struct Standing {
  std::string status;
  std::string reason;
  std::int64_t cancelling = 0;
};

inline std::string too_late(const Standing& standing) {
  if (standing.status == "confirmed") return "it comes too late: the order is confirmed";
  if (standing.status == "failed") return "it comes too late: the order has failed, " + standing.reason;
  if (standing.status == "returned") return "it names a return, which is not cancelled";
  return "it was asked for before";
}

/// Whoever asks is told what comes of it: the order fails, `cancelled`, or the cancellation is rejected, now or when
/// the order has come to another end (`settle`).
inline tidings::Result<> take(const CancellationSubmitted& submitted, tidings::Context& context,
                              tidings::Transaction& tx) {
  const auto& id = submitted.order_id;
  auto asked =
      tx.execute("update orders set cancelling = 1 where id = $1 and status = 'placed' and cancelling = 0", id);
  if (!asked) return asked.error();
  if (*asked > 0) return context.publish(CancellationRequested{id});
  auto standing = tx.query_one<Standing>("select status, reason, cancelling from orders where id = $1", id);
  if (!standing) return standing.error();
  return context.publish(CancellationRejected{id, *standing ? too_late(**standing) : "there is no such order"});
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

/// Writes down how the checkout of an order has ended, and answers a cancellation that is open.
inline tidings::Result<> settle(const std::string& id, const Standing& ended, tidings::Context& context,
                                tidings::Transaction& tx) {
  auto before = tx.query_one<Standing>("select status, reason, cancelling from orders where id = $1", id);
  if (!before) return before.error();
  if (!*before) return tidings::Error{"unknown_order", "order " + id + " has no row", tidings::Retry::never};
  if (auto set = tx.execute("update orders set status = $2, reason = $3, cancelling = 0 where id = $1", id,
                            ended.status, ended.reason);
      !set)
    return set.error();
  const bool is_cancelled = ended.reason == name_of(FailureReason::cancelled);
  if ((*before)->cancelling == 0 || is_cancelled) return {};
  return context.publish(CancellationRejected{id, too_late(ended)});
}

inline tidings::Result<> settle_orders(const tidings::Batch<OrderConfirmed, OrderFailed>& batch,
                                       tidings::Transaction& tx) {
  for (const auto& [event, context] : batch) {
    const auto* const failed = std::get_if<OrderFailed>(&event);
    auto settled = failed == nullptr
                       ? settle(std::get<OrderConfirmed>(event).order_id, {"confirmed", "", 0}, context, tx)
                       : settle(failed->order_id, {"failed", std::string(name_of(failed->reason)), 0}, context, tx);
    if (!settled) return settled;
  }
  return {};
}

}  // namespace shop
