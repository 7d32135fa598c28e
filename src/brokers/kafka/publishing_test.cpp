// What a publish says where something goes wrong.
#include <algorithm>
#include <thread>

#include "brokers/kafka/testing.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;

/// Goes on where the test ends, however it ends.
struct Stopped {
  Stopped() { SharedKafka::get().server().stop(); }
  ~Stopped() { SharedKafka::get().server().resume(); }
};

TEST_F(KafkaTest, AProducerThatLibrdkafkaGivesUpIsFollowedByAnother) {
  auto broker = open();
  publish(*broker, "t", {"0"});
  fail_producer_for_tests(*broker);
  std::vector<std::string> wanted{"0"};
  for (const auto* const id : {"1", "2", "3"}) {
    auto published = try_publish(*broker, "t", {id});
    for (int tries = 0; !published && tries < 10; ++tries) {
      EXPECT_EQ(published.error().retry, Retry::same_call) << to_string(published.error());
      published = try_publish(*broker, "t", {id});  // the same ids again
    }
    ASSERT_TRUE(published) << to_string(published.error());
    wanted.push_back(id);
  }
  auto reader = broker->subscribe("t", {}).or_throw();
  EXPECT_EQ(ids_of(take(*reader, 4)), wanted);
  EXPECT_NE(sink.all().find("the producer is given up, and another begun"), std::string::npos) << sink.all();
}

/// What is on its way when the producer is given up is told; nothing waits for ever.
TEST_F(KafkaTest, WhatIsOnItsWayIsToldWhenTheProducerIsGivenUp) {
  auto broker = open();
  publish(*broker, "t", {"0"});
  std::vector<std::string> told;
  {
    auto publisher = broker->publisher("t", {.window = 100}).or_throw();
    const Stopped stopped;
    for (const auto& id : numbers(0, 50)) {
      const EnvelopeView event{.id = id, .type = "t", .payload = ""};
      publisher
          ->publish(
              {&event, 1},
              [&](Result<std::vector<Published>> places) { told.push_back(places ? "written" : places.error().code); })
          .or_throw();
    }
    std::this_thread::sleep_for(200ms);  // so that some are on their way
    fail_producer_for_tests(*broker);
    publisher->flush(20s).or_throw();
  }
  ASSERT_EQ(told.size(), 50U);
  // Some had gone to the server by then.
  EXPECT_NE(std::ranges::find(told, "outcome_unknown"), told.end()) << told.front() << " " << told.back();
  for (const auto& what : told) EXPECT_TRUE(what == "outcome_unknown" || what == "unreachable") << what;
}

/// One in the middle is refused by the server; those around it stand in their order.
TEST_F(KafkaTest, OrderIsKeptWhenAMiddleOneFails) {
  auto broker = open();
  broker->create_topic("t", {.partitions = 1, .event_bytes_max = 4'000'000}).or_throw();
  publish(*broker, "t", {"first"});
  // Smaller than this handle knows.
  auto admin = open();
  {
    const auto client = other(RD_KAFKA_PRODUCER);
    const Queue queue(rd_kafka_queue_new(client.get()));
    auto* resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, (prefix + "t").c_str());
    rd_kafka_ConfigResource_set_config(resource, "max.message.bytes", "600000");
    rd_kafka_AlterConfigs(client.get(), &resource, 1, nullptr, queue.get());
    const Event event(rd_kafka_queue_poll(queue.get(), 10'000));
    ASSERT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_ConfigResource_destroy(resource);
  }
  const std::string large(2'000'000, 'x');
  std::vector<std::string> told;
  {
    auto publisher = broker->publisher("t", {.window = 100}).or_throw();
    for (const auto& id : numbers(0, 40)) {
      const EnvelopeView event{.id = id,
                               .type = "t",
                               .key = "k",
                               .payload = id == "20" ? std::string_view(large) : std::string_view("small")};
      publisher
          ->publish({&event, 1},
                    [&, id](Result<std::vector<Published>> places) {
                      told.push_back(id + (places ? "" : places.error().code));
                    })
          .or_throw();
    }
    publisher->flush(60s).or_throw();
  }
  auto wanted = numbers(0, 40);
  wanted[20] += "too_large";
  EXPECT_EQ(told, wanted);
  wanted.erase(wanted.begin() + 20);
  wanted.insert(wanted.begin(), "first");
  auto reader = broker->subscribe("t", {}).or_throw();
  EXPECT_EQ(ids_of(take(*reader, 40)), wanted);
}

/// Payloads stand in memory that is used again, and only once the server has them.
TEST_F(KafkaTest, EachEventKeepsItsOwnPayload) {
  auto broker = open();
  const auto payload_of = [](int number) {
    return std::string(static_cast<std::size_t>(number * 37 % 3'000), static_cast<char>('a' + number % 26));
  };
  constexpr int events = 4'000;
  {
    auto publisher = broker->publisher("t", {.window = 500}).or_throw();
    for (int number = 0; number < events; ++number) {
      const auto id = std::to_string(number);
      const auto payload = payload_of(number);
      const EnvelopeView event{.id = id, .type = "t", .payload = payload};
      publisher->publish({&event, 1}, [](const auto& places) { EXPECT_TRUE(places); }).or_throw();
    }
    publisher->flush(60s).or_throw();
  }
  auto reader = broker->subscribe("t", {}).or_throw();
  const auto came = take(*reader, events);
  ASSERT_EQ(came.size(), std::size_t{events});
  for (int number = 0; number < events; ++number) {
    EXPECT_EQ(came[static_cast<std::size_t>(number)].envelope.id, std::to_string(number));
    ASSERT_EQ(came[static_cast<std::size_t>(number)].envelope.payload, payload_of(number));
  }
}

TEST_F(KafkaTest, AFullBufferIsBackpressure) {
  auto broker = open(1, "&buffer=64KiB");
  publish(*broker, "t", {"0"});
  const std::string payload(20'000, 'x');
  const EnvelopeView event{.id = "1", .type = "t", .payload = payload};
  const Stopped stopped;
  int unknown = 0;
  for (int tries = 0; tries < 10; ++tries) {
    const auto begin = std::chrono::steady_clock::now();
    const auto published = broker->publish("t", {&event, 1}, {.wait_max = 100ms});
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().retry, Retry::same_call);
    if (published.error().code == "backpressure") {
      EXPECT_EQ(unknown, 3);
      return;
    }
    EXPECT_EQ(published.error().code, "outcome_unknown");
    ++unknown;
  }
  FAIL() << "no back-pressure";
}

TEST_F(KafkaTest, NobodyThereIsToldInTimeAndNothingIsWritten) {
  BrokerOptions options;
  options.log = &sink;
  auto broker = open_kafka("kafka://127.0.0.1:" + std::to_string(tidings::testing::free_port()), options).or_throw();
  const auto begin = std::chrono::steady_clock::now();
  const auto published = try_publish(*broker, "t", {"0"}, "", {.wait_max = 500ms});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, "unreachable");
  EXPECT_EQ(published.error().retry, Retry::same_call);
  EXPECT_NE(published.error().message.find("Connection refused"), std::string::npos) << published.error().message;
  broker->close(0ms).or_throw();
}

/// The server makes topics by itself where a client asks for one that is not there; ours do not.
TEST_F(KafkaTest, ATopicThatWasDeletedIsNotMadeAgainByAsking) {
  auto broker = open(3);
  auto second = open();
  publish(*broker, "t", {"0", "1"});
  EXPECT_EQ(broker->topic("t").or_throw().partitions.size(), 3U);
  auto reader = broker->subscribe("t", {}).or_throw();
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_EQ(take(*member, 2).size(), 2U);
  EXPECT_EQ(second->delete_topic("t").error().code, "busy");
  member->close(0ms).or_throw();
  second->delete_topic("t").or_throw();
  EXPECT_EQ(second->topic("t").error().code, "unknown_topic");
  EXPECT_EQ(second->topics().or_throw().size(), 0U);
  EXPECT_EQ(broker->topic("t").error().code, "unknown_topic");
  EXPECT_EQ(broker->groups("t").error().code, "unknown_topic");
  EXPECT_EQ(broker->subscribe("t", {.group = "g", .create_topic = false}).error().code, "unknown_topic");
  (void)reader->fetch(10, 200ms).has_value();
  EXPECT_EQ(second->topics().or_throw().size(), 0U);
  EXPECT_EQ(second->delete_topic("t").error().code, "unknown_topic");
  // And it begins anew, its groups too.
  publish(*second, "t", {"2"});
  EXPECT_EQ(second->topic("t").or_throw().partitions.size(), 1U);
  auto again = second->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_EQ(ids_of(take(*again, 1)), std::vector<std::string>{"2"});
  publish(*broker, "t", {"3"});  // which knew the old one
  EXPECT_EQ(ids_of(take(*again, 1)), std::vector<std::string>{"3"});
}

/// 2.0.2 never ends the client of such a reader.
TEST_F(KafkaTest, AReaderWhoseTopicWasMadeAnewWithFewerPartitionsEndsAllTheSame) {
  auto broker = open(3);
  auto second = open(1);
  publish(*broker, "t", {"0"});
  auto reader = broker->subscribe("t", {}).or_throw();
  EXPECT_EQ(take(*reader, 1).size(), 1U);
  second->delete_topic("t").or_throw();
  publish(*second, "t", {"1"});
  (void)reader->fetch(10, 2s).has_value();
  const auto begin = std::chrono::steady_clock::now();
  reader.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
}

TEST_F(KafkaTest, LargeEventsGoWholeAndBeyondTheLimitNotAtAll) {
  auto broker = open();
  constexpr std::size_t bytes_max = std::size_t{8} << 20;
  broker->create_topic("t", {.partitions = 1, .event_bytes_max = bytes_max}).or_throw();
  std::string payload(bytes_max - 2, 'x');
  EnvelopeView event{.id = "0", .type = "t", .payload = payload};
  broker->publish("t", {&event, 1}).or_throw();
  payload += "x";
  event.payload = payload;
  EXPECT_EQ(broker->publish("t", {&event, 1}).error().code, "too_large");
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  const auto got = take(*member, 1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].envelope.payload.size(), bytes_max - 2);
}

TEST_F(KafkaTest, WhatItCannotDoIsUnsupported) {
  auto broker = open();
  publish(*broker, "t", {"0"});
  EXPECT_EQ(try_publish(*broker, "t", {"1"}, "", {.wait_for = Durability::durable}).error().code, "unsupported");
  EXPECT_EQ(try_publish(*broker, "t", {"1"}, "", {.producer = Producer{.id = 1}}).error().code, "unsupported");
  EXPECT_EQ(broker->create_topic("u", {.retention = Retention{.age = 1h, .waits_for_groups = true}}).error().code,
            "unsupported");
  broker->create_topic("d", {.partitions = 1, .durability = Durability::durable}).or_throw();
  EXPECT_TRUE(try_publish(*broker, "d", {"1"}, "", {.wait_for = Durability::durable}));
}

TEST_F(KafkaTest, ATopicIsComparedWhenItIsMadeAgain) {
  auto broker = open();
  const TopicOptions options{
      .partitions = 2, .durability = Durability::interval, .event_bytes_max = 5000, .retention = Retention{.age = 1h}};
  broker->create_topic("t", options).or_throw();
  for (auto* again : {broker.get(), open().release()}) {
    again->create_topic("t", options).or_throw();
    again->create_topic("t", {}).or_throw();
    EXPECT_EQ(again->create_topic("t", {.partitions = 3}).error().code, "topic_exists_with");
    EXPECT_EQ(again->create_topic("t", {.durability = Durability::durable}).error().code, "topic_exists_with");
    EXPECT_EQ(again->create_topic("t", {.event_bytes_max = 5001}).error().code, "topic_exists_with");
    EXPECT_EQ(again->create_topic("t", {.retention = Retention{.age = 2h}}).error().code, "topic_exists_with");
    if (again != broker.get()) delete again;
  }
  broker->set_retention("t", {.bytes = 1 << 20}).or_throw();
  // A server tells what was set a moment later.
  EXPECT_TRUE(comes_true([&] { return broker->topic("t").or_throw().retention == Retention{.bytes = 1 << 20}; }));
  const auto info = broker->topic("t").or_throw();
  EXPECT_EQ(info.durability, Durability::interval);
  EXPECT_EQ(info.event_bytes_max, 5000U);
}

}  // namespace
}  // namespace tidings::brokers::kafka
