#include <thread>

#include "brokers/nats/api.hpp"
#include "brokers/nats/names.hpp"
#include "brokers/nats/testing.hpp"
#include "testing/servers/tcp_proxy.hpp"

namespace tidings::brokers::nats {
namespace {

using namespace std::chrono_literals;

class Publishing : public NatsTest {
 protected:
  std::uint64_t end_of(Broker& broker, const std::string& topic) {
    std::uint64_t sum = 0;
    if (const auto info = broker.topic(topic))
      for (const auto& partition : info->partitions) sum += partition.end.value;
    return sum;
  }
  /// The server as an operator reaches it.
  std::unique_ptr<Api> operator_api() {
    auto link = Link::open(*parse_url(at()), log);
    return link ? std::make_unique<Api>(*link) : nullptr;
  }
};

TEST_F(Publishing, ARepeatIsKeptOutForAsLongAsTheWindowLasts) {
  const auto broker = open("?duplicate_window=300ms");
  const auto first = publish(*broker, "orders", {event("a")});
  const auto again = publish(*broker, "orders", {event("a")});
  ASSERT_TRUE(first && again);
  EXPECT_FALSE(first->front().is_duplicate);
  EXPECT_TRUE(again->front().is_duplicate);
  EXPECT_EQ(again->front().offset, first->front().offset);
  EXPECT_EQ(end_of(*broker, "orders"), 1U);
  // Another source may use the same id.
  auto of_another = event("a");
  of_another.source = "elsewhere";
  EXPECT_FALSE(publish(*broker, "orders", {of_another})->front().is_duplicate);
  std::this_thread::sleep_for(700ms);
  const auto late = publish(*broker, "orders", {event("a")});
  ASSERT_TRUE(late);
  EXPECT_FALSE(late->front().is_duplicate) << "the window is documented to end";
  EXPECT_EQ(end_of(*broker, "orders"), 3U);
}

TEST_F(Publishing, KeysMayBeAnything) {
  const auto broker = open();
  std::vector<Envelope> sent;
  for (const auto& key :
       {std::string("a b"), std::string("*"), std::string(">"), std::string("$JS.API.>"), std::string("a.b..c."),
        std::string("line\r\nNats-Rollup: all"), std::string("grüße ✓"), std::string(60'000, 'k'), std::string("%41")})
    sent.push_back(event("e" + std::to_string(sent.size()), key));
  ASSERT_TRUE(publish(*broker, "keys", sent));
  const auto got = take(*join(*broker, "keys"), sent.size());
  for (std::size_t index = 0; index < got.size(); ++index) EXPECT_EQ(got[index].envelope.key, sent[index].key);
}

TEST_F(Publishing, WhatIsBeyondTheServersLimitIsRefusedBeforeAnythingIsWritten) {
  start({.config = "max_payload: 65536\n", .files = {}});
  const auto broker = open();
  auto large = event("large");
  large.payload.assign(65'536, 'x');
  const auto refused = publish(*broker, "orders", {event("small"), large});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "too_large");
  EXPECT_EQ(refused.error().retry, Retry::never);
  EXPECT_NE(refused.error().message.find("max_payload"), std::string::npos) << refused.error().message;
  EXPECT_EQ(end_of(*broker, "orders"), 0U);
  large.payload.assign(52'000, 'x');
  EXPECT_TRUE(publish(*broker, "orders", {event("small"), large}));
  // An event that leaves no room for the mark of its order goes alone.
  large.id = std::string(200, 'l');
  large.headers.set("tidings-dead-offset", "1");  // a dead letter may take all that the server takes
  large.payload.assign(65'536 - 12 - 3 * 200 - 170, 'x');
  const auto elsewhere = publish(*broker, "orders", {event("before"), large, event("behind")});
  ASSERT_FALSE(elsewhere) << "anybody may set the header, and it could not be parked";
  EXPECT_EQ(elsewhere.error().code, "too_large");
  const auto both = publish(*broker, "group.dead-letters", {event("before"), large, event("behind")});
  ASSERT_TRUE(both) << to_string(both.error());
  EXPECT_EQ(both->at(1).offset.value, both->at(0).offset.value + 1);
  EXPECT_EQ(both->at(2).offset.value, both->at(0).offset.value + 2);
}

TEST_F(Publishing, APublisherGoesOverTheFirstConnectionWhereTheServerTakesNoOther) {
  start({.config = "max_connections: 1\n", .files = {}});
  const auto broker = open();
  const auto publisher = broker->publisher("orders").or_throw();
  const auto one = event("one");
  const auto view = one.view();
  ASSERT_TRUE(publisher->publish({&view, 1}, {}));
  ASSERT_TRUE(publisher->flush(10s));
  EXPECT_EQ(end_of(*broker, "orders"), 1U);
}

/// What is accepted can be parked: its letter has headers more, which take three times their bytes at worst.
TEST_F(Publishing, WhatIsAcceptedLeavesRoomForTheHeadersOfADeadLetter) {
  start({.config = "max_payload: 65536\n", .files = {}});
  const auto broker = open();
  for (const bool is_producer : {false, true}) {
    auto one = event("largest", "key");
    PublishOptions how;
    if (is_producer) how.producer = Producer{.id = 7, .epoch = 1, .sequence = 1};
    std::size_t least = 0;
    std::size_t most = 65'536;
    while (least + 1 < most) {  // the largest that goes
      const auto size = (least + most) / 2;
      one.id = "of-" + std::to_string(size);
      one.payload.assign(size, 'x');
      const auto answer = publish(*broker, "orders", {one}, how);
      if (how.producer) ++how.producer->sequence;
      if (!answer) {
        ASSERT_EQ(answer.error().code, "too_large");
      }
      (answer ? least : most) = size;
    }
    EXPECT_GT(least, 50'000U);
    one.payload.assign(least, 'x');
    one.headers.set("tidings-dead-offset", "12345678901234567890");
    std::string reason;
    for (int sign = 0; sign < 1'300; ++sign) reason += "é";
    one.headers.set("tidings-dead-reason", reason);
    one.headers.set("tidings-dead-hold", std::string(1'400, 'h'));
    const std::vector<std::string> apart{std::string(200, 'a')};
    const std::vector views{one.view()};
    const auto letter = broker->publish("group.dead-letters", views, {.apart = apart});
    EXPECT_TRUE(letter) << to_string(letter.error());
  }
}

TEST_F(Publishing, AnEventIsAsDurableAsItsTopicAndNotMore) {
  const auto broker = open();
  ASSERT_TRUE(broker->create_topic("little", {.partitions = 1, .durability = Durability::memory}));
  const auto refused = publish(*broker, "little", {event("a")}, {.wait_for = Durability::durable});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "unsupported");
  const PublishOptions as_producer{.wait_for = Durability::interval, .producer = Producer{.id = 7, .sequence = 1}};
  EXPECT_FALSE(publish(*broker, "little", {event("a")}, as_producer));
  EXPECT_EQ(end_of(*broker, "little"), 0U);
  EXPECT_TRUE(publish(*broker, "little", {event("a")}, {.wait_for = Durability::memory}));
  EXPECT_TRUE(publish(*broker, "much", {event("a")}, {.wait_for = Durability::durable}));
}

TEST_F(Publishing, TheLimitIsReadAgainWhenTheServerComesBack) {
  const auto broker = open();
  auto event_of = event("a");
  event_of.payload.assign(100'000, 'x');
  ASSERT_TRUE(publish(*broker, "orders", {event_of}));
  server->kill();
  std::ofstream(server->folder() + "/server.conf", std::ios::app) << "max_payload: 65536\n";
  ASSERT_TRUE(server->restart());
  ASSERT_TRUE(publish(*broker, "orders", {event("small")}));
  event_of.id = "b";
  const auto refused = publish(*broker, "orders", {event_of});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "too_large");
}

TEST_F(Publishing, WhatStandsBehindARefusedEventIsNotWrittenBeforeIt) {
  const auto broker = open();
  ASSERT_TRUE(publish(*broker, "orders", {event("first", "key")}));
  const auto api = operator_api();
  const auto until = std::chrono::steady_clock::now() + 10s;
  auto config = api->stream_info(stream_name("orders", 0), until)->config;
  config.max_msg_size = 2'000;  // the server refuses what the client cannot know of
  ASSERT_TRUE(api->update_stream(config, until));
  auto large = event("large", "key");
  large.payload.assign(4'000, 'x');
  const auto answer =
      publish(*broker, "orders", {event("before", "key"), large, event("behind", "key"), event("last", "key")});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "outcome_unknown") << "a part of it has been written";
  EXPECT_EQ(end_of(*broker, "orders"), 2U) << "what stood behind the refused event has overtaken it";
  config.max_msg_size = -1;
  ASSERT_TRUE(api->update_stream(config, until));
  ASSERT_TRUE(
      publish(*broker, "orders", {event("before", "key"), large, event("behind", "key"), event("last", "key")}));
  EXPECT_EQ(names_of(take(*join(*broker, "orders"), 5)),
            (std::vector<std::string>{"first", "before", "large", "behind", "last"}));
}

TEST_F(Publishing, NothingIsLostOrOvertakenWhileConnectionsAreCut) {
  auto proxy = tidings::testing::TcpProxy::start(server->port());
  ASSERT_TRUE(proxy);
  auto broker = try_open("nats://127.0.0.1:" + std::to_string((*proxy)->port()));
  ASSERT_TRUE(broker) << to_string(broker.error());
  std::atomic<bool> done = false;
  std::atomic<int> cuts = 0;
  std::jthread cutter([&] {
    for (int round = 0; !done; ++round, ++cuts) {
      std::this_thread::sleep_for(std::chrono::milliseconds{20 + round * 7 % 30});
      (*proxy)->cut();
    }
  });
  std::vector<std::string> names;
  for (int batch = 0; batch < 150 || (cuts < 10 && batch < 5000); ++batch) {
    std::vector<Envelope> some;
    for (int index = 0; index < 20; ++index)
      some.push_back(event(std::to_string(batch) + "-" + std::to_string(index), "key"));
    for (const auto& one : some) names.push_back(one.id);
    auto answer = publish(**broker, "orders", some);
    for (int round = 0; !answer && round < 5; ++round) {
      EXPECT_EQ(answer.error().retry, Retry::same_call) << to_string(answer.error());
      answer = publish(**broker, "orders", some);
    }
    ASSERT_TRUE(answer) << to_string(answer.error());
  }
  done = true;
  cutter.join();
  EXPECT_NE(log.text().find("the connection is lost"), std::string::npos) << "nothing was cut: the test shows nothing";
  const auto direct = open();
  EXPECT_EQ(end_of(*direct, "orders"), names.size());
  EXPECT_EQ(names_of(take(*join(*direct, "orders", {}), names.size())), names);
}

TEST_F(Publishing, WithoutAConnectionItWaitsForItsDeadlineAndWritesNothing) {
  const auto broker = open();
  ASSERT_TRUE(publish(*broker, "orders", {event("a")}));
  server->kill();
  std::this_thread::sleep_for(50ms);
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = publish(*broker, "orders", {event("b")}, {.wait_max = 300ms});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "backpressure") << to_string(answer.error());
  EXPECT_EQ(answer.error().retry, Retry::same_call);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 300ms);
  ASSERT_TRUE(server->restart());
  EXPECT_TRUE(publish(*broker, "orders", {event("c")}));
  EXPECT_EQ(names_of(take(*join(*broker, "orders"), 2)), (std::vector<std::string>{"a", "c"}));
}

TEST_F(Publishing, ASingleServerIsWarnedOf) {
  const auto broker = open();
  ASSERT_TRUE(publish(*broker, "orders", {event("a")}));
  EXPECT_NE(log.text().find("topic orders is 'durable' on one server"), std::string::npos) << log.text();
}

}  // namespace
}  // namespace tidings::brokers::nats
