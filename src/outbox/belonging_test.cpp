#include <algorithm>

#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

class BelongingTest : public OutboxTest {};
INSTANTIATE_TEST_SUITE_P(Stores, BelongingTest, ::testing::ValuesIn(store_kinds()));

TEST_P(BelongingTest, AnOutboxBelongsToOneNamespace) {
  Relay::start(*store_, *broker_, {.tables = tables_, .name_space = "here"}).or_throw();
  const auto other = Relay::start(*store_, *broker_, {.tables = tables_, .name_space = "there"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "other_namespace");
  EXPECT_EQ(other.error().retry, Retry::never);
  EXPECT_NE(other.error().message.find("'here'"), std::string::npos) << other.error().message;
  EXPECT_EQ(Relay::start(*store_, *broker_, {.tables = tables_}).error().code, "other_namespace");
  EXPECT_TRUE(Relay::start(*store_, *broker_, {.tables = tables_, .name_space = "here"}));
}

TEST_P(BelongingTest, RelaysToTwoPlacesAreNotAtWorkAtOnce) {
  const auto options = [&](const std::string& place) {
    return RelayOptions{.tables = tables_, .place = place, .lease = 500ms, .log = &log_};
  };
  const auto state = [](const Relay& relay) {
    const auto status = relay.status();
    return status.trouble ? status.trouble->code : std::to_string(status.parts.size()) + " parts";
  };
  auto first = Relay::start(*store_, *broker_, options("log:/a")).or_throw();
  EXPECT_TRUE(eventually([&] { return state(*first) == "64 parts"; }));
  auto second = Relay::start(*store_, *broker_, options("nats")).or_throw();
  EXPECT_TRUE(eventually([&] { return state(*second) == "other_broker"; }));
  EXPECT_EQ(state(*first), "64 parts");
  first.reset();
  EXPECT_TRUE(eventually([&] { return state(*second) == "64 parts"; }));
}

TEST_P(BelongingTest, OfRelaysThatCameAtOnceOneGoesOn) {
  std::vector<std::unique_ptr<Relay>> relays;
  for (const auto* const place : {"kafka", "nats", "log:/a"})
    relays.push_back(
        Relay::start(*store_, *broker_, {.tables = tables_, .place = place, .lease = 500ms, .log = &log_}).or_throw());
  const auto at_work = [&] {
    return std::ranges::count_if(relays, [](const auto& relay) { return relay->status().parts.size() == 64; });
  };
  EXPECT_TRUE(eventually([&] { return at_work() == 1; }));
}

}  // namespace
}  // namespace tidings::outbox
