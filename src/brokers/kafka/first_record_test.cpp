// What becomes of records on their way to a partition that does not know their producer, on librdkafka's mock of a
// cluster: like Kafka's servers it takes any number from such a producer.
#include <gtest/gtest.h>

#include "brokers/kafka/producer.hpp"

// Wants rdkafka.h before it.
#include <librdkafka/rdkafka_mock.h>

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;

constexpr int many = 50;                 // goes in several requests
constexpr std::int16_t produce_api = 0;  // its number in Kafka's protocol

struct Silent final : LogSink {
  void write(LogLevel, std::string_view) override {}
};

struct EndsMock {
  void operator()(rd_kafka_mock_cluster_t* cluster) const { rd_kafka_mock_cluster_destroy(cluster); }
};

void expect_offsets(const std::vector<Result<std::vector<Published>>>& answers, std::uint64_t first) {
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_EQ(answer->front().offset, Offset{first++});
  }
}

class KafkaFirstRecord : public ::testing::Test {
 protected:
  void SetUp() override {
    rd_kafka_mock_topic_create(mock.get(), "t", 1, 1);
    rd_kafka_mock_broker_set_rtt(mock.get(), -1, 50);  // so that one request follows before the other is answered
    url = parse_url(std::string("kafka://") + rd_kafka_mock_cluster_bootstraps(mock.get())).or_throw();
    client = ProducerClient::open(url, std::make_shared<LogRelay>(sink, url)).or_throw();
    // Connected, and with an id, so that nothing gathers.
    rd_kafka_mock_topic_create(mock.get(), "other", 1, 1);
    use("other");
    expect_offsets(publish(1), 0);
    use("t");
  }
  void use(const std::string& name) { topic = client->topic(name, std::chrono::steady_clock::now() + 5s).or_throw(); }

  /// Each event by itself; the answers in their order.
  std::vector<Result<std::vector<Published>>> publish(int count) {
    std::vector<std::shared_ptr<Pending>> sent;
    const SteadyTime until = std::chrono::steady_clock::now() + 20s;
    for (int number = 0; number < count; ++number) {
      const EnvelopeView event{.id = "e", .type = "t", .payload = "p"};
      const auto routing = route({&event, 1}, {}, 1, 1'000, 0).or_throw();
      client->reserve(size_bytes(event) + 512, until).or_throw();
      sent.push_back(std::make_shared<Pending>(routing.places));
      client->send(*topic, routing, &event, sent.back(), until);
    }
    std::vector<Result<std::vector<Published>>> answers;
    for (const auto& pending : sent) answers.push_back(pending->wait(until, "publishing", relay));
    return answers;
  }
  /// The server refuses the next one.
  void refuse_one(rd_kafka_resp_err_t code) { rd_kafka_mock_push_request_errors(mock.get(), produce_api, 1, code); }

  Silent sink;
  Client owner{rd_kafka_new(RD_KAFKA_PRODUCER, nullptr, nullptr, 0), {std::make_shared<Opaque>()}};
  std::unique_ptr<rd_kafka_mock_cluster_t, EndsMock> mock{rd_kafka_mock_cluster_new(owner.get(), 1)};
  Url url;
  LogRelay relay{sink, url};
  std::shared_ptr<ProducerClient> client;
  std::shared_ptr<ProducedTopic> topic;
};

/// As on a topic that was made a moment ago, whose leader has not heard of it yet.
TEST_F(KafkaFirstRecord, GoesAloneSoThatNoOtherOvertakesIt) {
  for (const auto* const name : {"t", "u", "v"}) {
    rd_kafka_mock_topic_create(mock.get(), name, 1, 1);
    use(name);
    refuse_one(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    expect_offsets(publish(many), 0);
  }
}

/// librdkafka may have become another producer.
TEST_F(KafkaFirstRecord, GoesAloneAgainAfterAFailure) {
  expect_offsets(publish(1), 0);
  for (std::uint64_t round = 0; round < 3; ++round) {
    refuse_one(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    ASSERT_FALSE(publish(1).front());
    refuse_one(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    expect_offsets(publish(many), 1 + round * many);
  }
}

/// The others of a call whose first one does not come through are refused, and nothing of it is there.
TEST_F(KafkaFirstRecord, IsFollowedByNothingWhereItIsRefused) {
  const std::vector<EnvelopeView> events(3, EnvelopeView{.id = "e", .type = "t", .payload = "p"});
  const auto routing = route(events, {}, 1, 1'000, 0).or_throw();
  const SteadyTime until = std::chrono::steady_clock::now() + 20s;
  const std::uint64_t room = 3 * (size_bytes(events.front()) + 512);
  client->reserve(room, until).or_throw();
  refuse_one(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  const auto pending = std::make_shared<Pending>(routing.places);
  client->send(*topic, routing, events.data(), pending, until);
  const auto answer = pending->wait(until, "publishing", relay);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "too_large") << to_string(answer.error());
  EXPECT_EQ(answer.error().message.find("outcome"), std::string::npos);
  expect_offsets(publish(1), 0);
  EXPECT_TRUE(client->reserve(std::uint64_t{1} << 62, std::chrono::steady_clock::now() + 5s))
      << "room was not given back";
}

/// librdkafka says so of what it takes for written, since the server took what came after it.
TEST(KafkaPending, WhatHasNoPlaceIsNotAcknowledged) {
  const Url url;
  Silent sink;
  const LogRelay relay(sink, url);
  Pending pending(std::vector<Published>(2));
  EXPECT_FALSE(pending.report(0, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_MSG_STATUS_PERSISTED, -1));
  EXPECT_TRUE(pending.report(1, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_MSG_STATUS_PERSISTED, 7));
  const auto answer = pending.wait(std::chrono::steady_clock::now(), "publishing", relay);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "outcome_unknown");
  EXPECT_EQ(answer.error().retry, Retry::same_call);
}

}  // namespace
}  // namespace tidings::brokers::kafka
