#include "demo/input.hpp"

#include <gtest/gtest.h>

#include <set>

#include "demo/expected.hpp"

namespace tidings::cli {
namespace {

const std::string header = "invoice_no,stock_code,description,quantity,invoice_time,unit_price,customer_id,country\n";
std::string line(const std::string& invoice, const std::string& rest = "a,d,2,2010-12-01T08:26:00Z,1.5,c,UK") {
  return invoice + "," + rest + "\n";
}

Input parse(const std::string& text) {
  return parse_orders(text, "orders.csv").or_throw();
}

TEST(ParseOrders, GroupsLinesByInvoiceInTheirOrder) {
  const auto input = parse(header + line("1") + line("2") + line("1"));
  ASSERT_EQ(input.submissions.size(), 2U);
  EXPECT_EQ(input.submissions[0].order_id, "1");
  ASSERT_EQ(input.submissions[0].lines.size(), 2U);
  EXPECT_EQ(input.submissions[0].lines[1].number, 4U);
  EXPECT_EQ(input.lines, 3U);
}

TEST(ParseOrders, TakesEveryDirtAlong) {
  const auto input = parse("\xef\xbb\xbf" + header.substr(0, header.size() - 1) + "\r\n" + "\n" +
                           line("1", "\"a\nb\",d,2,2010-12-01T08:26:00Z,1.5,c,UK") + "2,x\n" + ",no,invoice\n" +
                           "3,\"open,d,2\n" + line("4") + "5,\xff,d,1,2010-12-01T08:26:00Z,1,c,UK\n" + "6," +
                           std::string(10 << 20, 'x') + "\n   \n7,no end");
  std::set<std::string> ids;
  for (const auto& one : input.submissions) ids.insert(one.order_id);
  EXPECT_EQ(ids, (std::set<std::string>{"1", "2", "line-6", "line-7", "4", "line-9", "line-10", "7"}));
  EXPECT_EQ(input.lines, 8U);
  EXPECT_EQ(input.submissions[0].lines[0].text.find("\"a\nb\""), 2U);  // a line end within quotes
  Expected expected;
  for (const auto& one : input.submissions) {
    expected.add(one);
    for (const auto& submitted : one.lines) EXPECT_LT(submitted.text.size(), 70'000U);
  }
  EXPECT_EQ(expected.placed.size(), 2U);  // 1 and 4
  EXPECT_EQ(expected.rejected.size(), 6U);
}

TEST(ParseOrders, AnInvoiceThatIsTooLargeForAnEventIsRejectedByLine) {
  std::string text = header;
  for (int i = 0; i < 200; ++i) text += line("1", std::string(60'000, 'x') + ",d,2,2010-12-01T08:26:00Z,1.5,c,UK");
  const auto input = parse(text);
  std::size_t problems = 0;
  for (const auto& one : input.submissions)
    for (const auto& submitted : one.lines) problems += submitted.problem.empty() ? 0 : 1;
  EXPECT_GT(problems, 0U);
  EXPECT_EQ(input.lines, 200U);
}

TEST(ParseOrders, RefusesWhatIsNoSuchFile) {
  EXPECT_EQ(parse_orders("", "f").error().code, "invalid_orders");
  EXPECT_EQ(parse_orders("a,b\n1,2\n", "f").error().code, "invalid_orders");
  EXPECT_EQ(read_orders("/nowhere/orders.csv").error().code, "not_found");
  EXPECT_EQ(parse(header).submissions.size(), 0U);
}

TEST(MakeOrders, TheSameForTheSameSeed) {
  const auto a = make_orders(300, 5), b = make_orders(300, 5), c = make_orders(300, 6);
  ASSERT_EQ(a.submissions.size(), 300U);
  std::size_t returned = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    ASSERT_EQ(a.submissions[i].lines[0].text, b.submissions[i].lines[0].text);
    returned += a.submissions[i].order_id.starts_with('C') ? 1U : 0U;
  }
  EXPECT_GT(returned, 5U);
  Expected expected;
  for (const auto& one : a.submissions) expected.add(one);
  EXPECT_EQ(expected.returned.size(), returned) << "each has lines that can be taken";
  EXPECT_NE(a.submissions[0].lines[0].text, c.submissions[0].lines[0].text);
}

TEST(Expected, CountsByTheRulesOfTheData) {
  Expected expected;
  for (const auto& one :
       parse(header + line("1") + line("1", "a,d,3,2010-12-02T00:00:00Z,0,,UK") +
             line("C9", "a,d,-1,2010-12-01T09:00:00Z,1.50,c,UK") + line("2", "a,d,-4,2010-12-01T08:26:00Z,1.5,c,UK"))
           .submissions)
    expected.add(one);
  ASSERT_EQ(expected.placed.size(), 1U);
  const auto& placed = expected.placed.at("1");
  EXPECT_EQ(placed.total_minor, 300);
  EXPECT_EQ(placed.day, "2010-12-01") << "the first line's";
  EXPECT_EQ(placed.wanted.at("a"), 2 + 3);
  EXPECT_EQ(expected.returned.at("C9").total_minor, 150);
  EXPECT_EQ(expected.returned.at("C9").wanted.at("a"), 1);
  EXPECT_EQ(expected.rejected.size(), 1U);
}

TEST(Expected, HasTheLimitsOfTheShop) {
  const auto placed = [](const std::string& quantity, const std::string& price) {
    Expected expected;
    const auto rest = "a,d," + quantity + ",2010-12-01T08:26:00Z," + price + ",c,UK";
    for (const auto& one : parse(header + line("1", rest)).submissions) expected.add(one);
    return expected.placed.empty() ? -1 : expected.placed["1"].total_minor;
  };
  EXPECT_EQ(placed("1", "0000000000.50"), 50);
  EXPECT_EQ(placed("1", "1000000000.00"), 100'000'000'000);
  EXPECT_EQ(placed("1", "1000000000.01"), -1);
  EXPECT_EQ(placed("10", "100000000"), 100'000'000'000);
  EXPECT_EQ(placed("9999999999", "999999999.99"), -1);
  EXPECT_EQ(placed("9999999999", "0"), 0);
  Expected expected;
  for (const auto& one :
       parse(header + line("1", "a,d,10,2010-12-01T08:26:00Z,99999999.99,c,UK") +
             line("1", "a,d,1,2010-12-01T08:26:00Z,0.11,c,UK") + line("1", "a,d,1,2010-12-01T08:26:00Z,0.10,c,UK"))
           .submissions)
    expected.add(one);
  EXPECT_EQ(expected.placed["1"].total_minor, 100'000'000'000);
  EXPECT_EQ(expected.rejected, (std::set<std::pair<std::string, std::uint64_t>>{{"1", 3}}));
}

TEST(RoundMark, MakesNoTwoOrdersOfOneNumber) {
  const auto mark = [](std::initializer_list<const char*> ids) {
    std::vector<Submission> submissions;
    for (const auto* const id : ids) submissions.push_back({.order_id = id, .lines = {}});
    return round_mark(submissions);
  };
  EXPECT_EQ(mark({"1", "A", "A-", "A-2x", "-"}), "-");
  EXPECT_EQ(mark({"A", "A-2"}), "--");
  EXPECT_EQ(mark({"A", "A--13", "B-2"}), "---");
}

}  // namespace
}  // namespace tidings::cli
