#include "service/unfinished.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tidings::service {
namespace {

Delivery delivery_of(std::string_view id, std::string_view key, int lost) {
  Delivery delivery;
  delivery.envelope.id = id;
  delivery.envelope.key = key;
  delivery.envelope.payload = "secret";
  delivery.lost = lost;
  delivery.attempt = lost + 1;
  return delivery;
}

TEST(Unfinished, NamesWhatWasBegunAndItsAttempt) {
  const std::vector one{delivery_of("0", "a", 0), delivery_of("1\n", "b", 2)};
  EXPECT_EQ(unfinished_text("orders", one),
            "an event of orders was begun and not ended, since the process died or "
            "was ended: 1\\x0A (key 'b', attempt 2)");
  EXPECT_EQ(unfinished_text("orders", std::span(one).first(1)), "");
  const std::vector two{delivery_of("0", "a", 1), delivery_of("1", "", 3)};
  EXPECT_EQ(unfinished_text("orders", two),
            "2 events of orders were begun and not ended, since the process died or "
            "was ended: 0 (key 'a', attempt 1), 1 (key '', attempt 3)");
}

TEST(Unfinished, ABatchIsOneLine) {
  const std::vector many(500, delivery_of("0", "a", 1));
  const auto text = unfinished_text("orders", many);
  EXPECT_NE(text.find("500 events"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with(", attempt 1) and 492 more")) << text;
  EXPECT_LT(text.size(), 1000U);
}

}  // namespace
}  // namespace tidings::service
