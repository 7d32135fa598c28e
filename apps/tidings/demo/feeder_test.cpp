#include "demo/feeder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tidings/brokers/open.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

class FeederTest : public testing::Test {
 protected:
  FeederTest() { broker->create_topic("submissions", {.partitions = 1}).or_throw(); }
  /// What was submitted, as `order 700000`, `cancel 700000`.
  std::vector<std::string> submitted() {
    std::vector<std::string> all;
    auto reader = broker->subscribe("submissions", {.create_topic = false}).or_throw();
    while (true) {
      auto got = reader->fetch(1000, 1ms).or_throw();
      if (got.empty()) return all;
      for (const auto& one : got)
        all.push_back((one.envelope.type == "shop.order-submitted" ? "order " : "cancel ") +
                      std::string(one.envelope.key));
    }
  }

  std::unique_ptr<Broker> broker = open_broker("memory:").or_throw();
};

TEST_F(FeederTest, EveryCancellationComesBehindItsOrderAndNoneIsLeft) {
  const auto input = make_orders(400, 3);
  Feeder feeder(input, 2, {.rate = 0.3, .seed = 3});
  Expected expected;
  while (feeder.fed() < feeder.total())
    feeder.feed(*broker, "submissions", std::min<std::uint64_t>(7, feeder.total() - feeder.fed()), &expected)
        .or_throw();
  const auto all = submitted();
  std::set<std::string> orders, cancelled;
  std::size_t at_once = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto id = all[i].substr(all[i].find(' ') + 1);
    if (all[i].starts_with("order ")) {
      EXPECT_TRUE(orders.insert(id).second) << all[i];
      continue;
    }
    EXPECT_TRUE(orders.contains(id)) << all[i] << " comes before its order";
    EXPECT_FALSE(id.starts_with('C')) << "a return is not cancelled";
    EXPECT_TRUE(cancelled.insert(id).second) << all[i] << " comes twice";
    at_once += all[i - 1] == "order " + id ? 1U : 0U;
  }
  EXPECT_EQ(orders.size(), 800U);
  EXPECT_EQ(cancelled, expected.cancellations);
  EXPECT_EQ(cancelled.size(), feeder.cancellations());
  EXPECT_NEAR(static_cast<double>(cancelled.size()), 0.3 * static_cast<double>(expected.placed.size()), 50);
  EXPECT_GT(at_once, cancelled.size() / 4);
  EXPECT_LT(at_once, cancelled.size() * 3 / 4);
}

TEST_F(FeederTest, WhoCancelsIsDrawnFromTheSeed) {
  const auto chosen = [](double rate, std::uint64_t seed) {
    std::vector<int> ids;
    for (int id = 0; id < 1'000; ++id)
      if (Cancelling{.rate = rate, .seed = seed}.comes_behind(std::to_string(id))) ids.push_back(id);
    return ids;
  };
  EXPECT_EQ(chosen(0.1, 1), chosen(0.1, 1));
  EXPECT_NE(chosen(0.1, 1), chosen(0.1, 2));
  EXPECT_EQ(chosen(0, 1).size(), 0U);
  EXPECT_EQ(chosen(1, 1).size(), 1'000U);
  EXPECT_TRUE(std::ranges::includes(chosen(0.2, 1), chosen(0.1, 1))) << "a higher rate adds some";
}

}  // namespace
}  // namespace tidings::cli
