#include <array>
#include <barrier>
#include <thread>

#include "brokers/nats/api.hpp"
#include "brokers/nats/names.hpp"
#include "brokers/nats/testing.hpp"

namespace tidings::brokers::nats {
namespace {

using namespace std::chrono_literals;

class TopicsTest : public NatsTest {
 protected:
  /// How many servers keep the bucket; none where there is none.
  std::optional<std::int64_t> replicas_of_bucket() {
    auto link = Link::open(*parse_url(at()), log);
    if (!link) throw std::runtime_error(to_string(link.error()));
    const auto info = Api(*link).stream_info(std::string(bucket_stream), steady_now() + answer_within);
    if (info) return info->config.num_replicas;
    EXPECT_TRUE(is_jetstream(info.error(), stream_not_found)) << to_string(info.error());
    return std::nullopt;
  }
};

TEST_F(TopicsTest, AskingMakesNothing) {
  const auto broker = open();
  EXPECT_TRUE(broker->topics()->empty());
  EXPECT_EQ(broker->topic("orders").error().code, "unknown_topic");
  EXPECT_EQ(broker->groups("orders").error().code, "unknown_topic");
  EXPECT_EQ(broker->seek("orders", "group", Start::latest()).error().code, "unknown_topic");
  EXPECT_EQ(broker->delete_group("orders", "group").error().code, "unknown_topic");
  EXPECT_EQ(broker->set_retention("orders", {}).error().code, "unknown_topic");
  EXPECT_EQ(broker->subscribe("orders", {.group = "group", .create_topic = false}).error().code, "unknown_topic");
  EXPECT_FALSE(replicas_of_bucket());
  auto asking = options();
  asking.must_exist = true;
  const auto asker = open_broker(at(), asking);
  ASSERT_TRUE(asker) << to_string(asker.error());
  EXPECT_EQ((*asker)->create_topic("orders", {}).error().code, "unknown_topic");
  EXPECT_FALSE(replicas_of_bucket());
  ASSERT_TRUE(broker->create_topic("orders", {}));
  EXPECT_EQ(replicas_of_bucket(), 1);
  EXPECT_TRUE((*asker)->create_topic("more", {})) << "there is a bucket now";
  EXPECT_EQ((*asker)->topics()->size(), 2U);
}

TEST_F(TopicsTest, ABucketThatFewerServersKeepThanTheUrlSaysIsWarnedOf) {
  const auto early = open("?replicas=3");
  ASSERT_TRUE(open()->create_topic("orders", {}));
  EXPECT_EQ(log.text().find("Raise the replicas"), std::string::npos) << log.text();
  (void)early->create_topic("more", {});  // which finds the bucket of the other
  EXPECT_NE(log.text().find("is kept by 1 server, as whoever"), std::string::npos) << log.text();
  const auto before = log.text().size();
  const auto late = open("?replicas=3");
  EXPECT_NE(log.text().find("Raise the replicas of stream KV_tidings", before), std::string::npos) << log.text();
}

/// The first programs over a new server begin at the same moment: nats-server 2.9.10 falls then, or refuses, unless it
/// is asked with care (`Api::is_made`, `Api::create_stream`).
TEST_F(TopicsTest, TheFirstProgramsOfANewServerMayBeginAtOnce) {
  for (int round = 0; round < 20; ++round) {
    if (round > 0) start({});
    std::vector<std::unique_ptr<Broker>> brokers;
    for (int number = 0; number < 4; ++number) brokers.push_back(open());
    std::barrier begin(4);
    std::vector<std::string> problems(4);
    {
      std::vector<std::jthread> threads;
      for (std::size_t number = 0; number < 4; ++number)
        threads.emplace_back([&, number] {
          const auto one = event(std::to_string(number));
          begin.arrive_and_wait();
          auto published = brokers[number]->publish("orders", std::array{one.view()}, {.wait_max = 10s});
          if (!published) problems[number] = to_string(published.error());
        });
    }
    for (const auto& problem : problems) ASSERT_EQ(problem, "") << "round " << round;
  }
}

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
