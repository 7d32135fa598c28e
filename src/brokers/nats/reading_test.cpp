#include <map>
#include <thread>

#include "brokers/nats/api.hpp"
#include "brokers/nats/event_message.hpp"
#include "brokers/nats/names.hpp"
#include "brokers/nats/testing.hpp"
#include "testing/servers/tcp_proxy.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::brokers::nats {

struct ConsumerNames {  // in no unnamed namespace, where clang does not reflect it
  std::vector<std::string> consumers;
};

namespace {

using namespace std::chrono_literals;

class Reading : public NatsTest {
 protected:
  std::shared_ptr<Link> link() { return *Link::open(*parse_url(at()), log); }
};

TEST_F(Reading, AWaitingFetchGoesOnWhenTheServerComesBack) {
  const auto broker = open();
  const auto group = join(*broker, "orders");
  const auto reader = join(*broker, "orders", {});
  ASSERT_TRUE(group && reader);
  std::jthread restarter([&] {
    std::this_thread::sleep_for(100ms);
    ASSERT_TRUE(server->restart());
    ASSERT_TRUE(publish(*broker, "orders", {event("after")}));
  });
  // One call, over the restart: what it had asked the server for is gone with it.
  for (auto* consumer : {group.get(), reader.get()}) {
    const auto got = consumer->fetch(1, 30s);
    ASSERT_TRUE(got) << to_string(got.error());
    ASSERT_EQ(got->size(), 1U) << (consumer == group.get() ? "group" : "reader");
    EXPECT_EQ(got->at(0).envelope.id, "after");
  }
  restarter.join();
}

TEST_F(Reading, NothingIsMissedWhileConnectionsAreCut) {
  auto proxy = tidings::testing::TcpProxy::start(server->port());
  ASSERT_TRUE(proxy);
  auto cut = try_open("nats://127.0.0.1:" + std::to_string((*proxy)->port()));
  ASSERT_TRUE(cut) << to_string(cut.error());
  const auto reader = join(**cut, "orders", {});
  const auto broker = open();
  std::vector<std::string> sent;
  std::vector<std::string> got;
  for (int round = 0; round < 20; ++round) {
    std::vector<Envelope> some;
    for (int index = 0; index < 300; ++index)
      some.push_back(event(std::to_string(round) + "-" + std::to_string(index)));
    for (const auto& one : some) sent.push_back(one.id);
    (*proxy)->lose_answers(round % 2 == 0);  // what the server has sent is gone then, and the connection after it
    ASSERT_TRUE(publish(*broker, "orders", some));
    std::this_thread::sleep_for(20ms);
    (*proxy)->lose_answers(false);
    if (round % 2 != 0) (*proxy)->cut();
    for (auto& name : names_of(take(*reader, 100))) got.push_back(std::move(name));
  }
  // What the server had been asked for went with the connection; nobody waits for that to time out.
  const auto begin = std::chrono::steady_clock::now();
  for (auto& name : names_of(take(*reader, sent.size() - got.size()))) got.push_back(std::move(name));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
  EXPECT_EQ(got, sent);
}

TEST_F(Reading, GoesOnWhereItsConsumerIsTakenAway) {
  const auto broker = open();
  const auto group = join(*broker, "orders");
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b")}));
  EXPECT_EQ(names_of(take(*group, 2)), (std::vector<std::string>{"a", "b"}));
  const auto own = link();
  auto answer = (*own->ask("$JS.API.CONSUMER.NAMES." + stream_name("orders", 0), ""))->wait(steady_now() + 5s);
  ASSERT_TRUE(answer);
  const auto names = JsonCodec::decode<ConsumerNames>(payload_of(**answer));
  ASSERT_TRUE(names);
  ASSERT_EQ(names->consumers.size(), 1U);
  Api(own).delete_consumer(stream_name("orders", 0), names->consumers[0]);
  std::this_thread::sleep_for(50ms);
  ASSERT_TRUE(publish(*broker, "orders", {event("c")}));
  EXPECT_EQ(names_of(take(*group, 1)), std::vector<std::string>{"c"});
}

TEST_F(Reading, TakesWhatOthersWrite) {
  const auto broker = open();
  ASSERT_TRUE(broker->create_topic("orders", {.partitions = 1}));
  const auto own = link();
  const auto send = [&](std::string_view payload, const HeaderList& headers) {
    const auto message = make_message(subject_name("orders", 0), {}, payload, headers);
    ASSERT_EQ(own->send(*message), Link::Sent::yes);
  };
  send(R"({"specversion":"1.0","id":"s","source":"/there","type":"t","data":{"a":1},"color":"red"})",
       {{"content-type", "application/cloudevents+json; charset=utf-8"}});
  send("payload", {{"ce-specversion", "1.0"},
                   {"ce-id", "b"},
                   {"ce-source", "/there"},
                   {"ce-type", "t"},
                   {"ce-subject", "a%20b"},
                   {"ce-color", "red"},
                   {"Content-Type", "text/plain"},
                   {"Other", "x"}});
  send("plain", {});
  send("{ damaged", {{"content-type", "application/cloudevents+json"}, {"Nats-Msg-Id", "d"}});
  const auto group = join(*broker, "orders");
  const auto got = take(*group, 4);
  EXPECT_EQ(got[0].envelope.id, "s");
  EXPECT_EQ(got[0].envelope.payload, R"({"a":1})");
  EXPECT_EQ(got[0].envelope.headers.get("color"), "red");
  EXPECT_EQ(got[1].envelope.id, "b");
  EXPECT_EQ(got[1].envelope.subject, "a b");
  EXPECT_EQ(got[1].envelope.headers.get("color"), "red");
  EXPECT_EQ(got[1].envelope.data_content_type, "text/plain");
  EXPECT_EQ(got[1].envelope.payload, "payload");
  EXPECT_EQ(got[2].envelope.id, "tidings.orders.0/3");
  EXPECT_EQ(got[2].envelope.type, "nats.message");
  EXPECT_EQ(got[2].envelope.payload, "plain");
  EXPECT_EQ(got[3].envelope.id, "d");
  EXPECT_EQ(got[3].envelope.payload, "{ damaged");
  EXPECT_TRUE(group->settle(ids_of(got)));
}

/// A dead letter is a copy of the event: one that nobody could publish would hold up its partition for ever.
TEST_F(Reading, WhatOthersWriteCanGoToTheDeadLetters) {
  const auto broker = open();
  ASSERT_TRUE(broker->create_topic("orders", {.partitions = 1}));
  const auto own = link();
  const HeaderList usual{{"ce-specversion", "1.0"}, {"ce-source", "/there"}, {"ce-type", "t"}};
  const auto send = [&](std::string_view payload, HeaderList more, bool has_id = true) {
    more.insert(more.end(), usual.begin(), usual.end());
    if (has_id) more.emplace_back("ce-id", "1");
    ASSERT_EQ(own->send(*make_message(subject_name("orders", 0), {}, payload, more)), Link::Sent::yes);
  };
  send("[1]", {{"content-type", "text/%1Bx"}});
  send("[1]", {{"ce-id", "%0A"}}, false);
  send("[1]", {{"tidings-headers", "a=%0A&b=%00&c%1B=1"}});
  send("[1]", {{"ce-partitionkey", "%FF"}, {"ce-correlationid", "%00"}});
  send(R"({"specversion":"1.0","id":"\u0007","source":"s","type":"t","color":"a\r\n"})",
       {{"content-type", "application/cloudevents+json"}});
  send("x", {{"ce-id", std::string(70'000, 'x')}}, false);
  const auto got = take(*join(*broker, "orders"), 6);
  ASSERT_EQ(got.size(), 6U);
  std::vector<EnvelopeView> again;
  for (const auto& one : got) again.push_back(one.envelope);
  EXPECT_TRUE(broker->publish("dead-letters", again));
}

/// The end of an event's time is an attribute of CloudEvents on the wire; what was written before it was is read.
TEST_F(Reading, TheTimeToLiveIsAnAttribute) {
  const auto end = "2026-01-31T12:00:00Z";
  const auto broker = open();
  auto one = event("now");
  one.headers.set("first", "1");
  one.headers.set(expiry_header, end);
  std::map<std::string, std::string> written;
  for (const auto& [name, value] : event_headers(one.view())) written[name] = value;
  EXPECT_EQ(written["ce-expirytime"], end);
  EXPECT_EQ(written["tidings-headers"], "first=1");
  ASSERT_TRUE(publish(*broker, "orders", {one}));
  const auto own = link();
  const auto before = make_message(subject_name("orders", 0), {}, "{}",
                                   {{"ce-specversion", "1.0"},
                                    {"ce-id", "before"},
                                    {"ce-source", "/"},
                                    {"ce-type", "t"},
                                    {"tidings-headers", "expirytime=" + std::string(end) + "&other=2"}});
  ASSERT_EQ(own->send(*before), Link::Sent::yes);
  for (const auto& delivery : take(*join(*broker, "orders"), 2))
    EXPECT_EQ(delivery.envelope.headers.get(expiry_header), end) << delivery.envelope.id;
}

TEST_F(Reading, LargeEventsComeOneByOneWhereTheyMust) {
  start({.config = "max_payload: 8388608\n", .files = {}});
  const auto broker = open();
  ASSERT_TRUE(broker->create_topic("large", {.partitions = 1, .durability = {}, .event_bytes_max = 8'000'000}));
  for (int number = 0; number < 12; ++number) {
    auto one = event(std::to_string(number));
    one.payload.assign(number % 2 == 0 ? 7'900'000 : 10, 'x');
    ASSERT_TRUE(publish(*broker, "large", {one}));
  }
  const auto got = take(*join(*broker, "large"), 12);
  for (std::size_t number = 0; number < got.size(); ++number)
    EXPECT_EQ(got[number].envelope.payload.size(), number % 2 == 0 ? 7'900'000U : 10U);
}

}  // namespace
}  // namespace tidings::brokers::nats
