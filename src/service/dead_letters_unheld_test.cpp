// Dead letters that nobody holds: of processes that share nothing, and of what waited to be published.
#include "service/testing.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

struct Counts {
  std::uint64_t parked = 0, redriven = 0, dropped = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

class UnheldLettersTest : public ServiceTest {
 protected:
  UnheldLettersTest() { use_clock(manual_); }
  ~UnheldLettersTest() override {
    stop();
    service_.reset();
  }
  template <class Condition>
  bool within(Duration most, Condition condition) {
    for (Duration passed{}; passed < most; passed += 50ms) {
      if (condition()) return true;
      manual_.advance(50ms);
      std::this_thread::sleep_for(500us);
    }
    return eventually(condition);
  }
  DeadLetters desk(const std::string& group) { return DeadLetters::read(*broker_, group).or_throw(); }
  Counts counts(const std::string& group) {
    Counts sum;
    for (const auto& one : desk(group).counts())
      sum.parked += one.parked, sum.redriven += one.redriven, sum.dropped += one.dropped;
    return sum;
  }
  std::vector<std::string> listed(const std::string& group) {
    std::vector<std::string> all;
    desk(group)
        .for_each({},
                  [&](const DeadLetter& one) {
                    all.push_back(std::string(one.topic) + ":" + std::string(one.code) + (one.blocks ? " blocks" : ""));
                    return true;
                  })
        .or_throw();
    return all;
  }
  DeadLetterProgress ask(const std::string& group, const DeadLetterRequest& request) {
    auto letters = desk(group);
    letters.publish(request, "").or_throw();
    DeadLetterProgress progress;
    EXPECT_TRUE(eventually([&] {
      progress = letters.progress().or_throw();
      return progress.done == progress.partitions;
    }));
    EXPECT_GT(progress.partitions, 0U);
    return progress;
  }
  ManualClock manual_;
};

TEST_F(UnheldLettersTest, ProcessesThatAllGetEveryEventDoNotVoidEachOthers) {
  auto& service = make();
  auto other = Service::create({.name = "test", .broker = broker_.get(), .log = &lines_}).or_throw();
  const auto fails_on = [](std::int64_t rest) {
    return [rest](const Tick& tick) -> Result<> {
      if (tick.number % 2 == rest) return Error{"bad", "it is bad"};
      return {};
    };
  };
  service.on("cache", {.concurrency = 1, .instances = Instances::each}, fails_on(0));
  other.on("cache", {.concurrency = 1, .instances = Instances::each}, fails_on(1));
  broker_->create_topic("ticks", {}).or_throw();
  std::jthread runs([&] { other.run(); });
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 2; }));
  for (int tick = 0; tick < 10; ++tick) {
    publish(Tick{tick});
    EXPECT_TRUE(eventually([&] {
      return letters("test.cache.dead-letters").size() == static_cast<std::size_t>(tick) + 1;
    })) << "by turns";
  }
  EXPECT_TRUE(eventually([&] { return service.stats("cache")->parked == 5 && other.stats("cache")->parked == 5; }));
  EXPECT_EQ(counts("test.cache"), (Counts{.parked = 10}));
  EXPECT_EQ(listed("test.cache").size(), 10U);
  for (const auto& one : letters("test.cache.dead-letters")) EXPECT_FALSE(one.headers.get(dead_letter::hold));
  EXPECT_EQ(read("test.cache.dead-letters").size(), 10U) << "nobody takes anything over";

  const auto redriven = desk("test.cache").publish({}, "");
  EXPECT_FALSE(redriven) << "who would handle it?";
  if (!redriven) {
    EXPECT_EQ(redriven.error().code, "unsupported");
  }
  EXPECT_EQ(ask("test.cache", {.action = DeadLetterRequest::Action::drop}).dropped, 10U);
  EXPECT_EQ(counts("test.cache"), (Counts{.parked = 10, .dropped = 10}));
  EXPECT_TRUE(listed("test.cache").empty());
  other.stop();
}

TEST_F(UnheldLettersTest, WhatWaitedAndWasRefusedIsListedAndGivenBack) {
  auto& service = make();
  broker_->create_topic("ticks", {}).or_throw();
  const auto running = start();
  ASSERT_TRUE(service.publish_after(Tick{1}, 1s));
  broker_->fail_publish("ticks", 2, Error{"too_large", "it is too large"});
  ASSERT_TRUE(within(1min, [&] { return letters("tidings.delays.dead-letters").size() == 1; })) << lines_.all();
  EXPECT_EQ(listed("tidings.delays"), std::vector<std::string>{"tidings.delays.0:too_large"});
  ASSERT_TRUE(eventually([&] { return group("tidings.delays.0", "tidings.delays").parked == 1; }));
  EXPECT_EQ(ask("tidings.delays", {}).redriven, 1U);
  ASSERT_TRUE(within(1min, [&] { return read("ticks").size() == 1; })) << lines_.all();
  EXPECT_TRUE(read("ticks").at(0).headers.view().empty()) << "as it was made";
  EXPECT_EQ(counts("tidings.delays"), (Counts{.parked = 1, .redriven = 1}));
  EXPECT_TRUE(listed("tidings.delays").empty());
}

TEST_F(UnheldLettersTest, WhatWaitedIsDropped) {
  auto& service = make();
  broker_->create_topic("ticks", {}).or_throw();
  const auto running = start();
  for (int tick = 0; tick < 600; ++tick) ASSERT_TRUE(service.publish_after(Tick{tick}, 1s));
  broker_->fail_publish("ticks", 1'000'000, Error{"unknown_topic", "it is gone"});
  ASSERT_TRUE(within(1min, [&] { return letters("tidings.delays.dead-letters").size() == 600; })) << lines_.all();
  EXPECT_EQ(ask("tidings.delays", {.action = DeadLetterRequest::Action::drop}).dropped, 600U);
  EXPECT_EQ(counts("tidings.delays"), (Counts{.parked = 600, .dropped = 600}));
}

TEST_F(UnheldLettersTest, WhatIsDueWaitsOutATroubleOfItsTopicAndOthersGoOn) {
  auto& service = make();
  broker_->create_topic("ticks", {}).or_throw();
  const auto running = start();
  ASSERT_TRUE(service.publish_after(Tick{1}, 1s));
  ASSERT_TRUE(service.publish_after(Confirmed{"a", "one"}, 1s));
  broker_->fail_publish("ticks", 5, Error{"permission_denied", "it may not any more"});
  ASSERT_TRUE(within(5min, [&] { return read("ticks").size() == 1; })) << lines_.all();
  EXPECT_EQ(broker_->publishes_to_fail(), 0);
  EXPECT_FALSE(broker_->topic("tidings.delays.dead-letters")) << "parking it mends nothing";
  EXPECT_EQ(read("mails").size(), 1U) << "once, however often the other is tried";
}

}  // namespace
}  // namespace tidings::service
