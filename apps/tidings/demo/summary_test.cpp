#include "demo/summary.hpp"

#include <gtest/gtest.h>

#include "demo/results.hpp"

namespace tidings::cli {
namespace {

Summary summary() {
  Results results;
  for (int number = 0; number < 1'234; ++number) results.orders.push_back({.status = "failed"});
  for (int number = 0; number < 5; ++number) results.orders.push_back({.status = "returned"});
  const auto end = [&](int first, int last, End how) {
    for (int number = first; number < last; ++number) results.ends[std::to_string(number)] = {how};
  };
  end(0, 1'200, {.is_confirmed = true});
  end(1'200, 1'220, {.reason = shop::FailureReason::payment_declined});
  end(1'220, 1'224, {.reason = shop::FailureReason::cancelled});
  end(1'224, 1'231, {.reason = shop::FailureReason::out_of_stock});
  end(1'231, 1'234, {.reason = shop::FailureReason::no_answer});
  results.rejected_cancellations = {"1", "2", "3"};
  results.payments = {{"1", "charged", 150'00, 0}, {"2", "refunded", 20'00, 20'00}};
  results.analytics.revenue_minor["United Kingdom"]["2010-12-01"] = 123'456'78;
  results.analytics.revenue_minor["United Kingdom"]["2010-12-02"] = 22;
  results.analytics.revenue_minor["\x1b[31mFrance"]["2010-12-01"] = -1'50;
  results.analytics.sold = {{"mug", 7}, {"clock", 9}};
  results.rejected = {{"1", 3}, {"1", 4}};
  results.mails["1.eml"] = "";
  results.repeats = 3;
  Summary made{.orders_fed = 1'300,
               .lines_fed = 10'000,
               .seconds = 12.34,
               .cancellations = 7,
               .killed = "analytics",
               .lag_at_restart = 700};
  made.caught_up_seconds = 0.456;
  made.services = {{"orders", 1'300, 2'048}, {"analytics", 1'234, 3'584}};
  summarize(results, made);
  return made;
}

TEST(Summary, AsText) {
  EXPECT_EQ(
      to_text(summary(), 110),
      "\n"
      "  fed             1,300 orders of 10,000 lines, through in 12.3 s\n"
      "  orders          1,234 placed, 5 returned, 61 without a line that could be taken\n"
      "  checkouts       1,200 confirmed; 7 out of stock, 20 with a declined payment, 3 without an answer in time, 4\n"
      "                  cancelled\n"
      "  cancellations   7 asked for, 3 of them too late or for nothing\n"
      "  bad lines       2 lines, parked in the topic orders.rejected, each with its reason\n"
      "  payments        £170.00 charged, £20.00 paid back\n"
      "  notifications   1 mail\n"
      "  analytics       £123,455.50 revenue: United Kingdom £123,457.00, \\x1B[31mFrance -£1.50\n"
      "  best sellers    clock (9), mug (7)\n"
      "  killed          analytics: 700 events behind when it came back, caught up in 0.46 s; 3 events came twice and\n"
      "                  counted once\n"
      "  memory          orders 2.0 MiB, analytics 3.5 MiB\n"
      "\n");
}

TEST(Summary, SaysHowOftenWhoWasKilled) {
  auto made = summary();
  made.killed.clear();
  made.published_twice = 0;
  made.kills = 1'007;
  made.services[0].kills = 1'000;
  made.services[1].kills = 7;
  EXPECT_NE(to_text(made, 110).find("  killed          1,007 times: orders 1,000, analytics 7\n"), std::string::npos);
  EXPECT_NE(to_json(made).find(R"("kills":1007)"), std::string::npos);
}

TEST(Summary, SaysWhatWasCheckedAndWhatDiffers) {
  auto made = summary();
  made.checked = true;
  EXPECT_NE(to_text(made, 110).find("  check           every order has one end"), std::string::npos);
  made.differences = {"order 2 has no mail"};
  EXPECT_NE(to_text(made, 110).find("  DIFFERENCE      order 2 has no mail\n"), std::string::npos);
  EXPECT_EQ(to_text(made, 110).find("every order has"), std::string::npos);
}

TEST(Summary, AsJson) {
  const auto json = to_json(summary());
  EXPECT_EQ(json.back(), '\n');
  for (const auto* part :
       {R"("orders_fed":1300)", R"("revenue_minor":12345550)", R"("payment_declined":20)", R"("confirmed":1200)",
        R"("killed":"analytics")", R"("best_sellers":[{"product":"clock","sold":9})"})
    EXPECT_NE(json.find(part), std::string::npos) << part << "\n" << json;
}

}  // namespace
}  // namespace tidings::cli
