// What retention takes away, and who had not read it.
#include <thread>

#include "brokers/kafka/testing.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;

class KafkaRetention : public KafkaTest {
 protected:
  /// The events before that offset are gone, as if retention had taken them.
  void remove_before(std::int64_t offset) {
    const auto client = other(RD_KAFKA_PRODUCER);
    const auto list = make_list(1);
    rd_kafka_topic_partition_list_add(list.get(), (prefix + "t").c_str(), 0)->offset = offset;
    auto* records = rd_kafka_DeleteRecords_new(list.get());
    const Queue queue(rd_kafka_queue_new(client.get()));
    rd_kafka_DeleteRecords(client.get(), &records, 1, nullptr, queue.get());
    const Event event(rd_kafka_queue_poll(queue.get(), 10'000));
    ASSERT_TRUE(event && rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_DeleteRecords_destroy(records);
  }
};

TEST_F(KafkaRetention, AGroupThatIsLeftBehindGoesOnWithAReport) {
  auto broker = open();
  publish(*broker, "t", numbers(0, 20));
  {
    auto member = broker->subscribe("t", {.group = "g"}).or_throw();
    const auto got = take(*member, 5);
    member->settle(names_of(got)).or_throw();
    member->close(1s).or_throw();
  }
  remove_before(12);
  const auto info = broker->groups("t").or_throw().at(0);
  EXPECT_EQ(info.lag(), 8U);
  EXPECT_EQ(info.lost(), 7U);
  EXPECT_EQ(broker->topic("t").or_throw().partitions.at(0).earliest.value, 12U);
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  const auto got = take(*member, 8);
  EXPECT_EQ(ids_of(got), numbers(12, 20));
  member->settle(names_of(got)).or_throw();
  const auto after = broker->groups("t").or_throw().at(0).partitions.at(0);
  EXPECT_EQ(after.position.value, 20U);
  EXPECT_EQ(after.skipped, 7U);
  EXPECT_EQ(after.handled, 13U);
  EXPECT_NE(sink.all().find("removed by retention"), std::string::npos) << sink.all();
}

/// The same under its feet: it has fetched some, is not quick enough, and goes on.
TEST_F(KafkaRetention, AMemberIsOvertakenWhileItReads) {
  auto broker = open();
  const std::string payload(100'000, 'x');
  const auto publish_large = [&](int from, int to) {
    for (const auto& id : numbers(from, to)) {
      const EnvelopeView event{.id = id, .type = "t", .payload = payload};
      broker->publish("t", {&event, 1}).or_throw();
    }
  };
  publish_large(0, 1);
  auto member = broker->subscribe("t", {.group = "g", .in_flight_max = 10'000}).or_throw();
  auto reader = broker->subscribe("t", {}).or_throw();
  EXPECT_EQ(take(*member, 1).size(), 1U);
  EXPECT_EQ(take(*reader, 1).size(), 1U);
  publish_large(1, 600);  // more than the buffers hold
  remove_before(580);
  for (auto* const consumer : {member.get(), reader.get()}) {
    std::vector<std::string> got;
    std::uint64_t last = 0;
    ASSERT_TRUE(comes_true([&] {
      auto some = consumer->fetch(100, 100ms).or_throw();
      for (const auto& one : some) {
        EXPECT_GT(one.id.offset.value, last);
        last = one.id.offset.value;
      }
      consumer->settle(names_of(some)).or_throw();
      for (auto& id : ids_of(some)) got.push_back(std::move(id));
      return last == 599;
    })) << last
        << sink.all();
    EXPECT_LT(got.size(), 599U);
    EXPECT_EQ((std::vector<std::string>(got.end() - 20, got.end())), numbers(580, 600));
    if (consumer == reader.get()) continue;
    const auto place = broker->groups("t").or_throw().at(0).partitions.at(0);
    EXPECT_EQ(place.position.value, 0U);  // the first is with its handler
    EXPECT_EQ(place.settled_beyond, 599U) << "what is gone counts, too";
  }
}

TEST_F(KafkaRetention, EventsGoByAge) {
  auto broker = open();
  broker->create_topic("t", {.partitions = 1, .retention = Retention{.age = 1s}}).or_throw();
  publish(*broker, "t", numbers(0, 10));
  EXPECT_TRUE(comes_true([&] { return broker->topic("t").or_throw().partitions.at(0).earliest.value == 10; }));
  EXPECT_EQ(publish(*broker, "t", {"10"}).at(0).offset.value, 10U);
}

}  // namespace
}  // namespace tidings::brokers::kafka
