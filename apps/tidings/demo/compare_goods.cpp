// Goods: held for the orders that are confirmed, and for no others.
#include <map>

#include "demo/compare.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::cli {
namespace {

using Quantities = std::map<std::string, std::int64_t>;

void compare_products(const Expected& expected, const Results& results, std::optional<std::uint64_t> stock_each,
                      Differences& differences) {
  Quantities reserved, returned, got_reserved, got_returned;
  for (const auto& [id, order] : expected.placed)
    if (is_confirmed(results, id))
      for (const auto& [product, count] : order.wanted) reserved[product] += count;
  for (const auto& [id, order] : expected.returned)
    for (const auto& [product, count] : order.wanted) returned[product] += count;
  for (const auto& row : results.products) {
    if (row.reserved != 0) got_reserved[row.id] += row.reserved;
    if (row.returned != 0) got_returned[row.id] += row.returned;
    const auto left = static_cast<std::int64_t>(stock_each.value_or(0)) + row.returned - row.reserved;
    if (stock_each && left < 0)
      differences.add("of " + row.id + " there are " + std::to_string(left) + ": more was reserved than there was");
  }
  differences.compare_maps("reserved stock", reserved, got_reserved);
  differences.compare_maps("returned stock", returned, got_returned);
}

void compare_reservation(const std::string& id, const Expected::Order& order, const Results& results,
                         const ReservationRow& row, Differences& differences) {
  const auto held = JsonCodec::decode<Quantities>(row.held);
  const auto* const end = end_of(results, id);
  if (end != nullptr && end->is_confirmed) {
    if (row.outcome != "reserved") differences.add("the stock of order " + id + ", confirmed, is " + row.outcome);
    if (!held || *held != order.wanted) differences.add("for order " + id + " other goods are held than it wants");
    return;
  }
  if (row.outcome == "reserved" || !held || !held->empty())
    differences.add("for order " + id + ", which is not confirmed, goods are held");
  if (row.outcome == "released" && !says(results.stock_events, id, "shop.stock-released"))
    differences.add("the stock of order " + id + " was released without a word");
  const bool is_refused = end != nullptr && end->reason == shop::FailureReason::out_of_stock;
  if (is_refused && row.outcome != "rejected")
    differences.add("order " + id + " is out of stock, and its stock " + row.outcome);
}

}  // namespace

void compare_goods(const Expected& expected, const Results& results, std::optional<std::uint64_t> stock_each,
                   Differences& differences) {
  compare_products(expected, results, stock_each, differences);
  std::map<std::string, std::vector<const ReservationRow*>> reservations;
  for (const auto& row : results.reservations) reservations[row.order_id].push_back(&row);
  for (const auto& [id, order] : expected.placed) {
    const bool is_reserved = says(results.stock_events, id, "shop.stock-reserved");
    const bool is_rejected = says(results.stock_events, id, "shop.stock-rejected");
    if (is_reserved == is_rejected)
      differences.add("order " + id + " has " + (is_rejected ? "two outcomes" : "no outcome") + " in stock");
    if (is_rejected && !stock_each) differences.add("order " + id + " was rejected, though stock is unlimited");
    const auto& rows = reservations[id];
    if (rows.size() != 1)
      differences.add("order " + id + " has " + std::to_string(rows.size()) + " reservations, not 1");
    else
      compare_reservation(id, order, results, *rows.front(), differences);
  }
  for (const auto& [id, rows] : reservations)
    if (!expected.placed.contains(id)) differences.add("there is a reservation of " + id + ", which nobody ordered");
}

}  // namespace tidings::cli
