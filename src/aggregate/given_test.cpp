#include "tidings/aggregate/given.hpp"

#include <gtest/gtest-spi.h>

#include <sstream>

#include "aggregate/testing.hpp"

namespace tidings {
namespace {

using shop::LineAdded;
using shop::Order;
using shop::OrderCancelled;
using shop::OrderPlaced;

auto placed(std::int64_t total = 0) {
  return OrderPlaced{{"7"}, total};
}

TEST(Given, EventsThenADeedThenEvents) {
  EXPECT_TRUE(given<Order>(placed())
                  .when([](Order& order) { return order.cancel("late"); })
                  .then(OrderCancelled{{"7"}, "late"}));
  EXPECT_TRUE(given<Order>(placed(), OrderCancelled{{"7"}, "late"})
                  .when([](Order& order) { return order.cancel("again"); })
                  .then_fails("cancelled"));
  EXPECT_TRUE(given<Order>().when([] { return Order::place({"7"}, 3); }).then(placed(3)));
  EXPECT_TRUE(given<Order>().when([]() -> Result<Order> { return Error{"too_late", "it is"}; }).then_fails("too_late"));
  EXPECT_TRUE(given<Order>(placed()).when([](Order&) {}).then());
  EXPECT_TRUE(given<Order>(placed())
                  .when([](Order& order) -> Result<int> {
                    (void)order.add("mug", 1);
                    (void)order.add("cup", 2);
                    return 2;
                  })
                  .then(LineAdded{{"7"}, "mug", 1}, LineAdded{{"7"}, "cup", 2}));
  EXPECT_TRUE(given_state<Order>({.id = {"7"}, .status = shop::Status::cancelled})
                  .when([](Order& order) { return order.add("mug"); })
                  .then_fails("cancelled"));
  const auto done = given<Order>(placed(4)).when([](Order& order) { return order.add("mug", 3); });
  EXPECT_EQ(done.state().total, 7);
  EXPECT_TRUE(done.result());
}

std::string why_not(const Verdict& verdict) {
  EXPECT_FALSE(verdict);
  std::ostringstream text;
  text << verdict;
  EXPECT_EQ(text.str(), verdict.message());
  return verdict.message();
}

TEST(Given, WhatDiffersIsShownMemberByMember) {
  const auto done = given<Order>(placed()).when([](Order& order) {
    order.add("a \"quoted\", {mug}", 1).or_throw();
    return order.cancel("early");
  });
  EXPECT_EQ(why_not(done.then(LineAdded{{"7"}, "a \"quoted\", {mug}", 1}, OrderCancelled{{"7"}, "late"})),
            R"(what was raised (+) is not what was to be (-):
  shop.line-added {
    "order_id": "7",
    "item": "a \"quoted\", {mug}",
    "price": 1
  }
  shop.order-cancelled {
    "order_id": "7",
-   "reason": "late"
+   "reason": "early"
  }
)");
  EXPECT_NE(why_not(done.then(OrderCancelled{{"7"}, "early"})).find("+ shop.line-added {"), std::string::npos);
  EXPECT_NE(why_not(done.then()).find("nothing was to be raised"), std::string::npos);
  EXPECT_NE(why_not(done.then_fails("cancelled")).find("and raised:"), std::string::npos);
  const auto twice = given<Order>(placed()).when([](Order& order) {
    order.cancel("a").or_throw();
    return order.cancel("b");
  });
  EXPECT_NE(why_not(twice.then_fails("cancelled")).find("raised all the same"), std::string::npos);
  EXPECT_NE(why_not(twice.then_fails("shipped")).find("was with cancelled: it is cancelled already"),
            std::string::npos);
  EXPECT_EQ(why_not(twice.then(OrderCancelled{{"7"}, "a"})), "it was refused: cancelled: it is cancelled already");
  const auto nothing = given<Order>(placed()).when([](Order&) {});
  EXPECT_NE(why_not(nothing.then(OrderCancelled{{"7"}, "a"})).find("nothing was raised"), std::string::npos);
  EXPECT_EQ(why_not(nothing.then_fails("x")), "it was to be refused with x, and succeeded");
}

TEST(Given, OrderMattersAndSoDoesTheKind) {
  const auto done = given<Order>(placed()).when([](Order& order) {
    order.add("a", 1).or_throw();
    return order.add("b", 1);
  });
  EXPECT_FALSE(done.then(LineAdded{{"7"}, "b", 1}, LineAdded{{"7"}, "a", 1}));
  EXPECT_TRUE(done.then(LineAdded{{"7"}, "a", 1}, LineAdded{{"7"}, "b", 1}));
}

TEST(Given, AKeyThatIsNotTheIdIsSeen) {
  const auto done = given<Order>(placed()).when([](Order& order) {
    order.say({{"8"}, 1});
    order.say({{"7"}, 1});
  });
  EXPECT_NE(why_not(done.then(OrderPlaced{{"8"}, 1}, placed(1))).find("the key '8'"), std::string::npos);
}

TEST(Given, GoogleTestSaysWhyNot) {
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(given<Order>(placed())
                                          .when([](Order& order) { return order.cancel("early"); })
                                          .then(OrderCancelled{{"7"}, "late"})),
                          "+   \"reason\": \"early\"");
}

}  // namespace
}  // namespace tidings
