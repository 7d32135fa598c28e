#include "demo/results.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace tidings::cli {
namespace {

std::string head(const std::string& id, const std::string& end = " is confirmed") {
  return std::string("From: shop@example.org\r\nTo: customer-c@example.org\r\nSubject: ") +
         (end.empty() ? "We cannot send your order " : "Your order ") + id + end +
         "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
}

void replace(std::string& text, std::string_view part, std::string_view with) {
  text.replace(text.find(part), part.size(), with);
}

/// An input, and the results that are right for it.
struct Right {
  Expected expected;
  Results results;

  Right() {
    const std::string line = "1,mug,MUG,2,2010-12-01T08:26:00Z,1.50,c,UK";
    expected.add({.order_id = "1",
                  .lines = {{.number = 2, .text = line, .problem = {}}, {.number = 3, .text = "1,x", .problem = {}}}});
    expected.add({.order_id = "1", .cancellation = true, .lines = {{.number = 2, .text = line, .problem = {}}}});
    expected.add({.order_id = "2", .lines = {{.number = 4, .text = line, .problem = {}}}});
    results.analytics.revenue_minor["UK"]["2010-12-01"] = 300;
    results.analytics.sold["mug"] = 2;
    results.analytics.orders = 2;
    results.analytics.returns = 1;
    results.products = {{.id = "mug", .reserved = 4, .returned = 2}};
    results.reservations = {{"1", "reserved"}, {"2", "reserved"}};
    const std::string lines = R"([{"product":"mug","description":"MUG","quantity":2,"price_minor":150}])";
    results.orders = {{"1", "c", "UK", "cancelled", lines, 300}, {"2", "c", "UK", "placed", lines, 300}};
    results.outboxes = {{.service = "orders"}, {.service = "inventory"}};
    results.are_repeats_dropped = true;
    for (const std::string id : {"1", "2"})
      results.mails[id + ".eml"] =
          head(id) + "Thank you. We send you:\r\n\r\n2 x MUG (mug) at 1.50\r\n\r\nTotal: 3.00\r\n";
    results.rejected = {{"1", 3}};
    results.order_events = {{"1", {"shop.order-placed", "shop.order-cancelled"}}, {"2", {"shop.order-placed"}}};
    results.stock_events = {{"1", {"shop.stock-reserved", "shop.stock-released"}}, {"2", {"shop.stock-reserved"}}};
    for (const auto* const name :
         {"orders.take-orders", "inventory.reserve-stock", "notifications.send-mails", "analytics.count-revenue"})
      results.groups.push_back(
          {.topic = "t", .group = name, .partitions = {{.partition = {0}, .position = {3}, .end = {3}, .handled = 3}}});
  }
};

TEST(Compare, FindsNothingWhereAllIsRight) {
  const Right right;
  EXPECT_EQ(compare(right.expected, right.results, std::nullopt), std::vector<std::string>{});
  Right limited;
  EXPECT_EQ(compare(limited.expected, limited.results, 4), std::vector<std::string>{});
}

TEST(Compare, EachWrongResultIsFound) {
  struct Case {
    const char* name;
    std::function<void(Results&)> spoil;
    const char* found;
  };
  const std::vector<Case> cases = {
      {"a penny of revenue", [](Results& r) { r.analytics.revenue_minor["UK"]["2010-12-01"] += 1; },
       "revenue in pence of UK on 2010-12-01: expected 300, got 301"},
      {"a day too many", [](Results& r) { r.analytics.revenue_minor["UK"]["2010-12-02"] = 1; }, "expected none, got 1"},
      {"a country too few", [](Results& r) { r.analytics.revenue_minor.clear(); }, "there is none"},
      {"sold", [](Results& r) { r.analytics.sold["mug"] = 4; }, "sold items of mug"},
      {"order of events", [](Results& r) { r.analytics.out_of_order = 1; }, "cancelled before they were placed"},
      {"reserved twice", [](Results& r) { r.products[0].reserved += 2; }, "reserved stock of mug: expected 4, got 6"},
      {"a product's row twice", [](Results& r) { r.products.push_back(r.products[0]); }, "expected 4, got 8"},
      {"a product's row lost", [](Results& r) { r.products.clear(); },
       "reserved stock of mug: expected 4, there is none"},
      {"not returned", [](Results& r) { r.products[0].returned = 0; }, "returned stock of mug"},
      {"returned twice", [](Results& r) { r.products[0].returned = 4; }, "returned stock of mug: expected 2, got 4"},
      {"an order's row twice", [](Results& r) { r.orders.push_back(r.orders[1]); }, "order 2 stands in 2 rows"},
      {"an order's row lost", [](Results& r) { r.orders.pop_back(); }, "order 2 stands in 0 rows"},
      {"a row of no order", [](Results& r) { r.orders.push_back({.id = "7"}); }, "a row of order 7 that nobody gave"},
      {"a row not cancelled", [](Results& r) { r.orders[0].status = "placed"; }, "order 1 is placed, not cancelled"},
      {"another total", [](Results& r) { r.orders[1].total_minor = 600; }, "order 2 says 6.00, not 3.00"},
      {"another customer", [](Results& r) { r.orders[1].customer_id = "d"; }, "of another customer"},
      {"another country", [](Results& r) { r.orders[1].country = "FR"; }, "or another country"},
      {"other lines", [](Results& r) { replace(r.orders[1].lines, "mug", "cup"); }, "order 2 has other lines"},
      {"lines that are none", [](Results& r) { r.orders[1].lines = "["; }, "order 2 has other lines"},
      {"a reservation twice", [](Results& r) { r.reservations.push_back({"2", "reserved"}); },
       "order 2 has 2 reservations"},
      {"a reservation lost", [](Results& r) { r.reservations.pop_back(); }, "order 2 has 0 reservations"},
      {"another reservation", [](Results& r) { r.reservations[1].outcome = "rejected"; },
       "the reservation of order 2 says rejected"},
      {"a reservation of no order", [](Results& r) { r.reservations.push_back({"7", "reserved"}); },
       "a reservation of 7"},
      {"events unpublished", [](Results& r) { r.outboxes[1].waiting = 3; }, "outbox of inventory 3 events wait"},
      {"keys parked", [](Results& r) { r.outboxes[0].parked_keys = 1; }, "outbox of orders 1 keys are parked"},
      {"an event published twice", [](Results& r) { r.repeats = 1; }, "1 events stand twice"},
      {"an effect told twice", [](Results& r) { r.doubles = {"shop.order-placed of 2"}; },
       "shop.order-placed of 2 stands twice, under two ids"},
      {"a mail too few", [](Results& r) { r.mails.erase("2.eml"); }, "order 2 has no mail"},
      {"a mail too many", [](Results& r) { r.mails["3.eml"] = ""; }, "there is a mail 3.eml of no order"},
      {"a wrong mail", [](Results& r) { replace(r.mails["2.eml"], "3.00", "3.01"); },
       "the mail of order 2 does not say 3.00"},
      {"a mail to somebody else", [](Results& r) { replace(r.mails["2.eml"], "customer-c", "customer-d"); },
       "the mail of order 2 is to another, or of another subject"},
      {"a mail of another subject", [](Results& r) { r.mails["2.eml"] = head("2", ""); }, "of another subject"},
      {"a mail of other lines", [](Results& r) { replace(r.mails["2.eml"], "2 x MUG", "1 x MUG"); },
       "the mail of order 2 does not have the order's lines"},
      {"an empty mail", [](Results& r) { r.mails["2.eml"].clear(); }, "the mail of order 2 is"},
      {"orders counted", [](Results& r) { r.analytics.orders += 7; }, "orders of analytics: expected 2, got 9"},
      {"returns counted", [](Results& r) { r.analytics.returns = 0; }, "returns of analytics: expected 1, got 0"},
      {"a rejected line lost", [](Results& r) { r.rejected.clear(); }, "line 3 of 1 should stand"},
      {"a good line rejected", [](Results& r) { r.rejected.emplace("2", 4); }, "should not stand"},
      {"an order lost", [](Results& r) { r.order_events.erase("2"); }, "order 2 was not placed"},
      {"an order invented", [](Results& r) { r.order_events["7"] = {"shop.order-placed"}; },
       "an order 7 that nobody gave"},
      {"reordered", [](Results& r) { std::swap(r.order_events["1"][0], r.order_events["1"][1]); },
       "wrong order in orders"},
      {"reordered stock", [](Results& r) { std::swap(r.stock_events["1"][0], r.stock_events["1"][1]); },
       "wrong order in stock"},
      {"no outcome", [](Results& r) { r.stock_events.erase("2"); }, "order 2 has no outcome"},
      {"two outcomes", [](Results& r) { r.stock_events["2"].push_back("shop.stock-rejected"); }, "two outcomes"},
      {"a group behind", [](Results& r) { r.groups[1].partitions[0].position = {2}; }, "stands at 2 of 3"},
      {"an event not handled", [](Results& r) { r.groups[1].partitions[0].handled = 2; }, "2 were handled"},
      {"an event handled twice", [](Results& r) { r.groups[1].partitions[0].handled = 4; }, "4 were handled"},
      {"an event passed over",
       [](Results& r) {
         r.groups[1].partitions[0].handled = 2;
         r.groups[1].partitions[0].skipped = 1;
       },
       "2 were handled, 1 passed over"},
      {"not released", [](Results& r) { r.stock_events["1"].pop_back(); }, "the stock of order 1 was not released"},
      {"parked", [](Results& r) { r.groups[2].partitions[0].parked = 1; }, "1 parked"},
      {"a group gone", [](Results& r) { r.groups.pop_back(); }, "3 groups"},
      {"dead letters", [](Results& r) { r.dead_letters.push_back("x.dead-letters"); }, "dead letters in x"},
  };
  for (const auto& [name, spoil, found] : cases) {
    Right right;
    spoil(right.results);
    const auto differences = compare(right.expected, right.results, std::nullopt);
    ASSERT_FALSE(differences.empty()) << name;
    bool says = false;
    for (const auto& difference : differences) says = says || difference.find(found) != std::string::npos;
    EXPECT_TRUE(says) << name << ": " << differences.front();
  }
}

TEST(Compare, WhereTheBrokerCannotDropThemRepeatsAreRight) {
  Right right;
  right.results.are_repeats_dropped = false;
  right.results.repeats = 3;
  EXPECT_EQ(compare(right.expected, right.results, std::nullopt), std::vector<std::string>{});
}

TEST(Compare, StockThatWasNotReservedIsNotReleased) {
  Right right;
  right.results.products = {{.id = "mug", .reserved = 2, .returned = 0}};
  right.results.reservations[0].outcome = "rejected";
  right.results.stock_events["1"] = {"shop.stock-rejected"};
  right.results.mails["1.eml"] = head("1", "") + "We are sorry: of mug there are 1, not 2.\r\n";
  EXPECT_EQ(compare(right.expected, right.results, 2), std::vector<std::string>{});
  right.results.stock_events["1"].push_back("shop.stock-released");
  EXPECT_EQ(compare(right.expected, right.results, 2),
            std::vector<std::string>{"the stock of order 1 was released, but never reserved"});
}

TEST(Compare, LimitedStockIsConserved) {
  Right right;
  right.results.products = {{.id = "mug", .reserved = 2, .returned = 2}};
  right.results.reservations[1].outcome = "rejected";
  right.results.stock_events["2"] = {"shop.stock-rejected"};
  right.results.mails["2.eml"] = head("2", "") + "We are sorry: of mug there are 1, not 2.\r\n";
  EXPECT_EQ(compare(right.expected, right.results, 2), std::vector<std::string>{});
  EXPECT_FALSE(compare(right.expected, right.results, std::nullopt).empty());  // unlimited stock rejects nobody
  Right overdrawn;
  EXPECT_FALSE(compare(overdrawn.expected, overdrawn.results, 1).empty());  // 1 + 2 - 4
}

}  // namespace
}  // namespace tidings::cli
