#include "till.hpp"

#include <gtest/gtest.h>

#include "state.hpp"

namespace shop {
namespace {

TEST(Csv, QuotesAndCommas) {
  EXPECT_EQ(csv_fields("a,\"b,c\",\"say \"\"hi\"\"\",").value(),
            (std::vector<std::string>{"a", "b,c", "say \"hi\"", ""}));
  EXPECT_EQ(csv_fields("").value(), std::vector<std::string>{""});
  EXPECT_EQ(csv_fields(",").value().size(), 2U);
  EXPECT_EQ(csv_fields("\"a\nb\"").value(), std::vector<std::string>{"a\nb"});
  for (const auto* bad : {"\"a", "\"a\"b", "a\"b", "\"a\"\"", "x,\"y"}) EXPECT_FALSE(csv_fields(bad)) << bad;
}

TEST(Money, ExactToThePenny) {
  EXPECT_EQ(parse_money("2.55"), 255);
  EXPECT_EQ(parse_money("0"), 0);
  EXPECT_EQ(parse_money("27.5"), 2750);
  EXPECT_EQ(parse_money("569.77"), 56977);
  for (const auto* bad :
       {"", ".", "1.", ".5", "1.234", "-1", "1e3", "1,5", "x", "99999999999999999", "1000000000.01", "1000000001"})
    EXPECT_FALSE(parse_money(bad)) << bad;
  EXPECT_EQ(parse_money("1000000000.00"), amount_max_minor);
  EXPECT_EQ(parse_money("0000000000.50"), 50);
  EXPECT_EQ(money(-5), "-0.05");
  EXPECT_EQ(money(123456), "1234.56");
}

TEST(TillLine, ReadsAGoodOne) {
  const auto line =
      read_till_line("536365,85123A,\"HOLDER, WHITE\",6,2010-12-01T08:26:00Z,2.55,,United Kingdom\r").or_throw();
  EXPECT_EQ(line.invoice, "536365");
  EXPECT_EQ(line.line.description, "HOLDER, WHITE");
  EXPECT_EQ(line.line.quantity, 6);
  EXPECT_EQ(line.line.price_minor, 255);
  EXPECT_EQ(line.customer, "");
  EXPECT_EQ(line.country, "United Kingdom");
}

TEST(TillLine, SaysWhatIsWrong) {
  const auto why = [](std::string_view text) {
    auto line = read_till_line(text);
    return line ? std::string("fine") : line.error().message;
  };
  EXPECT_EQ(why("1,2,3"), "it has 3 fields, not 8");
  EXPECT_EQ(why("1,a,d,x,2010-12-01T08:26:00Z,1,c,UK"), "its quantity 'x' is no whole number");
  EXPECT_EQ(why("1,a,d,1.5,2010-12-01T08:26:00Z,1,c,UK"), "its quantity '1.5' is no whole number");
  EXPECT_EQ(why("1,a,d,1,yesterday,1,c,UK"), "its time 'yesterday' is none");
  EXPECT_EQ(why("1,a,d,1,2010-12-01T08:26:00Z,-1,c,UK"),
            "its price '-1' is no amount of pounds and pence up to 1000000000.00");
  EXPECT_EQ(why(",a,d,1,2010-12-01T08:26:00Z,1,c,UK"), "it has no invoice number");
  EXPECT_EQ(why("1,,d,1,2010-12-01T08:26:00Z,1,c,UK"), "it has no stock code");
  EXPECT_EQ(why("1,a,\"d,1,2010-12-01T08:26:00Z,1,c,UK"), "its quotes do not match");
}

TEST(Recent, ForgetsTheOldestOnly) {
  Recent recent;
  for (std::size_t i = 0; i < Recent::size_max + 5; ++i) recent.add(std::to_string(i), "x");
  EXPECT_EQ(recent.find("4"), nullptr);
  ASSERT_NE(recent.find("5"), nullptr);
  const auto entries = recent.entries();
  EXPECT_EQ(entries.front().name, "5");
  Recent again{entries};
  again.add("new", "y");
  EXPECT_EQ(again.find("5"), nullptr);
  EXPECT_NE(again.find("6"), nullptr);
}

}  // namespace
}  // namespace shop
