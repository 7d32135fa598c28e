#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "brokers/memory/url.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::brokers {

BrokerFactory memory_factory();

namespace {

using namespace std::chrono_literals;

std::string fresh_name() {
  static std::atomic<int> number = 0;
  return "memory:test-" + std::to_string(number++);
}

std::unique_ptr<Broker> open(const std::string& url, const BrokerOptions& options = {}) {
  return memory_factory().open(url, options).or_throw();
}

std::vector<Published> publish(Broker& broker, const std::string& payload, const PublishOptions& options = {}) {
  EnvelopeView event;
  event.id = "id";
  event.type = "t";
  event.payload = payload;
  return broker.publish("topic", {&event, 1}, options).or_throw();
}

ConsumerOptions group(const std::string& name) {
  ConsumerOptions options;
  options.group = name;
  return options;
}

void settle(Consumer& consumer, const std::vector<Delivery>& some) {
  for (const auto& delivery : some) consumer.settle({&delivery.id, 1}).or_throw();
}

TEST(MemoryUrl, IsReadWithItsOptions) {
  EXPECT_EQ(memory::parse_url("memory:").or_throw().name, "");
  const auto url = memory::parse_url("memory:a.b?bytes_max=4096&retain=settled").or_throw();
  EXPECT_EQ(url.name, "a.b");
  EXPECT_EQ(url.bytes_max, 4096u);
  EXPECT_FALSE(url.keep_settled);
  for (const auto* bad :
       {"memory:?bytes_max=", "memory:?bytes_max=1x", "memory:?bytes_max=0", "memory:?retain=some", "memory:?size=1"})
    EXPECT_EQ(memory::parse_url(bad).error().code, "invalid_url") << bad;
  EXPECT_EQ(memory::parse_url("memory:a/b").error().code, "invalid_name");
}

TEST(MemoryBroker, IsSharedByNameWhileAHandleLives) {
  const auto name = fresh_name();
  auto first = open(name);
  publish(*first, "x");
  auto second = open(name);
  first.reset();
  EXPECT_EQ(second->topic("topic").or_throw().partitions.at(0).end, Offset{1});
  EXPECT_TRUE(open(fresh_name())->topics().or_throw().empty());
  second.reset();
  EXPECT_TRUE(open(name)->topics().or_throw().empty()) << "with the last handle it is gone";
}

TEST(MemoryBroker, RefusesOtherOptionsOnAnOpenName) {
  const auto name = fresh_name();
  const auto broker = open(name + "?bytes_max=4096");
  const auto other = memory_factory().open(name, {});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "invalid_url");
}

TEST(MemoryBroker, PromisesNoDurabilityThatItHasNot) {
  const auto broker = open(fresh_name());
  TopicOptions options;
  options.durability = Durability::durable;
  EXPECT_EQ(broker->create_topic("topic", options).error().code, "unsupported");
  EnvelopeView event;
  event.id = event.type = "x";
  PublishOptions durable;
  durable.wait_for = Durability::interval;
  EXPECT_EQ(broker->publish("topic", {&event, 1}, durable).error().code, "unsupported");
  EXPECT_FALSE(broker->capabilities().persistent);
}

TEST(MemoryBroker, ATopicKeepsWhatItWasMadeWith) {
  const auto broker = open(fresh_name());
  TopicOptions options;
  options.partitions = 3;
  options.event_bytes_max = 5000;
  broker->create_topic("topic", options).or_throw();
  broker->create_topic("topic", options).or_throw();
  broker->create_topic("topic", {}).or_throw();
  options.partitions = 4;
  EXPECT_EQ(broker->create_topic("topic", options).error().code, "topic_exists_with");
  options.partitions = 0;
  options.event_bytes_max = 6000;
  EXPECT_EQ(broker->create_topic("topic", options).error().code, "topic_exists_with");
  options.event_bytes_max = event_bytes_max_default;
  EXPECT_EQ(broker->create_topic("topic", options).error().code, "topic_exists_with") << "the default was asked for";
  const auto info = broker->topic("topic").or_throw();
  EXPECT_EQ(info.partitions.size(), 3u);
  EXPECT_EQ(info.event_bytes_max, 5000u);
}

TEST(MemoryBroker, MakesNoTopicsWhereItIsToldNotTo) {
  BrokerOptions options;
  options.create_topics = false;
  const auto broker = open(fresh_name(), options);
  EnvelopeView event;
  event.id = event.type = "x";
  EXPECT_EQ(broker->publish("topic", {&event, 1}).error().code, "unknown_topic");
  EXPECT_EQ(broker->subscribe("topic", group("g")).error().code, "unknown_topic");
  broker->create_topic("topic", {}).or_throw();
  EXPECT_TRUE(broker->publish("topic", {&event, 1}));
}

TEST(MemoryBroker, HandsOutOneCopyToEverybodyAndKeepsItWhileHeld) {
  auto broker = open(fresh_name());
  publish(*broker, "payload");
  std::vector<Delivery> held;
  for (const auto* name : {"a", "b", ""}) {
    auto some = broker->subscribe("topic", group(name)).or_throw()->fetch(1, 10s).or_throw();
    ASSERT_EQ(some.size(), 1u);
    held.push_back(some.front());
  }
  EXPECT_EQ(held[0].envelope.payload.data(), held[1].envelope.payload.data());
  EXPECT_EQ(held[0].envelope.payload.data(), held[2].envelope.payload.data());
  broker->close(0s).or_throw();
  broker.reset();
  EXPECT_EQ(held[0].envelope.payload, "payload");
}

TEST(MemoryBroker, ACrowdedOneKeepsWhatGroupsToComeMayWant) {
  const auto broker = open(fresh_name() + "?bytes_max=10000");
  publish(*broker, std::string(6000, 'x'));
  const auto consumer = broker->subscribe("topic", group("g")).or_throw();
  settle(*consumer, consumer->fetch(1, 10s).or_throw());
  EnvelopeView event;
  event.id = event.type = "x";
  const std::string payload(6000, 'y');
  event.payload = payload;
  const auto refused = broker->publish("topic", {&event, 1}, {.wait_max = 1ms, .wait_for = {}, .partition = {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "backpressure");
  EXPECT_EQ(refused.error().retry, Retry::same_call);
  EXPECT_NE(refused.error().message.find("bytes_max"), std::string::npos);
  EXPECT_EQ(broker->topic("topic").or_throw().partitions.at(0).earliest, Offset{0});
}

TEST(MemoryBroker, OneThatMayForgetMakesPublishersWaitForItsGroups) {
  const auto broker = open(fresh_name() + "?bytes_max=10000&retain=settled");
  const auto slow = broker->subscribe("topic", group("slow")).or_throw();
  constexpr std::uint64_t each = 100;
  constexpr std::uint64_t count = 3 * each;
  {
    std::vector<std::jthread> publishers;
    for (int publisher = 0; publisher < 3; ++publisher)
      publishers.emplace_back([&] {
        for (std::uint64_t number = 0; number < each; ++number)
          publish(*broker, std::string(2000, 'x'), {.wait_max = 1min, .wait_for = {}, .partition = {}});
      });
    for (std::uint64_t next = 0; next < count; ++next) {
      const auto some = slow->fetch(1, 10s).or_throw();
      ASSERT_EQ(some.size(), 1u) << "a publisher does not see that there is space";
      EXPECT_EQ(some[0].id.offset.value, next);
      settle(*slow, some);
    }
  }
  const auto place = broker->topic("topic").or_throw().partitions.at(0);
  EXPECT_GT(place.earliest.value, count - 10);
  EXPECT_EQ(place.end.value, count);
  const auto late = broker->subscribe("topic", group("late")).or_throw();
  const auto some = late->fetch(1, 30s).or_throw();
  ASSERT_EQ(some.size(), 1u);
  EXPECT_EQ(some[0].id.offset, place.earliest) << "a new group begins with the first event kept";
}

TEST(MemoryBroker, GoesByTheClockThatItWasGiven) {
  ManualClock clock;
  BrokerOptions options;
  options.clock = &clock;
  const auto broker = open(fresh_name(), options);
  const auto before = clock.now();
  publish(*broker, "x");
  const auto consumer = broker->subscribe("topic", group("g")).or_throw();
  auto some = consumer->fetch(1, 10s).or_throw();
  ASSERT_EQ(some.size(), 1u);
  EXPECT_EQ(some[0].appended, before);
  consumer->reject({&some[0].id, 1}, 1h).or_throw();
  EXPECT_TRUE(consumer->fetch(1, 20ms).or_throw().empty());
  clock.advance(59min);
  EXPECT_TRUE(consumer->fetch(1, 20ms).or_throw().empty());
  std::jthread later([&] { clock.advance(1min); });
  some = consumer->fetch(1, 30s).or_throw();
  ASSERT_EQ(some.size(), 1u);
  EXPECT_EQ(some[0].attempt, 2);
}

TEST(MemoryBroker, MembersKeepWhatTheyHaveWhenOneJoinsOrGoes) {
  const auto broker = open(fresh_name());
  TopicOptions options;
  options.partitions = 6;
  broker->create_topic("topic", options).or_throw();
  const auto a = broker->subscribe("topic", group("g")).or_throw();
  auto b = broker->subscribe("topic", group("g")).or_throw();
  const auto of_a = a->assignment();
  EXPECT_EQ(of_a.size(), 3u);
  const auto c = broker->subscribe("topic", group("g")).or_throw();
  for (const auto& partition : a->assignment())
    EXPECT_NE(std::ranges::find(of_a, partition), of_a.end()) << "a partition moved that had no need to";
  EXPECT_EQ(c->assignment().size(), 2u);
  const auto of_c = c->assignment();
  b.reset();
  EXPECT_EQ(a->assignment().size(), 3u);
  EXPECT_EQ(c->assignment().size(), 3u);
  for (const auto& partition : of_c) {
    const auto now = c->assignment();
    EXPECT_NE(std::ranges::find(now, partition), now.end()) << "a partition moved that had no need to";
  }
}

}  // namespace
}  // namespace tidings::brokers
