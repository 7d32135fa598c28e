#include "dashboard/collector.hpp"

#include <gtest/gtest.h>

#include "dashboard/flow.hpp"
#include "dashboard/watching.hpp"
#include "describe/json_tree.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

class CollectorTest : public ::testing::Test {
 protected:
  /// A look a second later, of what `seen` says.
  std::shared_ptr<const Picture> look(Duration later = 1s) {
    clock.advance(later);
    seen.at = clock.steady_now();
    seen.now = clock.now();
    collector.take(seen);
    return collector.picture();
  }
  TopicInfo& topic(const std::string& name) {
    seen.topics.push_back(
        {.name = name, .partitions = {{.partition = Partition{0}, .earliest = {}, .end = {}}}, .error = {}});
    return seen.topics.back();
  }
  GroupInfo& group(const std::string& name, const std::string& on) {
    seen.groups.push_back(
        {.topic = on,
         .group = name,
         .partitions = {{.partition = Partition{0}, .position = {}, .end = {}, .owned = true, .earliest = {}}},
         .error = {}});
    return seen.groups.back();
  }
  JsonTree overview(std::size_t window = 0) {
    return parse_json_tree(overview_json(*collector.picture(), collector, window, clock.now())).value();
  }

  Common common;
  ManualClock clock;
  Observation seen;
  Collector collector{common};
};

TEST_F(CollectorTest, RatesAreOfTheLastFiveSeconds) {
  topic("orders");
  group("shop.take", "orders");
  for (int second = 0; second < 10; ++second) {
    seen.topics[0].partitions[0].end.value += second < 5 ? 1000 : 100;
    auto& part = seen.groups[0].partitions[0];
    part.end.value += second < 5 ? 1000 : 100;
    part.position.value += 100;
    part.handled += 100;
    look();
  }
  const auto picture = collector.picture();
  EXPECT_NEAR(picture->published, 100, 1);
  EXPECT_NEAR(picture->handled, 100, 1);
  EXPECT_EQ(picture->lag, 4500U);
  EXPECT_NEAR(picture->topics[0].rate, 100, 1);
  const auto told = overview();
  EXPECT_EQ(told.find("lag")->scalar, "4500");
  EXPECT_EQ(told.find("groups")->items[0].find("status")->scalar, "behind");
  EXPECT_EQ(told.find("services")->items[0].find("service")->scalar, "shop");
}

TEST_F(CollectorTest, ATopicThatWasMadeAnewHasNoRateBelowNothing) {
  topic("orders").partitions[0].end = Offset{1000};
  look();
  seen.topics[0].partitions[0].end = Offset{10};
  EXPECT_EQ(look()->published, 0);
}

TEST_F(CollectorTest, DeadLettersAndTidingsOwnTopicsAreNoTraffic) {
  topic("shop.take.dead-letters");
  topic("tidings.control");
  look();
  seen.topics[0].partitions[0].end = Offset{100};
  seen.topics[1].partitions[0].end = Offset{100};
  const auto picture = look();
  EXPECT_EQ(picture->published, 0);
  EXPECT_TRUE(picture->topics.empty());
}

TEST_F(CollectorTest, AServiceIsAsItsWorstGroup) {
  topic("orders");
  topic("stock");
  group("shop.take", "orders");
  group("shop.count", "stock").partitions[0] = {
      .partition = Partition{0}, .position = {}, .end = Offset{3}, .owned = false, .earliest = {}};
  const auto picture = look();
  ASSERT_EQ(picture->services.size(), 1U);
  EXPECT_EQ(picture->services[0].doing, Doing::down);
  EXPECT_EQ(picture->services[0].reason, "count on stock: nobody holds its partitions, and 3 events wait");
  EXPECT_EQ(picture->services[0].handlers, 2U);
  EXPECT_EQ(picture->services[0].lag, 3U);
}

TEST_F(CollectorTest, WhatIsPausedSaysSo) {
  topic("orders");
  group("shop.take", "orders").partitions[0].end = Offset{1};
  group("shop.count", "orders").partitions[0].end = Offset{1};
  group("shopping.take", "orders").partitions[0].end = Offset{1};
  collector.set_paused({{.target = "shop", .paused = true, .since = clock.now()},
                        {.target = "shop/count", .paused = false, .since = clock.now()}});
  const auto picture = look();
  EXPECT_EQ(picture->groups[0].judgement.doing, Doing::stalled);
  EXPECT_NE(picture->groups[0].judgement.reason.find("paused by request since"), std::string::npos);
  EXPECT_EQ(picture->groups[1].judgement.doing, Doing::ok) << "it goes on though its service is paused";
  EXPECT_EQ(picture->groups[2].judgement.doing, Doing::ok) << "another service";
}

TEST_F(CollectorTest, OpenLettersAreTheGroups) {
  topic("orders");
  group("shop.take", "orders");
  collector.set_open_letters({{"shop.take", 4}, {"gone.group", 2}});
  const auto picture = look();
  EXPECT_EQ(picture->groups[0].open_letters, 4U);
  EXPECT_EQ(picture->open_letters, 6U);
}

TEST_F(CollectorTest, AGroupHasTenMinutesOfItsPartitions) {
  topic("orders");
  group("shop.take", "orders");
  for (int second = 0; second < 1000; ++second) {
    seen.groups[0].partitions[0].end.value = static_cast<std::uint64_t>(second);
    look();
  }
  const auto history = collector.history("shop.take", "orders");
  ASSERT_TRUE(history);
  EXPECT_EQ(history->times.size(), 120U);
  EXPECT_TRUE(std::ranges::is_sorted(history->times));
  ASSERT_EQ(history->lag.size(), 1U);
  EXPECT_EQ(history->lag[0].back(), 999);
  EXPECT_TRUE(std::ranges::is_sorted(history->lag[0]));
  EXPECT_FALSE(collector.history("shop.none", "orders"));
  seen.groups.clear();
  look();
  EXPECT_FALSE(collector.history("shop.take", "orders")) << "it has gone";
}

TEST_F(CollectorTest, ABrokerThatDoesNotAnswerIsTold) {
  topic("orders");
  look();
  collector.take_problem({"unreachable", "the server is away"}, clock.now());
  EXPECT_EQ(collector.picture()->topics.size(), 1U) << "what was seen last stays";
  EXPECT_EQ(overview().find("damaged")->items[0].find("message")->scalar, "unreachable: the server is away");
  look();
  EXPECT_TRUE(overview().find("damaged")->items.empty());
}

TEST_F(CollectorTest, TheFlowTellsWhoPublishesWhatAndWhoHandlesIt) {
  topic("orders");
  group("shop.take", "orders");
  group("mail.send", "orders");
  look();
  seen.topics[0].partitions[0].end = Offset{100};
  look();
  Sources sources;
  for (int i = 0; i < 30; ++i)
    sources.learn("orders", i % 3 == 0 ? "web" : "shop", i % 2 == 0 ? "placed" : "cancelled");
  sources.learn("gone", "web", "placed");
  const auto flow = parse_json_tree(flow_json(*collector.picture(), sources)).value();
  ASSERT_EQ(flow.find("publishes")->items.size(), 2U);
  const auto& shop = flow.find("publishes")->items[0];
  EXPECT_EQ(shop.find("service")->scalar, "shop");
  EXPECT_EQ(shop.find("types")->items.size(), 2U);
  EXPECT_NEAR(std::stod(shop.find("rate")->scalar), 66.7, 0.1);
  EXPECT_EQ(flow.find("services")->items.size(), 3U);
  EXPECT_EQ(flow.find("consumes")->items.size(), 2U);
}

TEST_F(CollectorTest, TheFlowIsUtf8WhateverSourcesAndTypesAre) {
  topic("orders");
  look();
  Sources sources;
  sources.learn("orders", "sh\xffop", "shop.\xc3order");
  const auto json = flow_json(*collector.picture(), sources);
  EXPECT_TRUE(is_utf8(json)) << printable(json);
  EXPECT_TRUE(json.contains("\"service\":\"sh\uFFFDop\"")) << printable(json);
  EXPECT_TRUE(json.contains("[\"shop.\uFFFDorder\"]")) << printable(json);
}

TEST(Watching, ADearLookIsMadeSeldom) {
  EXPECT_EQ(pause_after(1ms), 999ms);
  EXPECT_EQ(pause_after(200ms), 800ms);
  EXPECT_EQ(pause_after(500ms), 2s) << "a fifth of the time";
}

}  // namespace
}  // namespace tidings::cli
