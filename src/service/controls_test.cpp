#include <numeric>

#include "service/testing.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

struct Quote {
  std::string id;
  static constexpr tidings::traits<Quote> event{.name = "test.quote", .topic = "quotes", .key = &Quote::id, .ttl = 10s};
};

class Controls : public ServiceTest {};

TEST_F(Controls, CodesDecideWhatIsTriedAgain) {
  auto& service = make();
  std::atomic<int> never = 0, also = 0;
  const Backoff retry{
      .immediate = 2, .delayed = 0, .first = 1ms, .longest = 1ms, .never = {"declined"}, .also = {"busy"}};
  service.on("pay", {.retry = retry}, [&](const Order& order) -> Result<> {
    if (order.id == "n") return ++never, Error{"declined", "no", Retry::same_call};
    return ++also, Error{"busy", "later"};
  });
  publish(Order{"n", 1});
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.pay").parked == 2; })) << lines_.all();
  EXPECT_EQ(never, 1);
  EXPECT_EQ(also, 3);
}

TEST_F(Controls, TheRateIsKept) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  std::atomic<int> seen = 0;
  service.on("count", {.rate = {.events = 10, .per = 1s}}, [&](const Tick&) { ++seen; });
  for (int tick = 0; tick < 35; ++tick) publish(Tick{tick});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return seen == 10; }));
  for (int second = 2; second <= 3; ++second) {
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(seen, 10 * (second - 1));
    clock.advance(1s);
    ASSERT_TRUE(eventually([&] { return seen == 10 * second; })) << seen;
  }
  clock.advance(1h);
  ASSERT_TRUE(eventually([&] { return seen == 35; }));
}

TEST_F(Controls, ABatchWaitsToBeFullAndNoLonger) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  Record<std::size_t> sizes;
  service.on("store", {.batch_max = 5, .batch_wait = 1min},
             [&](const Batch<Order>& orders) { sizes.add(orders.size()); });
  const auto running = start();
  for (int order = 0; order < 3; ++order) publish(Order{"k" + std::to_string(order), order});
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(sizes.size(), 0U) << "it is not full, nor is its time over";
  for (int order = 3; order < 5; ++order) publish(Order{"k" + std::to_string(order), order});
  ASSERT_TRUE(sizes.wait(1));
  EXPECT_EQ(sizes.values().front(), 5U) << "full: it waits for no clock";
  publish(Order{"k", 6});
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(sizes.size(), 1U);
  clock.advance(61s);
  ASSERT_TRUE(sizes.wait(2));
  EXPECT_EQ(sizes.values().back(), 1U);
}

TEST_F(Controls, TheRateLetsBatchesGather) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  Record<std::size_t> sizes;
  service.on("store", {.batch_max = 8, .rate = {.events = 10, .per = 1s}},
             [&](const Batch<Order>& orders) { sizes.add(orders.size()); });
  for (int order = 0; order < 40; ++order) publish(Order{"one", order});
  const auto running = start();
  ASSERT_TRUE(sizes.wait(1));
  for (std::size_t batches = 2; batches <= 5; ++batches)
    ASSERT_TRUE(eventually([&] {
      clock.advance(1ms);  // as time goes: each event that the rate allows could begin by itself
      return sizes.size() >= batches;
    }));
  EXPECT_EQ(sizes.values(), (std::vector<std::size_t>{8, 8, 8, 8, 8}));
}

TEST_F(Controls, ABatchWaitsForNoMoreThanCanBeInFlight) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  Record<std::size_t> sizes;
  service.on("store", {.in_flight_max = 4, .batch_max = 100, .batch_wait = 1min},
             [&](const Batch<Order>& orders) { sizes.add(orders.size()); });
  const auto running = start();
  for (int order = 0; order < 8; ++order) publish(Order{"one", order});
  ASSERT_TRUE(sizes.wait(2)) << "the clock stands still";
  EXPECT_EQ(sizes.values(), (std::vector<std::size_t>{4, 4}));
}

TEST_F(Controls, TheBreakerStopsAttemptsUntilOneSucceeds) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  std::atomic<bool> away = true;
  std::atomic<int> attempts = 0;
  Record<std::int64_t> done;
  service.on("store",
             {.concurrency = 2,
              .retry = {.immediate = 0, .delayed = 100, .first = 1ms, .longest = 1ms},
              .breaker = {.window = 10, .share = 0.8, .pause = 10s}},
             [&](const Order& order) -> Result<> {
               ++attempts;
               if (away) return Error{"database_away", "no connection", Retry::same_call};
               done.add(order.number);
               return {};
             });
  for (int order = 0; order < 50; ++order) publish(Order{"one", order});
  const auto running = start();
  const auto opened = [&] { return lines_.count("store pauses: "); };
  ASSERT_TRUE(eventually([&] {
    clock.advance(1ms);
    return opened() == 1;
  })) << lines_.all();
  EXPECT_EQ(lines_.count("the last with database_away"), 1U) << lines_.all();
  const auto before = attempts.load();
  clock.advance(9s);
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(attempts, before) << "nothing is tried while it is open";
  EXPECT_TRUE(service.stats("store").or_throw().broken);
  clock.advance(1s);
  ASSERT_TRUE(eventually([&] { return opened() == 2; }));
  EXPECT_EQ(attempts, before + 1) << "one is tried";
  away = false;
  clock.advance(20s);
  ASSERT_TRUE(done.wait(50)) << lines_.all();
  EXPECT_EQ(lines_.count("store succeeds again"), 1U);
  std::vector<std::int64_t> expected(50);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(done.values(), expected) << "in order, and none parked";
}

TEST_F(Controls, WhileTheBreakerIsOpenNoAttemptIsUsedUp) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  std::atomic<bool> away = true;
  Record<std::int64_t> done;
  service.on("store", {.retry = {.immediate = 3, .delayed = 0}, .breaker = {.window = 2, .share = 1, .pause = 1s}},
             [&](const Order& order) -> Result<> {
               if (away) return Error{"database_away", "no connection", Retry::same_call};
               done.add(order.number);
               return {};
             });
  publish(Order{"one", 1});
  const auto running = start();
  // Two attempts open it; what comes then only shows that it stays so, far more often than the event has attempts.
  for (std::size_t probes = 1; probes <= 10; ++probes) {
    ASSERT_TRUE(eventually([&] { return lines_.count("store pauses: ") == probes; })) << lines_.all();
    clock.advance(1h);
  }
  ASSERT_TRUE(eventually([&] { return lines_.count("store pauses: ") == 11; })) << lines_.all();
  away = false;
  clock.advance(1h);
  ASSERT_TRUE(done.wait(1)) << lines_.all();
  EXPECT_EQ(service.stats("store").or_throw().parked, 0U);
}

TEST_F(Controls, APauseAndALimitHoldBackRetriesThatFollowAtOnce) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  std::atomic<int> attempts = 0;
  service.on("store", {.retry = {.immediate = 8, .delayed = 0}, .rate = {.events = 2, .per = 1s}},
             [&](const Order&) -> Result<> {
               if (++attempts == 3) (void)service_->pause("store");
               return Error{"database_away", "no connection", Retry::same_call};
             });
  publish(Order{"one", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return attempts == 2; }));
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(attempts, 2) << "the rate";
  clock.advance(1s);
  ASSERT_TRUE(eventually([&] { return attempts == 3; }));
  clock.advance(10s);
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(attempts, 3) << "it is paused";
  ASSERT_TRUE(service.resume("store"));
  ASSERT_TRUE(eventually([&] {
    clock.advance(1s);
    return service.stats("store").or_throw().parked == 1;
  }));
  EXPECT_EQ(attempts, 9);
}

TEST_F(Controls, WhatIsWrongWithTheEventOpensNoBreaker) {
  auto& service = make();
  service.on("store", {.breaker = {.window = 2, .share = 0.1, .pause = 1h}},
             [&](const Order&) -> Result<> { return Error{"bad", "never"}; });
  for (int order = 0; order < 20; ++order) publish(Order{"k" + std::to_string(order), order});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.store").parked == 20; })) << lines_.all();
  EXPECT_FALSE(service.stats("store").or_throw().broken);
}

TEST_F(Controls, PausesAndResumes) {
  auto& service = make();
  Record<std::int64_t> seen;
  service.on("count", {}, [&](const Tick& tick) { seen.add(tick.number); });
  EXPECT_EQ(service.pause("count").error().code, "unknown_handler") << "it does not run yet";
  const auto running = start();
  publish(Tick{1});
  ASSERT_TRUE(seen.wait(1));
  ASSERT_TRUE(service.pause("count"));
  publish(Tick{2});
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_TRUE(service.stats("count").or_throw().paused);
  ASSERT_TRUE(service.resume("count"));
  ASSERT_TRUE(seen.wait(2));
  EXPECT_EQ(service.pause("nobody").error().code, "unknown_handler");
}

TEST_F(Controls, AnAttemptThatOverrunsIsAskedToEnd) {
  auto& service = make();
  std::atomic<int> asked = 0;
  service.on("slow", {.retry = {.immediate = 1, .delayed = 0}, .deadline = 20ms},
             [&](const Order&, Context& context) -> Result<> {
               EXPECT_NE(context.deadline(), SteadyTime::max());
               while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
               ++asked;
               return Error{"too_slow", "asked to end", Retry::same_call};
             });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.slow").parked == 1; })) << lines_.all();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(service.stats("slow").or_throw().overran, 2U);
  EXPECT_EQ(lines_.count("slow runs beyond its deadline on event"), 2U) << lines_.all();
}

TEST_F(Controls, AnEventPastItsTimeToLiveIsNotHandled) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  Record<std::string> seen;
  service.on("show", {}, [&](const Quote& quote) { seen.add(quote.id); });
  const auto publish_now = [&](const std::string& id) {
    const auto envelope = make_envelope(Quote{id}, {.source = "elsewhere", .clock = &clock}).or_throw();
    EXPECT_EQ(expiry(envelope.view()), clock.now() + 10s);
    publish_raw("quotes", envelope);
  };
  publish_now("old");
  clock.advance(10s);
  publish_now("new");
  const auto running = start();
  ASSERT_TRUE(seen.wait(1));
  ASSERT_TRUE(caught_up("quotes", "test.show"));
  EXPECT_EQ(seen.values(), std::vector<std::string>{"new"});
  EXPECT_EQ(service.stats("show").or_throw().expired, 1U);
  const auto groups = broker_->groups("quotes").or_throw();
  EXPECT_EQ(groups.at(0).partitions.at(0).expired, 1U);
  EXPECT_EQ(groups.at(0).partitions.at(0).handled, 1U);
}

TEST_F(Controls, OfABatchTheExpiredAreLeftOut) {
  ManualClock clock;
  use_clock(clock);
  auto& service = make();
  Record<std::string> seen;
  service.on("show", {}, [&](const Batch<Quote>& quotes) {
    for (const auto& quote : quotes) seen.add(quote.event.id);
  });
  for (const std::string id : {"a", "b", "c"}) {
    publish_raw("quotes", make_envelope(Quote{id}, {.source = "elsewhere", .clock = &clock}).or_throw());
    clock.advance(6s);
  }
  const auto running = start();
  ASSERT_TRUE(caught_up("quotes", "test.show"));
  EXPECT_EQ(seen.values(), std::vector<std::string>{"c"});
  EXPECT_EQ(service.stats("show").or_throw().expired, 2U);
}

TEST_F(Controls, UnknownTypesAreParkedWhereTheHandlerSaysSo) {
  auto& service = make();
  std::atomic<int> seen = 0;
  service.on("orders", {.unknown_types = UnknownType::park}, [&](const Order&) { ++seen; });
  publish(Cancelled{"a"});
  publish(Order{"b", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.orders")) << lines_.all();
  EXPECT_EQ(seen, 1);
  const auto dead = letters("test.orders.dead-letters");
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].headers.view().get(dead_letter::code), "unknown_type");
}

TEST_F(Controls, OnAnyTakesWhateverComes) {
  auto& service = make();
  Record<std::string> seen;
  service.on_any("audit", {"orders", "ticks"}, {.concurrency = 1},
                 [&](const EnvelopeView& envelope, Context&) { seen.add(std::string(envelope.type)); });
  publish(Order{"a", 1});
  publish(Cancelled{"a"});
  publish(Tick{1});
  const auto running = start();
  ASSERT_TRUE(seen.wait(3)) << lines_.all();
  auto types = seen.values();
  std::ranges::sort(types);
  EXPECT_EQ(types, (std::vector<std::string>{"test.cancelled", "test.order", "test.tick"}));
  EXPECT_EQ(lines_.count("ignored"), 0U);
}

TEST_F(Controls, SettingsOverrideCode) {
  auto& service = make({.settings = {{"handlers.pay.retry.never", "declined, gone"},
                                     {"handlers.pay.retry.jitter", "none"},
                                     {"handlers.pay.rate.events", "1000"},
                                     {"handlers.pay.breaker.window", "20"},
                                     {"handlers.pay.breaker.percent", "80"},
                                     {"handlers.pay.deadline", "5s"},
                                     {"handlers.pay.batch_wait", "1s"},
                                     {"handlers.pay.unknown_types", "park"}}});
  std::atomic<int> attempts = 0;
  service.on("pay", {}, [&](const Order&) -> Result<> {
    ++attempts;
    return Error{"gone", "", Retry::same_call};
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.pay").parked == 1; })) << lines_.all();
  EXPECT_EQ(attempts, 1);
}

}  // namespace
}  // namespace tidings::service
