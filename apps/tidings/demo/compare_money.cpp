// Money: had for the orders that are confirmed, and for no others. The payments, the ledger and analytics each tell it
// by themselves, and the input says what they must tell.
#include <map>

#include "demo/compare.hpp"

namespace tidings::cli {
namespace {

using Amounts = std::map<std::string, std::int64_t>;

void compare_payments(const Expected& expected, const Results& results, Differences& differences) {
  Amounts paid, got;
  for (const auto& [id, order] : expected.placed)
    if (is_confirmed(results, id) && order.total_minor != 0) paid[id] = order.total_minor;
  for (const auto& [id, order] : expected.returned)
    if (order.total_minor != 0) paid[id] = -order.total_minor;
  for (const auto& row : results.payments) {
    if (const auto net = row.charged_minor - row.refunded_minor; net != 0) got[row.order_id] += net;
    const auto* const end = end_of(results, row.order_id);
    if (end == nullptr) continue;
    const bool is_declined = row.status == "declined";
    if (end->is_confirmed && row.status != "charged")
      differences.add("order " + row.order_id + " is confirmed, and its payment " + row.status);
    if (!end->is_confirmed && row.status != "refunded" && !is_declined)
      differences.add("order " + row.order_id + " has failed, and its payment is " + row.status);
    if (is_declined != says(results.payment_events, row.order_id, "shop.payment-declined"))
      differences.add("the payment of order " + row.order_id + " is " + row.status +
                      ", and the topic payments says something else");
  }
  differences.compare_maps("payment in pence", paid, got);
  for (const auto& [id, order] : expected.placed) {
    const auto* const end = end_of(results, id);
    if (end != nullptr && !end->is_confirmed && end->reason == shop::FailureReason::payment_declined &&
        !says(results.payment_events, id, "shop.payment-declined"))
      differences.add("the payment of order " + id + " was not declined, and it has failed for that");
  }
}

void compare_ledger(const Expected& expected, const Results& results, Differences& differences) {
  Amounts right, shops, customers;
  std::int64_t owed = 0, had = 0;
  for (const auto& [id, order] : expected.placed)
    if (is_confirmed(results, id) && order.total_minor != 0) owed += right[id] = order.total_minor;
  for (const auto& [id, order] : expected.returned)
    if (order.total_minor != 0) owed += right[id] = -order.total_minor;
  for (const auto& row : results.ledger) {
    (row.account == "shop" ? shops : customers)[row.order_id] += row.amount_minor;
    if (row.account == "shop") had += row.amount_minor;
  }
  if (had != owed)
    differences.add("the ledger says that the shop has " + amount(had) +
                    ", and the orders that are confirmed, less what was returned, come to " + amount(owed));
  for (auto& [id, minor] : customers) minor = -minor;
  differences.compare_maps("what the shop has by the ledger, by what customers gave,", customers, shops);
  std::erase_if(shops, [](const auto& one) { return one.second == 0; });
  differences.compare_maps("ledger in pence", right, shops);
}

void compare_analytics(const Expected& expected, const Results& results, Differences& differences) {
  Amounts revenue, got_revenue, sold;
  std::uint64_t confirmed = 0;
  const auto add = [&](const Expected::Order& order, std::int64_t sign) {
    revenue[order.country + " on " + order.day] += sign * order.total_minor;
    for (const auto& [product, count] : order.wanted) sold[product] += sign * count;
  };
  for (const auto& [id, order] : expected.placed)
    if (is_confirmed(results, id)) {
      add(order, 1);
      ++confirmed;
    }
  for (const auto& [id, order] : expected.returned) add(order, -1);
  for (const auto& [country, days] : results.analytics.revenue_minor)
    for (const auto& [day, minor] : days) got_revenue[std::string(country).append(" on ").append(day)] = minor;
  differences.compare_maps("revenue in pence", revenue, got_revenue);
  differences.compare_maps("sold items", sold, results.analytics.sold);
  differences.compare_counts("orders of analytics", confirmed, results.analytics.orders);
  differences.compare_counts("returns of analytics", expected.returned.size(), results.analytics.returns);
}

}  // namespace

void compare_money(const Expected& expected, const Results& results, Differences& differences) {
  compare_payments(expected, results, differences);
  compare_ledger(expected, results, differences);
  compare_analytics(expected, results, differences);
}

}  // namespace tidings::cli
