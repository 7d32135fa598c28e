// Orders, their rows, their checkouts and their cancellations: each has one end, and all say the same one.
#include <map>

#include "demo/compare.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::cli {
namespace {

/// What the lines of a row come to by product; nothing where they are none.
std::map<std::string, std::int64_t> sums_of(const std::string& lines) {
  std::map<std::string, std::int64_t> sums;
  if (const auto read = JsonCodec::decode<std::vector<shop::OrderLine>>(lines))
    for (const auto& line : *read) sums[line.product] += line.quantity;
  return sums;
}

/// `confirmed`, `failed out_of_stock` …
std::string words_of(const End& end) {
  return end.is_confirmed ? "confirmed" : "failed " + std::string(shop::name_of(end.reason));
}

std::string words_of(const OrderRow& row) {
  return row.reason.empty() ? row.status : row.status + " " + row.reason;
}

void compare_rows(const Expected& expected, const Results& results, Differences& differences) {
  std::map<std::string, std::uint64_t> rows;
  for (const auto& row : results.orders) {
    const auto placed = expected.placed.find(row.id);
    const auto returned = expected.returned.find(row.id);
    const bool is_return = placed == expected.placed.end();
    if (++rows[row.id] > 1) continue;  // told below
    if (is_return && returned == expected.returned.end()) {
      differences.add("there is a row of order " + row.id + " that nobody gave");
      continue;
    }
    const auto& order = is_return ? returned->second : placed->second;
    const auto* const end = end_of(results, row.id);
    const auto status = is_return ? "returned" : end == nullptr ? "placed" : words_of(*end);
    if (words_of(row) != status) differences.add("order " + row.id + " is " + words_of(row) + ", not " + status);
    if (row.total_minor != order.total_minor)
      differences.add("the row of order " + row.id + " says " + amount(row.total_minor) + ", not " +
                      amount(order.total_minor));
    if (row.customer_id != order.customer || row.country != order.country)
      differences.add("the row of order " + row.id + " is of another customer, or another country");
    if (sums_of(row.lines) != order.wanted) differences.add("the row of order " + row.id + " has other lines");
    if (row.cancelling != 0) differences.add("nothing has come of the cancellation of order " + row.id);
  }
  const auto check_once = [&](const std::string& id) {
    if (rows[id] != 1) differences.add("order " + id + " stands in " + std::to_string(rows[id]) + " rows, not in 1");
  };
  for (const auto& [id, order] : expected.placed) check_once(id);
  for (const auto& [id, order] : expected.returned) check_once(id);
}

void compare_ends(const Expected& expected, const Results& results, Differences& differences) {
  for (const auto& [id, order] : expected.placed) {
    const auto known = results.ends.find(id);
    const auto count = known == results.ends.end() ? 0 : known->second.size();
    if (count != 1) differences.add("order " + id + " has " + std::to_string(count) + " ends, not 1");
    const auto* const end = end_of(results, id);
    const bool was_cancelled = end != nullptr && !end->is_confirmed && end->reason == shop::FailureReason::cancelled;
    if (was_cancelled && !expected.cancellations.contains(id))
      differences.add("order " + id + " was cancelled, which nobody asked for");
  }
  for (const auto& [id, ends] : results.ends)
    if (!expected.placed.contains(id)) differences.add("there is an end of order " + id + ", which nobody gave");
  for (const auto& id : expected.cancellations) {
    const auto* const end = end_of(results, id);
    const bool was_cancelled = end != nullptr && !end->is_confirmed && end->reason == shop::FailureReason::cancelled;
    if (was_cancelled == results.rejected_cancellations.contains(id))
      differences.add("the cancellation of order " + id + " was " +
                      (was_cancelled ? "both done and rejected" : "neither done nor rejected"));
  }
  for (const auto& id : results.rejected_cancellations)
    if (!expected.cancellations.contains(id))
      differences.add("a cancellation of order " + id + " was rejected, which nobody asked for");
}

void compare_sagas(const Expected& expected, const Results& results, Differences& differences) {
  std::map<std::string, std::uint64_t> sagas;
  for (const auto& saga : results.sagas) {
    ++sagas[saga.id];
    const auto* const end = end_of(results, saga.id);
    const std::string status = end == nullptr ? "over" : end->is_confirmed ? "completed" : "failed";
    if (saga.status != status)
      differences.add("the checkout of order " + saga.id + " is " + saga.status + ", not " + status +
                      (saga.why.empty() ? "" : ": " + saga.why));
    if (!expected.placed.contains(saga.id))
      differences.add("there is a checkout of order " + saga.id + ", which nobody gave");
  }
  for (const auto& [id, order] : expected.placed)
    if (sagas[id] != 1) differences.add("order " + id + " has " + std::to_string(sagas[id]) + " checkouts, not 1");
}

}  // namespace

void compare_orders(const Expected& expected, const Results& results, Differences& differences) {
  compare_rows(expected, results, differences);
  compare_ends(expected, results, differences);
  compare_sagas(expected, results, differences);
}

}  // namespace tidings::cli
