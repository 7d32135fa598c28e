#include "service/delays.hpp"

#include <filesystem>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

TEST(DelayLevels, AnEventWaitsInEachAtMostOnce) {
  EXPECT_EQ(Delays::level_for(-1s), 0U);
  EXPECT_EQ(Delays::level_for(2999ms), 0U);
  EXPECT_EQ(Delays::level_for(3s), 1U);
  EXPECT_EQ(Delays::level_for(5s - 1ns), 1U);
  EXPECT_EQ(Delays::level_for(5s), 2U);
  EXPECT_EQ(Delays::level_for(365 * 24h), 24U);
  for (const Duration wait : {Duration{5s}, Duration{3599s}, Duration{86'399s}, Duration{365 * 24h}}) {
    auto left = wait;
    int moves = 0;
    for (auto level = Delays::level_for(left); level > 0; ++moves) {
      left -= Delays::wait_of(level);
      const auto next = Delays::level_for(left);
      ASSERT_LT(next, level);
      level = next;
    }
    EXPECT_GE(left, Delays::last_wait);
    EXPECT_LT(left, 3s);
    EXPECT_LE(moves, 25);
  }
}

class DelaysTest : public ServiceTest {
 protected:
  DelaysTest() { use_clock(manual_); }
  ~DelaysTest() override {
    stop();
    service_.reset();
  }
  /// Time goes on in steps, until it is so or so much has passed.
  template <class Condition>
  bool within(Duration most, Condition condition, Duration step = 50ms) {
    for (Duration passed{}; passed < most; passed += step) {
      if (condition()) return true;
      manual_.advance(step);
      std::this_thread::sleep_for(500us);
    }
    return eventually(condition);
  }
  ManualClock manual_;
};

TEST_F(DelaysTest, AnEventComesWhenItIsDueAndNotBefore) {
  auto& service = make();
  Record<std::pair<std::int64_t, TimePoint>> seen;
  service.on("count", {}, [&](const Tick& tick) { seen.add({tick.number, manual_.now()}); });
  const auto running = start();
  const auto begin = manual_.now();
  ASSERT_TRUE(service.publish_after(Tick{3}, 30s));
  ASSERT_TRUE(service.publish_after(Tick{1}, 500ms));
  ASSERT_TRUE(service.publish_at(Tick{2}, begin + 5s));
  ASSERT_TRUE(service.publish_at(Tick{0}, begin - 1h));
  ASSERT_TRUE(within(2min, [&] { return seen.size() == 4; })) << lines_.all();
  const auto values = seen.values();
  const std::array waits{Duration{0s}, Duration{500ms}, Duration{5s}, Duration{30s}};
  for (std::size_t at = 0; at < values.size(); ++at) {
    EXPECT_EQ(values[at].first, static_cast<std::int64_t>(at));
    EXPECT_GE(values[at].second - begin, waits[at]);
    EXPECT_LT(values[at].second - begin, waits[at] + 10s) << "time runs while a loaded machine works";
  }
  for (const auto& envelope : read("ticks")) EXPECT_TRUE(envelope.headers.view().empty()) << "as it was made";
}

TEST_F(DelaysTest, AHandlersPublicationsWaitToo) {
  auto& service = make();
  Record<std::string> seen;
  service.on("remind", {}, [&](const Order& order, Context& context) {
    return context.publish_after(Confirmed{order.id, "still there?"}, 1min);
  });
  service.on("mail", {}, [&](const Confirmed& mail) { seen.add(mail.text); });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.remind"));
  EXPECT_EQ(seen.size(), 0U);
  ASSERT_TRUE(within(3min, [&] { return seen.size() == 1; }, 200ms)) << lines_.all();
  const auto mails = read("mails");
  ASSERT_EQ(mails.size(), 1U);
  EXPECT_FALSE(mails[0].causation_id.empty());
}

TEST_F(DelaysTest, WhatWaitsOutlivesTheServiceAndIsPublishedByAnother) {
  {
    auto& service = make();
    const auto running = start();
    ASSERT_TRUE(service.publish_after(Tick{1}, 1h));
  }
  service_.reset();
  manual_.advance(59min);
  Record<std::int64_t> seen;
  auto& service = make({.name = "another"});
  service.on("count", {}, [&](const Tick& tick) { seen.add(tick.number); });
  const auto running = start();
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(seen.size(), 0U);
  ASSERT_TRUE(within(10min, [&] { return seen.size() == 1; }, 1s)) << lines_.all();
}

TEST_F(DelaysTest, ManyComeInTheOrderOfTheirTimes) {
  auto& service = make();
  Record<std::int64_t> seen;
  service.on("count", {.concurrency = 1}, [&](const Order& order) { seen.add(order.number); });
  const auto running = start();
  // The later one is, the sooner it is published.
  for (std::int64_t order = 999; order >= 0; --order)
    ASSERT_TRUE(service.publish_after(Order{"k", order}, order * 100ms));
  // However slow the machine is: time goes on once what was due a moment ago has come.
  const auto begin = manual_.now();
  while (seen.size() < 1000) {
    const auto passed = manual_.now() - begin;
    const auto due = passed > 100ms ? static_cast<std::size_t>((passed - 100ms) / 100ms) : 0;
    ASSERT_TRUE(seen.wait(std::min<std::size_t>(1000, due))) << seen.size() << lines_.all();
    manual_.advance(20ms);
  }
  auto values = seen.values();
  for (std::size_t at = 1; at < values.size(); ++at) EXPECT_LT(values[at - 1], values[at]) << "at " << at;
}

TEST_F(DelaysTest, WhatCannotBePublishedWhenItIsDueIsParked) {
  auto& service = make();
  broker_->create_topic("ticks", {}).or_throw();
  const auto running = start();
  ASSERT_TRUE(service.publish_after(Tick{1}, 1s));
  ASSERT_TRUE(service.publish_after(Tick{2}, 1s));
  broker_->fail_publish("ticks", 2, Error{"unknown_topic", "it is gone"});
  ASSERT_TRUE(within(1min, [&] { return read("tidings.delays.dead-letters").size() == 1; })) << lines_.all();
  ASSERT_TRUE(within(1min, [&] { return read("ticks").size() == 1; })) << "the other goes its way";
  EXPECT_EQ(read("tidings.delays.dead-letters").at(0).headers.view().get(dead_letter::code), "unknown_topic");
}

TEST_F(DelaysTest, WhileTheBrokerIsAwayWhatIsDueWaits) {
  auto& service = make();
  const auto running = start();
  ASSERT_TRUE(service.publish_after(Tick{1}, 1s));
  broker_->fail_publish("ticks", 3, Error{"io_error", "away", Retry::reopen});
  ASSERT_TRUE(within(5min, [&] { return read("ticks").size() == 1; })) << lines_.all();
  EXPECT_EQ(broker_->publishes_to_fail(), 0);
}

/// Put there by a stranger, or by a clock that was ahead.
TEST_F(DelaysTest, WhatDoesNotBelongToALevelHoldsUpNothing) {
  auto& service = make();
  Record<std::int64_t> seen;
  service.on("count", {}, [&](const Tick& tick) { seen.add(tick.number); });
  const auto running = start();
  ASSERT_TRUE(service.publish_after(Tick{1}, 1s));
  for (const auto* due : {"2200-01-01T00:00:00Z", "1700-01-01T00:00:00Z"}) {
    auto stray = make_envelope(Tick{2}, {.source = "elsewhere"}).or_throw();
    stray.headers.set(delay::due, due);
    stray.headers.set(delay::topic, "ticks");
    publish_raw("tidings.delays.0", stray);
  }
  ASSERT_TRUE(service.publish_after(Tick{3}, 2s));
  ASSERT_TRUE(within(20s, [&] { return seen.size() == 3; })) << lines_.all();
  ASSERT_TRUE(within(20s, [&] { return group("tidings.delays.0", "tidings.delays").lag() == 0; }))
      << "nothing stands in the way of its position";
}

struct Offer {
  std::string id;
  static constexpr tidings::traits<Offer> event{.name = "test.offer", .topic = "offers", .key = &Offer::id, .ttl = 10s};
};

TEST_F(DelaysTest, ATimeToLiveCountsFromWhenItIsDue) {
  auto& service = make();
  Record<std::string> seen;
  service.on("read", {}, [&](const Offer& offer, Context& context) -> Result<> {
    seen.add(offer.id);
    return offer.id == "first" ? context.publish_after(Offer{"second"}, 1h) : Result<>{};
  });
  const auto running = start();
  ASSERT_TRUE(service.publish_after(Offer{"first"}, 60s));
  ASSERT_TRUE(within(70s, [&] { return seen.size() == 1; })) << lines_.all();
  ASSERT_TRUE(within(4000s, [&] { return seen.size() == 2; }, 500ms)) << lines_.all();
  EXPECT_EQ(service.stats("read").or_throw().expired, 0U);
}

TEST_F(DelaysTest, WhatItsTopicCanNeverTakeIsToldAtOnce) {
  auto& service = make();
  broker_->create_topic("orders", {.event_bytes_max = 2000}).or_throw();
  EXPECT_EQ(service.publish_after(Order{std::string(3000, 'a'), 1}, 1h).error().code, "too_large");
  EXPECT_TRUE(service.publish_after(Order{std::string(300, 'a'), 1}, 1h));
}

TEST_F(DelaysTest, ATooDistantTimeIsRefused) {
  auto& service = make();
  const auto published = service.publish_after(Tick{1}, Duration::max());
  // Within what a time can be, it waits; no clock is wrong by it.
  EXPECT_TRUE(published || published.error().code == "invalid_event");
}

/// A broker whose topics are not for what waits.
class Cluster final : public Wrapped {
 public:
  explicit Cluster(std::unique_ptr<Broker> broker) : Wrapped(std::move(broker)) { capabilities_.delays = false; }
};

TEST(Schedules, WhereTheBrokerCannotAnotherKeepsThem) {
  Lines lines;
  Cluster cluster(open_broker("memory:", {.log = &lines}).or_throw());
  auto without = Service::create({.name = "a", .broker = &cluster, .log = &lines}).or_throw();
  EXPECT_EQ(without.publish_after(Tick{1}, 10ms).error().code, "unsupported");
  std::string folder = (std::filesystem::temp_directory_path() / "tidings-schedule-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  {
    auto with = Service::create({.name = "b",
                                 .broker = &cluster,
                                 .settings = {{"schedule.broker", "log:" + folder + "/log"}},
                                 .log = &lines})
                    .or_throw();
    Record<std::int64_t> seen;
    with.on("count", {}, [&](const Tick& tick) { seen.add(tick.number); });
    std::jthread runs([&] { with.run(); });
    ASSERT_TRUE(with.publish_after(Tick{7}, 50ms));
    EXPECT_TRUE(seen.wait(1)) << lines.all();
    with.stop();
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tidings::service
