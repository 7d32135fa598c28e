#include <thread>

#include "brokers/nats/testing.hpp"

namespace tidings::brokers::nats {
namespace {

using namespace std::chrono_literals;

class TopicsTest : public NatsTest {};

TEST_F(TopicsTest, AreMadeOnceWhoeverMakesThem) {
  const auto one = open();
  const auto other = open();
  TopicOptions options{.partitions = 3, .durability = Durability::durable, .event_bytes_max = 5000, .retention = {}};
  {
    const std::jthread at_once([&] { EXPECT_TRUE(other->create_topic("orders.eu", options)); });
    EXPECT_TRUE(one->create_topic("orders.eu", options));
  }
  EXPECT_TRUE(one->create_topic("orders.eu", {}));
  options.partitions = 4;
  EXPECT_EQ(other->create_topic("orders.eu", options).error().code, "topic_exists_with");
  options.partitions = 3;
  options.event_bytes_max = 6000;
  EXPECT_EQ(other->create_topic("orders.eu", options).error().code, "topic_exists_with");
  const auto info = other->topic("orders.eu");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->partitions.size(), 3U);
  EXPECT_EQ(info->event_bytes_max, 5000U);
  EXPECT_EQ(info->durability, Durability::durable);
}

TEST_F(TopicsTest, HaveFourPartitionsWhereNobodySaysHowMany) {
  auto broker = open_broker(at(), {.log = &log});
  ASSERT_TRUE(broker);
  ASSERT_TRUE((*broker)->create_topic("orders", {}));
  EXPECT_EQ((*broker)->topic("orders")->partitions.size(), 4U);
}

TEST_F(TopicsTest, WhatRetentionRemovesIsSkippedByItsGroups) {
  const auto broker = open();
  TopicOptions options{.partitions = 1, .durability = {}, .retention = Retention{.bytes = 0, .age = 1s}};
  ASSERT_TRUE(broker->create_topic("orders", options));
  ASSERT_TRUE(join(*broker, "orders")->close(1s));
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b")}));
  for (int round = 0; round < 200 && broker->topic("orders")->partitions[0].earliest.value < 2; ++round)
    std::this_thread::sleep_for(50ms);
  EXPECT_EQ(broker->topic("orders")->partitions[0].earliest.value, 2U);
  EXPECT_EQ(broker->groups("orders")->at(0).lost(), 2U);
  ASSERT_TRUE(broker->set_retention("orders", Retention{}));
  EXPECT_TRUE(broker->topic("orders")->retention.is_for_ever());
  ASSERT_TRUE(publish(*broker, "orders", {event("c")}));
  const auto group = join(*broker, "orders");
  const auto got = take(*group, 1);
  EXPECT_EQ(got.at(0).id.offset, Offset{2});
  ASSERT_TRUE(group->settle(ids_of(got)));
  const auto place = broker->groups("orders")->at(0).partitions.at(0);
  EXPECT_EQ(place.position, Offset{3});
  EXPECT_EQ(place.skipped, 2U);
  EXPECT_EQ(place.handled, 1U);
  EXPECT_EQ(broker->set_retention("orders", {.bytes = 1, .waits_for_groups = true}).error().code, "unsupported");
}

}  // namespace
}  // namespace tidings::brokers::nats
