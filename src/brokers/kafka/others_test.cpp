// What others write into topics, and read from them.
#include <chrono>

#include "brokers/kafka/murmur2.hpp"
#include "brokers/kafka/testing.hpp"
#include "brokers/kafka/wire.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;

using Fields = std::vector<std::pair<std::string, std::string>>;

void write(rd_kafka_t* client, const std::string& topic, const std::string& key, const std::string& value,
           const Fields& fields) {
  auto* headers = rd_kafka_headers_new(4);
  for (const auto& [name, text] : fields)
    rd_kafka_header_add(headers, name.c_str(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  ASSERT_EQ(rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_KEY(key.empty() ? nullptr : key.data(), key.size()),
                              RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                              RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
}

/// The end of an event's time is an attribute of CloudEvents on the wire; what was written before it was is read.
TEST_F(KafkaTest, WritesTheTimeToLiveAsAnAttribute) {
  const std::string end = "2026-01-31T12:00:00Z";
  auto broker = open();
  broker->create_topic("t", {.partitions = 1}).or_throw();
  Headers headers;
  headers.set("first", "1");
  headers.set(std::string(expiry_header), end);
  const EnvelopeView event{.id = "0", .type = "t", .headers = headers.view(), .payload = ""};
  const auto written = to_headers(event);
  const void* value = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(rd_kafka_header_get(written.get(), 0, "ce_expirytime", &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(std::string_view(static_cast<const char*>(value), size), end);
  EXPECT_EQ(rd_kafka_header_get(written.get(), 0, "expirytime", &value, &size), RD_KAFKA_RESP_ERR__NOENT);
  broker->publish("t", {&event, 1}).or_throw();
  const auto client = other(RD_KAFKA_PRODUCER);
  write(client.get(), prefix + "t", "", "",
        {{"ce_specversion", "1.0"}, {"ce_id", "1"}, {"ce_type", "t"}, {"ce_source", "/"}, {"expirytime", end}});
  ASSERT_EQ(rd_kafka_flush(client.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  for (const auto& one : take(*member, 2)) EXPECT_EQ(one.envelope.headers.get(expiry_header), end) << one.envelope.id;
}

TEST_F(KafkaTest, ReadsBinaryAndStructuredCloudEventsAndWhatIsNone) {
  auto broker = open();
  broker->create_topic("t", {.partitions = 1}).or_throw();
  const auto client = other(RD_KAFKA_PRODUCER);
  const auto topic = prefix + "t";
  write(client.get(), topic, "k", R"({"a":1})",
        {{"ce_specversion", "1.0"},
         {"ce_id", "1"},
         {"ce_type", "shop.Placed"},
         {"ce_source", "/shop"},
         {"ce_time", "2024-01-31T12:00:00Z"},
         {"ce_tenant", "acme"},
         {"content-type", "application/json"},
         {"plain", "value"}});
  write(client.get(), topic, "",
        R"({"specversion":"1.0","id":"2","type":"shop.Placed","source":"/shop","partitionkey":"p","data":{"a":2}})",
        {{"content-type", "application/cloudevents+json; charset=UTF-8"}});
  write(client.get(), topic, "raw", "anything", {{"trace", "abc"}, {"binary", std::string("\xff\0\r", 3)}});
  write(client.get(), topic, "", "{broken", {{"content-type", "application/cloudevents+json"}});
  write(client.get(), topic, "",
        R"({"specversion":"1.0","id":"a\u001b","type":"t\n","source":"s","tenant":"a\r\n","data":1})",
        {{"content-type", "application/cloudevents+json"}});
  write(client.get(), topic, std::string("\xff\xfe", 2), "",
        {{"ce_specversion", "1.0"}, {"ce_id", "with\nbreak"}, {"ce_type", "t"}, {"ce_source", "s"}});
  ASSERT_EQ(rd_kafka_flush(client.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  const auto got = take(*member, 6);
  ASSERT_EQ(got.size(), 6U);
  const auto& binary = got[0].envelope;
  EXPECT_EQ(binary.id, "1");
  EXPECT_EQ(binary.type, "shop.Placed");
  EXPECT_EQ(binary.source, "/shop");
  EXPECT_EQ(binary.key, "k");
  EXPECT_EQ(binary.data_content_type, "application/json");
  EXPECT_EQ(binary.payload, R"({"a":1})");
  EXPECT_EQ(to_rfc3339(binary.time), "2024-01-31T12:00:00Z");
  EXPECT_EQ(binary.headers.get("tenant"), "acme");
  EXPECT_EQ(binary.headers.get("plain"), "value");
  const auto& structured = got[1].envelope;
  EXPECT_EQ(structured.id, "2");
  EXPECT_EQ(structured.key, "p");
  EXPECT_EQ(structured.payload, R"({"a":2})");
  for (const std::size_t index : {2U, 3U}) {
    EXPECT_EQ(got[index].envelope.type, "kafka.Record");
    EXPECT_EQ(got[index].envelope.id, topic + "-0-" + std::to_string(index));
  }
  EXPECT_EQ(got[2].envelope.payload, "anything");
  EXPECT_EQ(got[2].envelope.key, "raw");
  EXPECT_EQ(got[2].envelope.headers.get("trace"), "abc");
  EXPECT_EQ(got[3].envelope.payload, "{broken");
  // All of it may go on, as to the dead letters.
  std::vector<EnvelopeView> again;
  for (const auto& one : got) again.push_back(one.envelope);
  EXPECT_TRUE(broker->publish("dead-letters", again));
}

TEST_F(KafkaTest, HeadersNamedAsAttributesComeBackAsHeaders) {
  auto broker = open();
  Headers headers;
  for (const auto* const name : {"ce_id", "ce_other", "content-type", "tidings-header-x", "plain"})
    headers.set(name, std::string("of ") + name);
  const EnvelopeView event{
      .id = "1", .type = "t", .data_content_type = "text/plain", .headers = headers.view(), .payload = "x"};
  broker->publish("t", {&event, 1}).or_throw();
  auto reader = broker->subscribe("t", {}).or_throw();
  const auto got = take(*reader, 1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].envelope.id, "1");
  EXPECT_EQ(got[0].envelope.data_content_type, "text/plain");
  EXPECT_EQ(Headers(got[0].envelope.headers), headers);
}

/// What is written, as another client sees it.
TEST_F(KafkaTest, WritesCloudEventsInBinaryMode) {
  auto broker = open();
  const EnvelopeView event{.id = "1", .type = "t", .source = "shop", .key = "k", .version = 2, .payload = "x"};
  broker->publish("t", {&event, 1}).or_throw();
  const auto client = other(RD_KAFKA_CONSUMER, {{"group.id", "raw"}, {"auto.offset.reset", "earliest"}});
  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), (prefix + "t").c_str(), 0)->offset = 0;
  rd_kafka_assign(client.get(), list.get());
  const Message message(rd_kafka_consumer_poll(client.get(), 10'000));
  ASSERT_TRUE(message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(std::string(static_cast<const char*>(message->key), message->key_len), "k");
  EXPECT_EQ(std::string(static_cast<const char*>(message->payload), message->len), "x");
  rd_kafka_headers_t* headers = nullptr;
  ASSERT_EQ(rd_kafka_message_headers(message.get(), &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
  Fields fields;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t index = 0;
       rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++index)
    fields.emplace_back(name, std::string(static_cast<const char*>(value), size));
  EXPECT_EQ(fields, (Fields{{"ce_specversion", "1.0"},
                            {"ce_id", "1"},
                            {"ce_type", "t"},
                            {"ce_source", "shop"},
                            {"ce_tidingsversion", "2"}}));
}

/// Transactions' marks take offsets, and aborted events are none: the lag is that of events, once somebody has read so
/// far.
TEST_F(KafkaTest, LagCountsNoMarksOfTransactions) {
  auto broker = open();
  broker->create_topic("t", {.partitions = 1}).or_throw();
  const auto client = other(RD_KAFKA_PRODUCER, {{"transactional.id", prefix + "tx"}});
  const auto fine = [](rd_kafka_error_t* raw) {
    const NativeError error(raw);
    EXPECT_EQ(error ? std::string(rd_kafka_error_string(error.get())) : "", "");
  };
  fine(rd_kafka_init_transactions(client.get(), 30'000));
  for (const bool commits : {true, false, true, false}) {
    fine(rd_kafka_begin_transaction(client.get()));
    for (int index = 0; index < 3; ++index)
      write(client.get(), prefix + "t", "", commits ? "committed" : "aborted",
            {{"ce_specversion", "1.0"}, {"ce_id", "1"}, {"ce_type", "t"}, {"ce_source", "s"}});
    ASSERT_EQ(rd_kafka_flush(client.get(), 10'000),
              RD_KAFKA_RESP_ERR_NO_ERROR);  // else what is to be aborted is never written
    fine(commits ? rd_kafka_commit_transaction(client.get(), 30'000)
                 : rd_kafka_abort_transaction(client.get(), 30'000));
  }
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  const auto got = take(*member, 6);
  ASSERT_EQ(got.size(), 6U);
  for (const auto& one : got) EXPECT_EQ(one.envelope.payload, "committed");
  member->settle(names_of(got)).or_throw();
  EXPECT_TRUE(member->fetch(1, 300ms).or_throw().empty());
  EXPECT_TRUE(comes_true([&] { return broker->groups("t").or_throw().at(0).lag() == 0; }))
      << "the lag stays " << broker->groups("t").or_throw().at(0).lag() << ", of marks and what was aborted";
  const auto counted = broker->groups("t").or_throw().at(0).partitions.at(0);
  EXPECT_EQ(counted.handled, 6U);
  EXPECT_EQ(counted.gaps, 10U) << "four marks, and six aborted";
  EXPECT_EQ(counted.position.value, counted.handled + counted.gaps);
  auto reader = broker->subscribe("t", {}).or_throw();
  EXPECT_EQ(take(*reader, 6).size(), 6U);
  // The end is never handed out, but the reader tells that nothing stands before it.
  const auto end = broker->topic("t").or_throw().partitions.at(0).end;
  EXPECT_EQ(end.value, 16U);
  EXPECT_TRUE(comes_true([&] {
    EXPECT_TRUE(reader->fetch(1, 50ms).or_throw().empty());
    return reader->read_to(Partition{0}) == end;
  }));
  EXPECT_FALSE(member->read_to(Partition{0})) << "of a member its settled position tells";
}

TEST_F(KafkaTest, PartitionsByMurmur2AreThoseThatLibrdkafkaChooses) {
  auto broker = open(5, "&partitioner=murmur2");
  publish(*broker, "t", {"0"});
  const auto client = other(RD_KAFKA_PRODUCER);
  const TopicHandle topic(rd_kafka_topic_new(client.get(), (prefix + "t").c_str(), nullptr));
  for (const auto* const key : {"a", "foobar", "21", "grüße", "a-little-bit-longer-string"}) {
    const auto theirs =
        rd_kafka_msg_partitioner_murmur2(topic.get(), key, std::string_view(key).size(), 5, nullptr, nullptr);
    EXPECT_EQ(publish(*broker, "t", {"1"}, key).at(0).partition.value, static_cast<std::uint32_t>(theirs)) << key;
  }
}

}  // namespace
}  // namespace tidings::brokers::kafka
