#include "demo/compare.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "demo/services.hpp"
#include "tidings/service/names.hpp"

namespace tidings::cli {
namespace {

std::string head(const std::string& id, const std::string& subject = "Your order # is confirmed") {
  auto text = "From: shop@example.org\r\nTo: customer-c@example.org\r\nSubject: " + subject +
              "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
  return text.replace(text.find('#'), 1, id);
}
const std::string no_charge = ".\r\n\r\nNothing is charged.\r\n";

void replace(std::string& text, std::string_view part, std::string_view with) {
  text.replace(text.find(part), part.size(), with);
}

/// An input, and the results that are right for it: order 1 was confirmed, 2 cancelled, 3 declined, 4 never paid, and
/// goods came back.
struct Right {
  Expected expected;
  Results results;

  Right() {
    const std::string line = "1,mug,MUG,2,2010-12-01T08:26:00Z,1.50,c,UK";
    const auto add = [&](const std::string& id, std::uint64_t number, const std::string& text) {
      expected.add({.order_id = id, .lines = {{.number = number, .text = text, .problem = {}}}});
    };
    expected.add({.order_id = "1",
                  .lines = {{.number = 2, .text = line, .problem = {}}, {.number = 3, .text = "1,x", .problem = {}}}});
    for (const std::string id : {"2", "3", "4"}) add(id, 3 + static_cast<std::uint64_t>(id[0] - '0'), line);
    add("C5", 9, "C5,mug,MUG,-1,2010-12-01T08:26:00Z,1.50,c,UK");
    expected.cancellations = {"1", "2"};
    results.analytics.revenue_minor["UK"]["2010-12-01"] = 150;
    results.analytics.sold["mug"] = 1;
    results.analytics.orders = 1;
    results.analytics.returns = 1;
    results.products = {{.id = "mug", .reserved = 2, .returned = 1}};
    results.reservations = {
        {"1", "reserved", R"({"mug":2})"}, {"2", "released", "{}"}, {"3", "released", "{}"}, {"4", "released", "{}"}};
    results.payments = {
        {"1", "charged", 300, 0}, {"2", "refunded", 300, 300}, {"3", "declined", 0, 0}, {"C5", "returned", 0, 150}};
    results.ledger = {{"1", "shop", 300},   {"1", "customer", -300}, {"2", "shop", 0},
                      {"2", "customer", 0}, {"C5", "shop", -150},    {"C5", "customer", 150}};
    const std::string lines = R"([{"product":"mug","description":"MUG","quantity":2,"price_minor":150}])";
    const std::string back = R"([{"product":"mug","description":"MUG","quantity":1,"price_minor":150}])";
    results.orders = {{"1", "c", "UK", "confirmed", "", lines, 300, 0},
                      {"2", "c", "UK", "failed", "cancelled", lines, 300, 0},
                      {"3", "c", "UK", "failed", "payment_declined", lines, 300, 0},
                      {"4", "c", "UK", "failed", "no_answer", lines, 300, 0},
                      {"C5", "c", "UK", "returned", "", back, 150, 0}};
    results.sagas = {{"1", "completed", ""}, {"2", "failed", "x"}, {"3", "failed", "x"}, {"4", "failed", "x"}};
    results.outboxes = {{.service = "orders"}, {.service = "inventory"}, {.service = "payments"}};
    results.are_repeats_dropped = true;
    results.mails["1.eml"] = head("1") + "Thank you. We send you:\r\n\r\n2 x MUG (mug) at 1.50\r\n\r\nTotal: 3.00\r\n";
    results.mails["2.eml"] =
        head("2", "Your order # is cancelled") + "As you wished: you have cancelled it" + no_charge;
    results.mails["3.eml"] =
        head("3", "We cannot send your order #") + "We are sorry: your payment was declined" + no_charge;
    results.mails["4.eml"] = head("4", "We cannot send your order #") +
                             "We are sorry: it could not be brought to its end in time" + no_charge;
    results.rejected = {{"1", 3}};
    results.rejected_cancellations = {"1"};
    results.ends = {{"1", {{.is_confirmed = true}}},
                    {"2", {{.reason = shop::FailureReason::cancelled}}},
                    {"3", {{.reason = shop::FailureReason::payment_declined}}},
                    {"4", {{.reason = shop::FailureReason::no_answer}}}};
    results.order_events = {{"1", {"shop.order-placed", "shop.order-confirmed", "shop.cancellation-requested"}},
                            {"2", {"shop.order-placed", "shop.cancellation-requested", "shop.order-failed"}},
                            {"3", {"shop.order-placed", "shop.order-failed"}},
                            {"4", {"shop.order-placed", "shop.order-failed"}},
                            {"C5", {"shop.order-returned"}}};
    results.stock_events = {{"1", {"shop.stock-reserved"}},
                            {"2", {"shop.stock-reserved", "shop.stock-released"}},
                            {"3", {"shop.stock-reserved", "shop.stock-released"}},
                            {"4", {"shop.stock-reserved", "shop.stock-released"}}};
    results.payment_events = {{"1", {"shop.payment-charged"}},
                              {"2", {"shop.payment-charged", "shop.payment-refunded"}},
                              {"3", {"shop.payment-declined"}},
                              {"4", {"shop.payment-refunded"}}};
    for (const auto& spec : specs)
      for (const auto& reading : spec.readings)
        results.groups.push_back({.topic = reading.topic,
                                  .group = group_of(spec.name, reading.handler),
                                  .partitions = {{.partition = {0}, .position = {3}, .end = {3}, .handled = 3}}});
  }

  /// Order 4 was refused by the inventory instead.
  void run_out_of_stock() {
    results.reservations[3] = {"4", "rejected", "{}"};
    results.stock_events["4"] = {"shop.stock-rejected"};
    results.ends["4"] = {{.reason = shop::FailureReason::out_of_stock}};
    results.orders[3].reason = "out_of_stock";
    results.mails["4.eml"] = head("4", "We cannot send your order #") +
                             "We are sorry: we do not have enough, of mug there are 1, not 2" + no_charge;
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
  using shop::FailureReason;
  const std::vector<Case> cases = {
      // Analytics.
      {"a penny of revenue", [](Results& r) { r.analytics.revenue_minor["UK"]["2010-12-01"] += 1; },
       "revenue in pence of UK on 2010-12-01: expected 150, got 151"},
      {"a day too many", [](Results& r) { r.analytics.revenue_minor["UK"]["2010-12-02"] = 1; }, "expected none, got 1"},
      {"a country too few", [](Results& r) { r.analytics.revenue_minor.clear(); }, "there is none"},
      {"sold", [](Results& r) { r.analytics.sold["mug"] = 4; }, "sold items of mug"},
      {"orders counted", [](Results& r) { r.analytics.orders += 7; }, "orders of analytics: expected 1, got 8"},
      {"returns counted", [](Results& r) { r.analytics.returns = 0; }, "returns of analytics: expected 1, got 0"},
      // Goods.
      {"reserved twice", [](Results& r) { r.products[0].reserved += 2; }, "reserved stock of mug: expected 2, got 4"},
      {"a product's row twice", [](Results& r) { r.products.push_back(r.products[0]); }, "expected 2, got 4"},
      {"a product's row lost", [](Results& r) { r.products.clear(); },
       "reserved stock of mug: expected 2, there is none"},
      {"not returned", [](Results& r) { r.products[0].returned = 0; }, "returned stock of mug"},
      {"returned twice", [](Results& r) { r.products[0].returned = 2; }, "returned stock of mug: expected 1, got 2"},
      {"a product that was not released", [](Results& r) { r.products.push_back({"cup", 1, 0}); },
       "reserved stock of cup: expected none, got 1"},
      {"goods held for a failed order", [](Results& r) { r.reservations[1] = {"2", "reserved", R"({"mug":2})"}; },
       "for order 2, which is not confirmed, goods are held"},
      {"goods left with a failed order", [](Results& r) { r.reservations[1].held = R"({"mug":1})"; },
       "for order 2, which is not confirmed, goods are held"},
      {"other goods held", [](Results& r) { r.reservations[0].held = R"({"mug":1})"; },
       "for order 1 other goods are held than it wants"},
      {"goods of a confirmed order released", [](Results& r) { r.reservations[0].outcome = "released"; },
       "the stock of order 1, confirmed, is released"},
      {"released without a word", [](Results& r) { r.stock_events["3"].pop_back(); }, "released without a word"},
      {"a reservation twice", [](Results& r) { r.reservations.push_back({"2", "released", "{}"}); },
       "order 2 has 2 reservations"},
      {"a reservation lost", [](Results& r) { r.reservations.pop_back(); }, "order 4 has 0 reservations"},
      {"a reservation of no order", [](Results& r) { r.reservations.push_back({"7", "reserved", "{}"}); },
       "a reservation of 7"},
      {"no outcome", [](Results& r) { r.stock_events.erase("2"); }, "order 2 has no outcome"},
      {"two outcomes", [](Results& r) { r.stock_events["1"].push_back("shop.stock-rejected"); }, "two outcomes"},
      {"refused for nothing",
       [](Results& r) {
         r.ends["4"] = {{.reason = FailureReason::out_of_stock}};
         r.orders[3].reason = "out_of_stock";
       },
       "order 4 is out of stock, and its stock released"},
      {"refused where there is enough", [](Results& r) { r.stock_events["4"] = {"shop.stock-rejected"}; },
       "though stock is unlimited"},
      // Money.
      {"confirmed without a charge", [](Results& r) { r.payments.erase(r.payments.begin()); },
       "payment in pence of 1: expected 300, there is none"},
      {"confirmed and declined", [](Results& r) { r.payments[0] = {"1", "declined", 0, 0}; },
       "order 1 is confirmed, and its payment declined"},
      {"charged twice", [](Results& r) { r.payments[0].charged_minor = 600; },
       "payment in pence of 1: expected 300, got 600"},
      {"a penny too few", [](Results& r) { r.payments[0].charged_minor = 299; }, "expected 300, got 299"},
      {"not paid back", [](Results& r) { r.payments[1] = {"2", "charged", 300, 0}; },
       "order 2 has failed, and its payment is charged"},
      {"paid back too much", [](Results& r) { r.payments[1].refunded_minor = 600; },
       "payment in pence of 2: expected none, got -300"},
      {"a return that is not paid", [](Results& r) { r.payments.pop_back(); }, "payment in pence of C5"},
      {"declined without a word", [](Results& r) { r.payment_events.erase("3"); },
       "the payment of order 3 was not declined, and it has failed for that"},
      {"a refund that the ledger does not have",
       [](Results& r) {
         r.ledger[2].amount_minor = 300;
         r.ledger[3].amount_minor = -300;
       },
       "ledger in pence of 2: expected none, got 300"},
      {"a charge that the ledger has twice",
       [](Results& r) {
         r.ledger[0].amount_minor = 600;
         r.ledger[1].amount_minor = -600;
       },
       "the ledger says that the shop has 4.50, and the orders that are confirmed, less what was returned, come to "
       "1.50"},
      {"an entry without the other", [](Results& r) { r.ledger.erase(r.ledger.begin() + 1); },
       "by what customers gave"},
      {"a return that the ledger does not have",
       [](Results& r) { r.ledger.erase(r.ledger.begin() + 4, r.ledger.end()); },
       "ledger in pence of C5: expected -150, there is none"},
      {"money of no order", [](Results& r) { r.ledger.push_back({"7", "shop", 5}); },
       "ledger in pence of 7: expected none, got 5"},
      // Orders and their ends.
      {"an order's row twice", [](Results& r) { r.orders.push_back(r.orders[1]); }, "order 2 stands in 2 rows"},
      {"an order's row lost", [](Results& r) { r.orders.erase(r.orders.begin() + 3); }, "order 4 stands in 0 rows"},
      {"a row of no order", [](Results& r) { r.orders.push_back({.id = "7"}); }, "a row of order 7 that nobody gave"},
      {"a row that was not settled", [](Results& r) { r.orders[0].status = "placed"; },
       "order 1 is placed, not confirmed"},
      {"a row of another reason", [](Results& r) { r.orders[1].reason = "no_answer"; },
       "order 2 is failed no_answer, not failed cancelled"},
      {"another total", [](Results& r) { r.orders[1].total_minor = 600; }, "order 2 says 6.00, not 3.00"},
      {"another customer", [](Results& r) { r.orders[1].customer_id = "d"; }, "of another customer"},
      {"another country", [](Results& r) { r.orders[1].country = "FR"; }, "or another country"},
      {"other lines", [](Results& r) { replace(r.orders[1].lines, "mug", "cup"); }, "order 2 has other lines"},
      {"lines that are none", [](Results& r) { r.orders[1].lines = "["; }, "order 2 has other lines"},
      {"no end", [](Results& r) { r.ends.erase("4"); }, "order 4 has 0 ends"},
      {"two ends", [](Results& r) { r.ends["4"].push_back({.is_confirmed = true}); }, "order 4 has 2 ends"},
      {"an end of no order", [](Results& r) { r.ends["7"] = {{.is_confirmed = true}}; }, "an end of order 7"},
      {"a checkout that runs", [](Results& r) { r.sagas[1].status = "running"; },
       "the checkout of order 2 is running, not failed"},
      {"a checkout that is stuck", [](Results& r) { r.sagas[1] = {"2", "stuck", "no answer"}; },
       "the checkout of order 2 is stuck, not failed: no answer"},
      {"a checkout of another end", [](Results& r) { r.sagas[0].status = "failed"; }, "is failed, not completed"},
      {"a checkout lost", [](Results& r) { r.sagas.pop_back(); }, "order 4 has 0 checkouts"},
      {"a checkout of no order", [](Results& r) { r.sagas.push_back({"7", "over", ""}); }, "a checkout of order 7"},
      // Cancellations.
      {"cancelled by nobody",
       [](Results& r) {
         r.ends["4"] = {{.reason = FailureReason::cancelled}};
         r.orders[3].reason = "cancelled";
       },
       "order 4 was cancelled, which nobody asked for"},
      {"a cancellation without an answer", [](Results& r) { r.rejected_cancellations.clear(); },
       "the cancellation of order 1 was neither done nor rejected"},
      {"a cancellation with two", [](Results& r) { r.rejected_cancellations.insert("2"); },
       "the cancellation of order 2 was both done and rejected"},
      {"a cancellation that hangs", [](Results& r) { r.orders[0].cancelling = 1; },
       "nothing has come of the cancellation of order 1"},
      {"an answer to nobody", [](Results& r) { r.rejected_cancellations.insert("3"); },
       "a cancellation of order 3 was rejected, which nobody asked for"},
      {"cancelled before it was placed", [](Results& r) { std::swap(r.order_events["2"][0], r.order_events["2"][1]); },
       "before it was placed"},
      // Outboxes and repeats.
      {"events unpublished", [](Results& r) { r.outboxes[1].waiting = 3; }, "outbox of inventory 3 events wait"},
      {"keys parked", [](Results& r) { r.outboxes[0].parked_keys = 1; }, "outbox of orders 1 keys are parked"},
      {"an event published twice", [](Results& r) { r.repeats = 1; }, "1 events stand twice"},
      {"an effect told twice", [](Results& r) { r.doubles = {"shop.order-placed of 2"}; },
       "shop.order-placed of 2 stands twice, under two ids"},
      // Mails.
      {"a mail too few", [](Results& r) { r.mails.erase("2.eml"); }, "order 2 has no mail"},
      {"a mail too many", [](Results& r) { r.mails["7.eml"] = ""; }, "there is a mail 7.eml of no order"},
      {"a wrong mail", [](Results& r) { replace(r.mails["1.eml"], "3.00", "3.01"); },
       "the mail of order 1 does not say 3.00"},
      {"a mail to somebody else", [](Results& r) { replace(r.mails["2.eml"], "customer-c", "customer-d"); },
       "the mail of order 2 is to another, or of another subject"},
      {"a mail of another end", [](Results& r) { r.mails["3.eml"] = head("3"); }, "of another subject"},
      {"a mail of another reason", [](Results& r) { replace(r.mails["3.eml"], "your payment was", "it is"); },
       "the mail of order 3 does not say why"},
      {"a mail of other lines", [](Results& r) { replace(r.mails["1.eml"], "2 x MUG", "1 x MUG"); },
       "the mail of order 1 does not have the order's lines"},
      {"an empty mail", [](Results& r) { r.mails["2.eml"].clear(); }, "the mail of order 2 is"},
      // Topics and groups.
      {"a rejected line lost", [](Results& r) { r.rejected.clear(); }, "line 3 of 1 should stand"},
      {"a good line rejected", [](Results& r) { r.rejected.emplace("2", 4); }, "should not stand"},
      {"an order lost", [](Results& r) { r.order_events.erase("2"); }, "order 2 was not placed"},
      {"a return lost", [](Results& r) { r.order_events.erase("C5"); }, "return C5 was not taken"},
      {"an order invented", [](Results& r) { r.order_events["7"] = {"shop.order-placed"}; },
       "an order 7 that nobody gave"},
      {"reordered", [](Results& r) { std::swap(r.order_events["3"][0], r.order_events["3"][1]); },
       "wrong order in orders"},
      {"reordered stock", [](Results& r) { std::swap(r.stock_events["2"][0], r.stock_events["2"][1]); },
       "wrong order in stock"},
      {"reordered payments", [](Results& r) { std::swap(r.payment_events["2"][0], r.payment_events["2"][1]); },
       "wrong order in payments"},
      {"a group behind", [](Results& r) { r.groups[1].partitions[0].position = {2}; }, "stands at 2 of 3"},
      {"an event not handled", [](Results& r) { r.groups[1].partitions[0].handled = 2; }, "2 were handled"},
      {"an event handled twice", [](Results& r) { r.groups[1].partitions[0].handled = 4; }, "4 were handled"},
      {"an event passed over",
       [](Results& r) {
         r.groups[1].partitions[0].handled = 2;
         r.groups[1].partitions[0].skipped = 1;
       },
       "2 were handled, 1 passed over"},
      {"parked", [](Results& r) { r.groups[2].partitions[0].parked = 1; }, "1 parked"},
      {"a group gone", [](Results& r) { r.groups.pop_back(); }, "10 groups of the services, not 11"},
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

TEST(Compare, LimitedStockIsConserved) {
  Right right;
  right.run_out_of_stock();
  EXPECT_EQ(compare(right.expected, right.results, 2), std::vector<std::string>{});
  EXPECT_FALSE(compare(right.expected, right.results, std::nullopt).empty()) << "unlimited stock rejects nobody";
  const auto overdrawn = compare(right.expected, right.results, 0);
  EXPECT_EQ(overdrawn, std::vector<std::string>{"of mug there are -1: more was reserved than there was"});
}

TEST(Compare, WhatIsFreeHasNoPayment) {
  Expected free;
  free.add(
      {.order_id = "1", .lines = {{.number = 2, .text = "1,mug,MUG,2,2010-12-01T08:26:00Z,0,c,UK", .problem = {}}}});
  Results results;
  results.ends = {{"1", {{.is_confirmed = true}}}};
  results.analytics.revenue_minor["UK"]["2010-12-01"] = 0;
  results.analytics.sold["mug"] = 2;
  results.analytics.orders = 1;
  Differences differences;
  compare_money(free, results, differences);
  EXPECT_EQ(differences.take(), std::vector<std::string>{});
}

}  // namespace
}  // namespace tidings::cli
