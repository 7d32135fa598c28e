// What a topic keeps, and what becomes of the groups that are behind it.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "brokers/log/testing.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;

/// As many segments as it takes, of 1 MiB, 2, 4.
void fill(Broker& broker, const std::string& topic, std::uint64_t mebibytes) {
  for (std::uint64_t i = 0; i < mebibytes * 2; ++i)
    ASSERT_TRUE(try_publish(broker, topic, std::to_string(i), std::size_t{512} << 10));
}

std::uint64_t earliest_of(Broker& broker, const std::string& topic) {
  return broker.topic(topic).or_throw().partitions.front().earliest.value;
}

TEST_F(LogBroker, AGroupThatIsLeftBehindLosesWithAReport) {
  auto broker = open();
  ASSERT_TRUE(broker->create_topic("orders", {.durability = Durability::memory}));
  fill(*broker, "orders", 8);
  auto early = broker->subscribe("orders", {.group = "early"}).or_throw();
  const auto got = early->fetch(1, 1s).or_throw();
  ASSERT_EQ(got.size(), 1U);
  auto reader = broker->subscribe("orders", {.group = ""}).or_throw();
  ASSERT_EQ(reader->fetch(1, 1s).or_throw().size(), 1U);
  ASSERT_TRUE(open()->set_retention("orders", {.bytes = 1}));  // another handle, as another process
  EXPECT_EQ(broker->topic("orders").or_throw().retention.bytes, 1U);
  const auto earliest = earliest_of(*broker, "orders");
  ASSERT_GT(earliest, 2U);
  for (auto* const consumer : {early.get(), reader.get()}) {
    std::set<std::uint64_t> offsets;
    while (!offsets.contains(15))
      for (const auto& delivery : consumer->fetch(100, 1s).or_throw()) {
        offsets.insert(delivery.id.offset.value);
        ASSERT_TRUE(consumer->settle({&delivery.id, 1}));
      }
    EXPECT_TRUE(offsets.contains(earliest));
    EXPECT_LT(offsets.size(), 15U) << "what went is not there";
  }
  ASSERT_TRUE(early->settle({&got.front().id, 1}));
  const auto info = broker->groups("orders").or_throw().front().partitions.front();
  EXPECT_EQ(info.position.value, 16U);
  EXPECT_EQ(info.handled + info.skipped, 16U);
  EXPECT_GT(info.skipped, 0U);
  EXPECT_NE(sink.lines.find("group early stood at offset"), std::string::npos) << sink.lines;
  EXPECT_NE(sink.lines.find("removed by retention"), std::string::npos);
}

TEST_F(LogBroker, RetentionMayWaitForGroups) {
  auto broker = open();
  ASSERT_TRUE(broker->create_topic(
      "orders", {.durability = Durability::memory, .retention = Retention{.bytes = 1, .waits_for_groups = true}}));
  auto consumer = broker->subscribe("orders", {.group = "slow"}).or_throw();
  fill(*broker, "orders", 8);
  EXPECT_EQ(earliest_of(*broker, "orders"), 0U);
  const auto got = consumer->fetch(16, 1s).or_throw();
  std::vector<DeliveryId> ids;
  for (const auto& delivery : got) ids.push_back(delivery.id);
  ASSERT_EQ(ids.size(), 16U);
  ASSERT_TRUE(consumer->settle(ids));
  fill(*broker, "orders", 16);  // a roll looks again, in the background
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (earliest_of(*broker, "orders") == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_GT(earliest_of(*broker, "orders"), 0U);
  EXPECT_LE(earliest_of(*broker, "orders"), 16U);
}

TEST_F(LogBroker, ARetentionThatCannotBeIsRefused) {
  auto broker = open();
  ASSERT_TRUE(broker->create_topic("orders", {.retention = Retention{.age = 60s}}));
  EXPECT_TRUE(broker->create_topic("orders", {}));
  EXPECT_TRUE(broker->create_topic("orders", {.retention = Retention{.age = 60s}}));
  EXPECT_EQ(broker->create_topic("orders", {.retention = Retention{.age = 61s}}).error().code, "topic_exists_with");
  EXPECT_EQ(broker->set_retention("orders", {.age = 1ms}).error().code, "invalid_options");
  EXPECT_EQ(broker->set_retention("orders", {.age = -1s}).error().code, "invalid_options");
  EXPECT_EQ(broker->set_retention("other", {}).error().code, "unknown_topic");
  ASSERT_TRUE(broker->set_retention("orders", {}));
  EXPECT_TRUE(broker->topic("orders").or_throw().retention.is_for_ever());
  EXPECT_TRUE(std::filesystem::exists(folder + "/orders/topic.meta"));
  EXPECT_TRUE(open()->topic("orders"));
}

}  // namespace
}  // namespace tidings::brokers
