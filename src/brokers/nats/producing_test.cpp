#include <thread>

#include "brokers/nats/testing.hpp"
#include "testing/servers/tcp_proxy.hpp"

namespace tidings::brokers::nats {
namespace {

using namespace std::chrono_literals;

class ProducingTest : public NatsTest {
 protected:
  static Result<std::vector<Published>> as(Broker& broker, std::uint32_t epoch, std::uint64_t sequence,
                                           const std::vector<Envelope>& events) {
    return publish(broker, "orders", events, {.producer = Producer{.id = 7, .epoch = epoch, .sequence = sequence}});
  }
};

TEST_F(ProducingTest, WhatWasSentAgainWhileConnectionsWereCutIsThereOnceAndInOrder) {
  auto proxy = tidings::testing::TcpProxy::start(server->port());
  ASSERT_TRUE(proxy);
  auto broker = try_open("nats://127.0.0.1:" + std::to_string((*proxy)->port()) + "?duplicate_window=100ms");
  ASSERT_TRUE(broker) << to_string(broker.error());
  const auto other = open();
  ASSERT_TRUE(publish(*other, "orders", {event("first", "key")}));
  std::atomic<bool> done = false;
  std::jthread cutter([&] {
    for (int round = 0; !done; ++round) {
      std::this_thread::sleep_for(std::chrono::milliseconds{20 + round * 7 % 30});
      (*proxy)->lose_answers(round % 2 == 0);
      if (round % 2 != 0) (*proxy)->cut();
    }
    (*proxy)->lose_answers(false);
  });
  std::jthread between([&] {  // others publish to the partition meanwhile
    for (int number = 0; !done; ++number) {
      EXPECT_TRUE(publish(*other, "orders", {event("other-" + std::to_string(number), "other")}));
      std::this_thread::sleep_for(3ms);
    }
  });
  std::vector<std::string> names;
  std::uint64_t sequence = 0;
  for (int batch = 0; batch < 60; ++batch) {
    std::vector<Envelope> some;
    for (int index = 0; index < 20; ++index)
      some.push_back(event(std::to_string(batch) + "-" + std::to_string(index), "key"));
    for (const auto& one : some) names.push_back(one.id);
    auto answer = as(**broker, 1, sequence, some);
    for (int round = 0; !answer && round < 10; ++round) {
      EXPECT_EQ(answer.error().retry, Retry::same_call) << to_string(answer.error());
      std::this_thread::sleep_for(150ms);  // beyond the server's window for repeats
      answer = as(**broker, 1, sequence, some);
    }
    ASSERT_TRUE(answer) << to_string(answer.error());
    for (std::size_t index = 1; index < answer->size(); ++index)
      EXPECT_LT(answer->at(index - 1).offset, answer->at(index).offset);
    sequence += some.size();
  }
  done = true;
  cutter.join();
  between.join();
  const auto end = other->topic("orders")->partitions.at(0).end.value;
  std::vector<std::string> got;
  for (const auto& one : take(*join(*other, "orders", {}), end))
    if (one.envelope.key == "key" && one.envelope.id != "first") got.emplace_back(one.envelope.id);
  EXPECT_EQ(got, names);
}

TEST_F(ProducingTest, APredecessorThatWasHeldUpIsFenced) {
  auto proxy = tidings::testing::TcpProxy::start(server->port());
  ASSERT_TRUE(proxy);
  auto old = try_open("nats://127.0.0.1:" + std::to_string((*proxy)->port()));
  ASSERT_TRUE(old);
  ASSERT_TRUE(as(**old, 1, 0, {event("a")}));
  const auto successor = open();
  ASSERT_TRUE(as(*successor, 2, 1, {event("b"), event("c")}));
  // What it knows is old; what it sends is refused by the server, and it looks.
  const auto late = as(**old, 1, 1, {event("b"), event("c"), event("d")});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "fenced") << to_string(late.error());
  const auto repeat = as(**old, 1, 0, {event("a")});
  ASSERT_FALSE(repeat);
  EXPECT_EQ(repeat.error().code, "fenced");
  EXPECT_EQ(successor->topic("orders")->partitions.at(0).end.value, 3U);
}

}  // namespace
}  // namespace tidings::brokers::nats
