#include "demo/compare.hpp"

#include <algorithm>

#include "demo/services.hpp"

namespace tidings::cli {
namespace {

void compare_outboxes(const Results& results, Differences& differences) {
  for (const auto& left : results.outboxes) {
    if (left.waiting > 0)
      differences.add("in the outbox of " + left.service + " " + std::to_string(left.waiting) + " events wait still");
    if (left.parked_keys > 0)
      differences.add("in the outbox of " + left.service + " " + std::to_string(left.parked_keys) + " keys are parked");
  }
  for (const auto& one : results.doubles) differences.add(one + " stands twice, under two ids");
  if (results.are_repeats_dropped && results.repeats > 0)
    differences.add(std::to_string(results.repeats) + " events stand twice, on a broker that drops repeats");
}

/// The events of an order stand in a topic as `order` has them.
void check_order(const std::string& topic, const Sequences& sequences, const std::vector<std::string>& order,
                 Differences& differences) {
  for (const auto& [id, types] : sequences)
    if (!std::ranges::is_sorted(
            types, {}, [&](const std::string& type) { return std::ranges::find(order, type) - order.begin(); }))
      differences.add(
          std::string("the events of order ").append(id).append(" stand in the wrong order in ").append(topic));
}

void compare_topics(const Expected& expected, const Results& results, Differences& differences) {
  for (const auto& [id, line] : expected.rejected)
    if (!results.rejected.contains({id, line}))
      differences.add("line " + std::to_string(line) + " of " + id + " should stand in orders.rejected");
  for (const auto& [id, line] : results.rejected)
    if (!expected.rejected.contains({id, line}))
      differences.add("line " + std::to_string(line) + " of " + id + " should not stand in orders.rejected");
  // What is asked of an order, and how it ends, may pass each other.
  auto without_ends = results.order_events;
  for (auto& [id, types] : without_ends)
    std::erase_if(types, [](const std::string& type) { return type == "shop.cancellation-requested"; });
  check_order("orders", without_ends, {"shop.order-placed", "shop.order-confirmed", "shop.order-failed"}, differences);
  check_order("stock", results.stock_events, {"shop.stock-reserved", "shop.stock-rejected", "shop.stock-released"},
              differences);
  check_order("payments", results.payment_events,
              {"shop.payment-charged", "shop.payment-declined", "shop.payment-refunded"}, differences);
  for (const auto& [id, order] : expected.placed)
    if (!says(results.order_events, id, "shop.order-placed")) differences.add("order " + id + " was not placed");
  for (const auto& [id, order] : expected.returned)
    if (!says(results.order_events, id, "shop.order-returned")) differences.add("return " + id + " was not taken");
  for (const auto& [id, types] : results.order_events) {
    if (!expected.placed.contains(id) && !expected.returned.contains(id))
      differences.add("there is an order " + id + " that nobody gave");
    if (types.front() == "shop.cancellation-requested")
      differences.add("the cancellation of order " + id + " was asked for before it was placed");
  }
}

void compare_groups(const Results& results, Differences& differences) {
  std::size_t count = 0;
  for (const auto& spec : specs) count += spec.readings.size();
  if (results.groups.size() != count)
    differences.add("there are " + std::to_string(results.groups.size()) + " groups of the services, not " +
                    std::to_string(count));
  for (const auto& group : results.groups)
    for (const auto& one : group.partitions) {
      const auto where = group.group + " on partition " + std::to_string(one.partition.value) + " of " + group.topic;
      if (one.position != one.end)
        differences.add(where + " stands at " + std::to_string(one.position.value) + " of " +
                        std::to_string(one.end.value));
      if (one.handled != one.end.value || one.skipped != 0 || one.parked != 0 || one.expired != 0)
        differences.add(where + ": of " + std::to_string(one.end.value) + " events " + std::to_string(one.handled) +
                        " were handled, " + std::to_string(one.skipped) + " passed over, " +
                        std::to_string(one.parked) + " parked, " + std::to_string(one.expired) + " expired");
    }
  for (const auto& topic : results.dead_letters) differences.add("there are dead letters in " + topic);
}

}  // namespace

const End* end_of(const Results& results, const std::string& order_id) {
  const auto known = results.ends.find(order_id);
  return known == results.ends.end() || known->second.empty() ? nullptr : &known->second.front();
}

bool is_confirmed(const Results& results, const std::string& order_id) {
  const auto* const end = end_of(results, order_id);
  return end != nullptr && end->is_confirmed;
}

bool says(const Sequences& sequences, const std::string& order_id, std::string_view type) {
  const auto known = sequences.find(order_id);
  return known != sequences.end() && std::ranges::find(known->second, type) != known->second.end();
}

std::vector<std::string> compare(const Expected& expected, const Results& results,
                                 std::optional<std::uint64_t> stock_each) {
  Differences differences;
  compare_groups(results, differences);
  compare_topics(expected, results, differences);
  compare_outboxes(results, differences);
  compare_orders(expected, results, differences);
  compare_goods(expected, results, stock_each, differences);
  compare_money(expected, results, differences);
  compare_mails(expected, results, differences);
  return differences.take();
}

}  // namespace tidings::cli
