#include "tidings/bridge/bridge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "bridge/mark.hpp"
#include "bridge/testing.hpp"
#include "testing/servers/eventually.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings::bridge {
namespace {

using namespace std::chrono_literals;

class Quiet final : public LogSink {
 public:
  void write(LogLevel, std::string_view) override {}
};

struct Seen {
  std::string id;
  std::string key;
  Partition partition;
};

class BridgeTest : public ::testing::Test {
 protected:
  BridgeTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tidings-bridge-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~BridgeTest() override {
    from_.reset();
    to_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open(const std::string& from, const std::string& to) {
    from_ = open_broker(from == "log" ? "log:" + folder_ + "/from" : from, {.log = &log_}).or_throw();
    to_ = open_broker(to == "log" ? "log:" + folder_ + "/to" : to, {.log = &log_}).or_throw();
  }
  static Envelope event_of(const std::string& id, const std::string& key) {
    Envelope event;
    event.id = id;
    event.type = "test";
    event.key = key;
    event.headers.set("colour", "blue");
    event.payload = id + "!";
    return event;
  }
  static void publish(Broker& broker, const std::string& id, const std::string& key,
                      const std::string& topic = "orders") {
    const auto event = event_of(id, key);
    const std::array views{event.view()};
    broker.publish(topic, views).or_throw();
  }
  static void publish_many(Broker& broker, int from, int to) {
    std::vector<Envelope> events;
    for (int number = from; number < to; ++number)
      events.push_back(event_of(std::to_string(number), "k" + std::to_string(number % 7)));
    std::vector<EnvelopeView> views;
    for (const auto& event : events) views.push_back(event.view());
    broker.publish("orders", views).or_throw();
  }
  static std::vector<Envelope> read(Broker& broker, const std::string& topic = "orders") {
    std::vector<Envelope> all;
    if (!broker.topic(topic)) return all;
    auto reader = broker.subscribe(topic, {.group = "", .create_topic = false}).or_throw();
    while (true) {
      auto got = reader->fetch(1000, 1ms).or_throw();
      if (got.empty()) return all;
      for (const auto& delivery : got) all.emplace_back(delivery.envelope);
    }
  }
  /// A bridge that ends when it has come to the end.
  static Result<> run(Broker& from, Broker& to, BridgeOptions options = {}) {
    static Quiet quiet;
    options.follow = false;
    options.log = &quiet;
    return Bridge(from, to, options).run({});
  }
  static void expect_in_order(const std::vector<Envelope>& events, std::size_t least) {
    EXPECT_GE(events.size(), least);
    std::map<std::string, int> last;
    for (const auto& event : events) {
      const auto number = std::stoi(event.id);
      const auto [before, is_first] = last.try_emplace(event.key, -1);
      EXPECT_LT(before->second, number);
      before->second = number;
    }
  }
  /// What a group of the target gets.
  static std::set<std::string> handle(Broker& broker, const std::string& group, std::size_t most = 100'000) {
    std::set<std::string> ids;
    auto consumer = broker.subscribe("orders", {.group = group, .create_topic = false}).or_throw();
    while (ids.size() < most) {
      const auto got = consumer->fetch(std::min<std::size_t>(most - ids.size(), 1000), 50ms).or_throw();
      if (got.empty()) break;
      std::vector<DeliveryId> done;
      for (const auto& delivery : got) {
        ids.emplace(delivery.envelope.id);
        done.push_back(delivery.id);
      }
      consumer->settle(done).or_throw();
    }
    consumer->close(1s).or_throw();
    return ids;
  }

  std::string folder_;
  Quiet log_;
  std::unique_ptr<Broker> from_;
  std::unique_ptr<Broker> to_;
};

TEST(Marks, AreReadAsTheyAreWritten) {
  Envelope event;
  EXPECT_FALSE(mark_of(event.view()));
  event.headers.set(bridged_header, to_text({.bridge = "b", .partition = Partition{3}, .offset = Offset{17}}));
  const auto mark = mark_of(event.view());
  ASSERT_TRUE(mark);
  EXPECT_EQ(mark->bridge, "b");
  EXPECT_EQ(mark->partition, Partition{3});
  EXPECT_EQ(mark->offset, Offset{17});
  for (const auto* wrong : {"", "b", "b 3", "b 3 ", "b x 1", "b 1 x", "b 1 2x"}) {
    event.headers.set(bridged_header, wrong);
    EXPECT_FALSE(mark_of(event.view())) << wrong;
  }
}

TEST_F(BridgeTest, MirrorsEveryEventAsItIs) {
  open("log", "memory:");
  from_->create_topic("orders", {.partitions = 3}).or_throw();
  publish_many(*from_, 0, 2500);
  publish(*from_, "9000", "");
  ASSERT_TRUE(run(*from_, *to_));
  auto events = read(*to_);
  ASSERT_EQ(events.size(), 2501U);
  EXPECT_EQ(to_->topic("orders").or_throw().partitions.size(), 3U);
  for (const auto& event : events) {
    EXPECT_EQ(event.payload, event.id + "!");
    EXPECT_EQ(event.headers.view().get("colour"), "blue");
  }
  std::erase_if(events, [](const Envelope& event) { return event.key.empty(); });
  expect_in_order(events, 2500);
}

// A raw client wrote it: its source holds it in the open, and the target refuses the mark.
TEST_F(BridgeTest, AnEventThatWantsToBeSealedAndIsNotHoldsUpNothing) {
  open("log", "memory:");
  Faulty from(std::move(from_));
  Headers mark;
  mark.set(encryption_header, encryption_required);
  publish(from, "1", "a");
  from.give_headers(std::move(mark));
  const auto done = run(from, *to_);
  ASSERT_TRUE(done) << to_string(done.error());
  const auto events = read(*to_);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().payload, "1!");
  EXPECT_EQ(events.front().headers.get(encryption_header), encryption_asked_for);
}

TEST_F(BridgeTest, ToAnotherNumberOfPartitions) {
  open("log", "log");
  publish_many(*from_, 0, 1000);
  ASSERT_TRUE(run(*from_, *to_, {.partitions = 5}));
  EXPECT_EQ(to_->topic("orders").or_throw().partitions.size(), 5U);
  expect_in_order(read(*to_), 1000);
}

TEST_F(BridgeTest, GoesOnWhereItWas) {
  open("log", "log");
  publish_many(*from_, 0, 500);
  ASSERT_TRUE(run(*from_, *to_));
  publish_many(*from_, 500, 900);
  ASSERT_TRUE(run(*from_, *to_));
  EXPECT_EQ(read(*to_).size(), 900U);
}

TEST_F(BridgeTest, WhatWasSentAndNotSettledIsThereOnceWhereProducersAreKnown) {
  open("log", "log");
  publish_many(*from_, 0, 500);
  ASSERT_TRUE(run(*from_, *to_));
  // As after a kill before anything was settled.
  from_->seek("orders", "tidings.bridge.bridge", Start::offset(Offset{100})).or_throw();
  publish_many(*from_, 500, 600);
  ASSERT_TRUE(run(*from_, *to_));
  const auto events = read(*to_);
  EXPECT_EQ(events.size(), 600U);
  expect_in_order(events, 600);
}

TEST_F(BridgeTest, RepeatsAreKnownWherePartitionsAreMergedToo) {
  open("log", "log");
  from_->create_topic("orders", {.partitions = 3}).or_throw();
  publish_many(*from_, 0, 5000);
  {
    Faulty from(std::move(from_));
    from.fetch_most = 100;  // so that the partitions stand among each other
    ASSERT_TRUE(run(from, *to_, {.partitions = 1}));
    from_ = from.release();
  }
  from_->seek("orders", "tidings.bridge.bridge", Start::offset(Offset{100})).or_throw();
  publish_many(*from_, 5000, 5100);
  ASSERT_TRUE(run(*from_, *to_));
  const auto events = read(*to_);
  EXPECT_EQ(events.size(), 5100U);
  expect_in_order(events, 5100);
}

TEST_F(BridgeTest, ASourceThatWasMadeAnewIsNoRepeat) {
  for (const std::uint32_t partitions : {3U, 1U}) {
    const auto url = "log:" + folder_ + "/from" + std::to_string(partitions);
    from_ = open_broker(url, {.log = &log_}).or_throw();
    to_ = open_broker("log:" + folder_ + "/to" + std::to_string(partitions), {.log = &log_}).or_throw();
    from_->create_topic("orders", {.partitions = 3}).or_throw();
    publish_many(*from_, 0, 1000);
    Faulty first(std::move(from_));
    first.fetch_most = 20;  // so that partitions stand among each other where they are merged
    ASSERT_TRUE(run(first, *to_, {.partitions = partitions}));
    from_ = open_broker(url + "-anew", {.log = &log_}).or_throw();
    from_->create_topic("orders", {.partitions = 3}).or_throw();
    publish_many(*from_, 5000, 5500);
    const auto ran = run(*from_, *to_);
    ASSERT_FALSE(ran) << "with " << partitions;
    EXPECT_EQ(ran.error().code, "source_changed") << to_string(ran.error());
    EXPECT_EQ(from_->groups("orders").or_throw().at(0).lag(), 500U) << "nothing is settled";
    ASSERT_TRUE(run(*from_, *to_, {.name = "anew"})) << "as the error says";
    EXPECT_EQ(read(*to_).size(), 1500U);
  }
}

TEST_F(BridgeTest, AnotherTargetIsToldThatItLacksWhatTheFirstOneGot) {
  open("log", "log");
  publish_many(*from_, 0, 100);
  ASSERT_TRUE(run(*from_, *to_));
  const auto other = open_broker("log:" + folder_ + "/other", {.log = &log_}).or_throw();
  const auto ran = run(*from_, *other);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, "target_changed") << to_string(ran.error());
  ASSERT_TRUE(run(*from_, *other, {.name = "other"})) << "as the error says";
  EXPECT_EQ(read(*other).size(), 100U);
}

TEST_F(BridgeTest, ASettleThatFailsLosesNothing) {
  open("log", "log");
  from_->create_topic("orders", {.partitions = 3}).or_throw();
  publish_many(*from_, 0, 600);
  Faulty from(std::move(from_));
  from.fetch_most = 100;  // so that there are later ones of the same partitions
  from.fail_settle({"unavailable", "for a moment", Retry::same_call});
  ASSERT_TRUE(run(from, *to_));
  const auto events = read(*to_);
  EXPECT_EQ(events.size(), 600U);
  expect_in_order(events, 600);
}

TEST_F(BridgeTest, TwoWaysDoNotSendBackWhatTheyGot) {
  open("log", "log");
  publish_many(*from_, 0, 100);
  publish_many(*to_, 1000, 1100);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(run(*from_, *to_));
    ASSERT_TRUE(run(*to_, *from_));
  }
  EXPECT_EQ(read(*from_).size(), 200U);
  EXPECT_EQ(read(*to_).size(), 200U);
}

TEST_F(BridgeTest, FollowsAlsoTopicsThatComeLater) {
  open("log", "memory:");
  BridgeOptions options;
  options.log = &log_;
  Bridge bridge(*from_, *to_, options);
  std::jthread thread([&](const std::stop_token& stop) { EXPECT_TRUE(bridge.run(stop)); });
  publish_many(*from_, 0, 10);
  publish(*from_, "1", "k", "mails");
  publish(*from_, "1", "k", "tidings.control");
  EXPECT_TRUE(testing::eventually([&] { return read(*to_).size() >= 10 && !read(*to_, "mails").empty(); }));
  EXPECT_EQ(read(*to_).size(), 10U);
  EXPECT_EQ(read(*to_, "mails").size(), 1U);
  EXPECT_FALSE(to_->topic("tidings.control")) << "a broker's own affairs stay its own";
  for (const auto& topic : bridge.progress()) EXPECT_EQ(topic.mirrored, topic.topic == "orders" ? 10U : 1U);
}

TEST_F(BridgeTest, WhatIsToComeIsUnknownWhereTheSourceDoesNotSay) {
  open("log", "memory:");
  publish_many(*from_, 0, 10);
  Faulty from(std::move(from_));
  BridgeOptions options{.topics = {"orders"}, .follow = false};
  options.log = &log_;
  Bridge bridge(from, *to_, options);
  ASSERT_TRUE(bridge.run({}));
  EXPECT_EQ(bridge.progress().at(0).behind, 0U);
  from.fail_groups(Error{"unavailable", "for a moment", Retry::same_call});
  EXPECT_EQ(bridge.progress().at(0).behind, std::nullopt);
  from.fail_groups(std::nullopt);
  from.hide_groups(true);
  EXPECT_EQ(bridge.progress().at(0).behind, std::nullopt) << "a group that is not there yet";
}

TEST_F(BridgeTest, WhatServicesKeepAtABrokerStaysThere) {
  open("log", "memory:");
  const auto own = {"mail.send.dead-letters", "shop.replies",         "tidings.control",
                    "tidings.delays.3",       "test.tidings.control", "tidings.schedule"};
  for (const auto* const topic : own) publish(*from_, "1", "k", topic);
  publish_many(*from_, 0, 10);
  ASSERT_TRUE(run(*from_, *to_));
  const auto there = to_->topics().or_throw();
  ASSERT_EQ(there.size(), 1U);
  EXPECT_EQ(there[0].name, "orders");
  for (const std::string topic : {"mail.send.dead-letters", "tidings.control", "test.tidings.delays.3"}) {
    const auto ran = run(*from_, *to_, {.topics = {topic}});
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().code, "unsupported") << to_string(ran.error());
    EXPECT_EQ(carry_group({.from = *from_, .to = *to_, .topic = topic, .group = "mail"}).error().code, "unsupported");
  }
  ASSERT_TRUE(run(*from_, *to_, {.topics = {"shop.replies"}})) << "who asks for them gets them";
  EXPECT_EQ(read(*to_, "shop.replies").size(), 1U);
}

TEST_F(BridgeTest, WhatTheTargetRefusesStopsTheTopicAndIsTold) {
  open("log", "log");
  publish_many(*from_, 0, 3);
  to_->create_topic("orders", {.event_bytes_max = 40}).or_throw();
  const auto ran = run(*from_, *to_);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, "too_large");
  EXPECT_NE(ran.error().message.find("orders, partition 0, of offset 0"), std::string::npos) << ran.error().message;
  EXPECT_EQ(from_->groups("orders").or_throw().at(0).lag(), 3U) << "nothing is left out";
}

TEST_F(BridgeTest, AnUnknownTopicAndABadNameAreErrors) {
  open("log", "memory:");
  EXPECT_EQ(run(*from_, *to_, {.topics = {"nowhere"}}).error().code, "unknown_topic");
  EXPECT_EQ(run(*from_, *to_, {.name = "a/b"}).error().code, "invalid_name");
}

TEST_F(BridgeTest, AGroupGoesOnAtTheTargetWithNothingLeftOut) {
  for (const std::uint32_t partitions : {3U, 5U}) {
    const auto topic_to = "log:" + folder_ + "/to" + std::to_string(partitions);
    from_ = open_broker("log:" + folder_ + "/from" + std::to_string(partitions), {.log = &log_}).or_throw();
    to_ = open_broker(topic_to, {.log = &log_}).or_throw();
    from_->create_topic("orders", {.partitions = 3}).or_throw();
    publish_many(*from_, 0, 1000);
    auto handled = handle(*from_, "mail", 400);
    publish_many(*from_, 1000, 1200);
    ASSERT_TRUE(run(*from_, *to_, {.partitions = partitions}));
    publish_many(*from_, 1200, 1300);  // not mirrored yet
    publish(*to_, "7000", "k");        // a producer has moved already
    const auto carried = carry_group({.from = *from_, .to = *to_, .topic = "orders", .group = "mail"});
    ASSERT_TRUE(carried) << to_string(carried.error());
    ASSERT_TRUE(run(*from_, *to_));
    const auto rest = handle(*to_, "mail");
    const auto again = std::ranges::count_if(rest, [&](const auto& id) { return handled.contains(id); });
    EXPECT_LE(static_cast<std::uint64_t>(again), carried->handled_again);
    handled.insert(rest.begin(), rest.end());
    EXPECT_EQ(handled.size(), 1301U);
    EXPECT_GE(rest.size(), 901U);
    if (partitions == 3) {
      EXPECT_EQ(rest.size(), 901U) << "as many partitions: nothing comes twice";
    }
  }
}

TEST_F(BridgeTest, WhatCameBackFromTheTargetIsNotHandledAgain) {
  open("log", "log");
  publish_many(*from_, 0, 100);
  ASSERT_TRUE(run(*from_, *to_));
  publish_many(*to_, 1000, 1050);
  ASSERT_TRUE(run(*to_, *from_));
  EXPECT_EQ(handle(*from_, "mail").size(), 150U);
  publish_many(*to_, 1050, 1060);
  ASSERT_TRUE(carry_group({.from = *from_, .to = *to_, .topic = "orders", .group = "mail"}));
  EXPECT_EQ(handle(*to_, "mail").size(), 10U);
}

TEST_F(BridgeTest, AGroupIsNotCarriedPastWhatAReaderWasNotGiven) {
  open("log", "log");
  publish_many(*from_, 0, 100);
  ASSERT_TRUE(run(*from_, *to_));
  EXPECT_EQ(handle(*from_, "mail", 40).size(), 40U);
  Faulty from(std::move(from_));
  Faulty to(std::move(to_));
  to.silence_readers_after(10);
  const auto slow_there = carry_group({.from = from, .to = to, .topic = "orders", .group = "mail"});
  ASSERT_FALSE(slow_there);
  EXPECT_EQ(slow_there.error().code, "timeout");
  EXPECT_EQ(slow_there.error().retry, Retry::same_call);
  to.silence_readers_after(100'000);
  ASSERT_TRUE(run(to, from)) << "a bridge that goes back, so that the source is read as well";
  from.silence_readers_after(10);
  const auto slow_here = carry_group({.from = from, .to = to, .topic = "orders", .group = "mail"});
  ASSERT_FALSE(slow_here);
  EXPECT_EQ(slow_here.error().code, "timeout");
  for (const auto& group : to.groups("orders").or_throw()) EXPECT_NE(group.group, "mail") << "nothing was moved";
  from.silence_readers_after(100'000);
  EXPECT_EQ(carry_group({.from = from, .to = to, .topic = "orders", .group = "mail"}).or_throw().positions,
            std::vector{Offset{40}});
}

TEST_F(BridgeTest, AGroupWithLiveMembersIsNotCarried) {
  open("log", "log");
  publish_many(*from_, 0, 10);
  ASSERT_TRUE(run(*from_, *to_));
  EXPECT_EQ(carry_group({.from = *from_, .to = *to_, .topic = "orders", .group = "mail"}).error().code,
            "unknown_group");
  const auto member = from_->subscribe("orders", {.group = "mail"}).or_throw();
  (void)member->fetch(1, 1s).or_throw();
  EXPECT_EQ(carry_group({.from = *from_, .to = *to_, .topic = "orders", .group = "mail"}).error().code, "group_active");
}

}  // namespace
}  // namespace tidings::bridge
