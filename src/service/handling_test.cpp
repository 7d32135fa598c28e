#include "service/handling.hpp"

#include <sstream>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

const Backoff quick{.immediate = 2, .delayed = 3, .first = 1ms, .longest = 2ms};
const Error away{"away", "try again", Retry::same_call};

class HandlingTest : public ServiceTest {};

TEST_F(HandlingTest, a_key_that_fails_delays_no_other) {
  ManualClock clock;
  use_clock(clock);
  Record<std::string> handled;
  std::atomic<bool> fails = true;
  make().on("take", {.concurrency = 2, .retry = {.immediate = 0, .delayed = 100, .first = 1h, .longest = 1h}},
            [&](const Order& order) -> Result<> {
              if (order.id == "bad" && fails) return away;
              handled.add(order.id + std::to_string(order.number));
              return {};
            });
  publish(Order{"bad", 1});
  publish(Order{"bad", 2});
  for (std::int64_t number = 0; number < 50; ++number) publish(Order{"good", number});
  const auto running = start();
  ASSERT_TRUE(handled.wait(50));
  EXPECT_TRUE(eventually([&] { return service_->stats("take")->handled == 50; }));
  fails = false;
  // The first attempt may have failed, and its hour not begun: then another passes.
  ASSERT_TRUE(eventually([&] {
    clock.advance(1h);
    return handled.values().size() == 52;
  })) << "the key goes on, in its order";
  ASSERT_TRUE(caught_up("orders", "test.take"));
  const auto all = handled.values();
  EXPECT_LT(std::ranges::find(all, "bad1"), std::ranges::find(all, "bad2"));
  EXPECT_EQ(all.size(), 52U);
}

TEST_F(HandlingTest, a_key_that_waits_holds_no_worker) {
  ManualClock clock;
  use_clock(clock);
  Record<std::int64_t> handled;
  make().on("take", {.concurrency = 1, .retry = {.immediate = 0, .delayed = 1, .first = 1h, .longest = 1h}},
            [&](const Order& order) -> Result<> {
              if (order.number < 20) return away;
              handled.add(order.number);
              return {};
            });
  for (std::int64_t number = 0; number < 30; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  EXPECT_TRUE(handled.wait(10));
  EXPECT_EQ(service_->stats("take")->failed, 20U);
}

TEST_F(HandlingTest, different_keys_run_at_once) {
  std::mutex mutex;
  std::condition_variable all_here;
  int inside = 0;
  make().on("take", {.concurrency = 3}, [&](const Order&) {
    std::unique_lock lock(mutex);
    ++inside;
    all_here.notify_all();
    EXPECT_TRUE(all_here.wait_for(lock, 30s, [&] { return inside == 3; }));
  });
  for (const auto* key : {"a", "b", "c"}) publish(Order{key, 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
}

TEST_F(HandlingTest, events_without_order_run_at_once) {
  std::mutex mutex;
  std::condition_variable all_here;
  int inside = 0;
  make().on("take", {.concurrency = 3}, [&](const Tick&) {
    std::unique_lock lock(mutex);
    ++inside;
    all_here.notify_all();
    EXPECT_TRUE(all_here.wait_for(lock, 30s, [&] { return inside == 3; }));
  });
  for (std::int64_t number = 0; number < 3; ++number) publish(Tick{number});
  const auto running = start();
  ASSERT_TRUE(caught_up("ticks", "test.take"));
}

TEST_F(HandlingTest, delayed_attempts_wait_within_the_backoff) {
  ManualClock clock;
  use_clock(clock);
  Record<SteadyTime> attempts;
  make().on("take", {.retry = {.immediate = 1, .delayed = 4, .first = 8s, .longest = 20s}},
            [&](const Order&) -> Result<> {
              attempts.add(clock.steady_now());
              return away;
            });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] {
    clock.advance(100ms);
    return service_->stats("take")->parked == 1;
  }));
  // What was decided is what the log says. When an attempt came late, the machine was slow, but none may come early.
  std::vector<Duration> pauses;
  std::istringstream lines(lines_.all());
  for (std::string line; std::getline(lines, line);)
    if (const auto at = line.find("trying again in "); at != std::string::npos)
      pauses.push_back(parse_duration(line.substr(at + 16)).or_throw());
  ASSERT_EQ(pauses.size(), 5U);
  const auto times = attempts.values();
  ASSERT_EQ(times.size(), 6U);
  const Duration limits[]{0s, 8s, 16s, 20s, 20s};
  for (std::size_t at = 0; at < pauses.size(); ++at) {
    EXPECT_LE(pauses[at], limits[at]) << at;
    EXPECT_GE(times[at + 1] - times[at], pauses[at]) << at;
  }
}

TEST_F(HandlingTest, a_throw_is_a_failure) {
  Record<std::string> dead;
  auto& service = make();
  service.on("standard", {.retry = quick}, [](const Order&) { throw std::runtime_error("out of paper"); })
      .on("other", {.retry = quick}, [](const Order&) { throw 42; })
      .on("error", {.retry = quick}, [](const Order&) { Result<>(away).or_throw(); });
  publish(Order{"a", 1});
  const auto running = start();
  for (const auto* handler : {"standard", "other", "error"}) {
    ASSERT_TRUE(caught_up("orders", "test." + std::string(handler)));
    EXPECT_EQ(service.stats(handler)->failed, 6U) << "as many attempts as after an error";
  }
  EXPECT_EQ(letters("test.standard.dead-letters").at(0).headers.get(dead_letter::reason), "out of paper");
  EXPECT_EQ(letters("test.standard.dead-letters").at(0).headers.get(dead_letter::code), "handler_threw");
  EXPECT_EQ(letters("test.other.dead-letters").at(0).headers.get(dead_letter::reason),
            "something that is no std::exception");
  EXPECT_EQ(letters("test.error.dead-letters").at(0).headers.get(dead_letter::code), "away");
}

TEST_F(HandlingTest, an_error_that_says_never_parks_at_once) {
  auto& service = make();
  service.on("take", {}, [](const Order&) -> Result<> { return Error{"refused", "it is no order of ours"}; });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(service.stats("take")->failed, 1U);
  EXPECT_EQ(letters("test.take.dead-letters").at(0).headers.get(dead_letter::attempts), "1");
  EXPECT_EQ(lines_.count("parked event"), 1U);
}

TEST_F(HandlingTest, what_cannot_be_decoded_is_parked_at_once_and_in_its_turn) {
  Record<std::int64_t> seen;
  auto& service = make();
  service.on("take", {.after_parked = AfterParked::go_on}, [&](const Order& order) { seen.add(order.number); });
  auto envelope = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  envelope.payload = R"({"id":"a","number":"one, secretly"})";
  publish_raw("orders", envelope);
  envelope.id += "2";
  envelope.payload = "\xff{[";
  publish_raw("orders", envelope);
  envelope.id += "3";
  envelope.version = 9;
  publish_raw("orders", envelope);
  publish(Order{"a", 4});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(seen.values(), std::vector<std::int64_t>{4});
  const auto dead = letters("test.take.dead-letters");
  ASSERT_EQ(dead.size(), 3U);
  EXPECT_NE(dead[0].headers.get(dead_letter::reason)->find("number"), std::string::npos)
      << *dead[0].headers.get(dead_letter::reason);
  EXPECT_EQ(dead[0].payload, R"({"id":"a","number":"one, secretly"})");
  EXPECT_EQ(dead[1].payload, "\xff{[");
  EXPECT_EQ(dead[2].headers.get(dead_letter::code), "unknown_version");
  EXPECT_EQ(dead[2].version, 9U);
  EXPECT_EQ(service.stats("take")->failed, 0U);
  EXPECT_EQ(service.stats("take")->parked, 3U);
  EXPECT_EQ(lines_.count("secretly"), 0U) << "payloads are not logged";
}

TEST_F(HandlingTest, a_long_reason_is_cut) {
  make().on("take", {}, [](const Order&) -> Result<> {
    std::string reason(1023, 'x');
    for (int more = 0; more < 1000; ++more) reason += "é";
    return Error{"long", reason};
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(letters("test.take.dead-letters").at(0).headers.get(dead_letter::reason), std::string(1023, 'x') + "…");
}
TEST_F(HandlingTest, groups_are_independent) {
  std::mutex mutex;
  std::condition_variable released;
  bool release = false;
  Record<std::int64_t> quick_ones;
  make()
      .on("slow", {.concurrency = 1},
          [&](const Order&) {
            std::unique_lock lock(mutex);
            EXPECT_TRUE(released.wait_for(lock, 60s, [&] { return release; }));
          })
      .on("quick", {}, [&](const Order& order) { quick_ones.add(order.number); })
      .on("failing", {}, [&](const Order&) -> Result<> { return Error{"no", "never"}; });
  for (std::int64_t number = 0; number < 2000; ++number) publish(Order{"a", number});
  const auto running = start();
  EXPECT_TRUE(quick_ones.wait(2000));
  EXPECT_TRUE(caught_up("orders", "test.quick"));
  EXPECT_TRUE(caught_up("orders", "test.failing"));
  EXPECT_EQ(group("orders", "test.slow").position.value, 0U);
  const std::scoped_lock lock(mutex);
  release = true;
  released.notify_all();
}

TEST_F(HandlingTest, one_bad_item_of_a_batch_is_isolated) {
  std::mutex mutex;
  std::vector<std::vector<std::int64_t>> batches;
  auto& service = make();
  service.on("take", {.retry = {.immediate = 2, .delayed = 1, .first = 1ms, .longest = 1ms}, .batch_max = 100},
             [&](const Batch<Order>& batch) -> Result<> {
               const std::scoped_lock lock(mutex);
               auto& numbers = batches.emplace_back();
               for (const auto& [order, context] : batch) {
                 EXPECT_EQ(context.place().offset.value, static_cast<std::uint64_t>(order.number));
                 numbers.push_back(order.number);
               }
               for (const auto number : numbers)
                 if (number == 3) return away;
               for (const auto& [order, context] : batch)
                 if (auto published = context.publish(Confirmed{order.id, {}}); !published) return published;
               return {};
             });
  for (std::int64_t number = 0; number < 6; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  stop();
  const std::vector<std::vector<std::int64_t>> expected{{0, 1, 2, 3, 4, 5}, {0}, {1}, {2}, {3}, {3}, {3}, {4}, {5}};
  EXPECT_EQ(batches, expected);
  const auto dead = letters("test.take.dead-letters");
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].key, "k3");
  EXPECT_EQ(dead[0].headers.get(dead_letter::attempts), "4");
  EXPECT_EQ(read("mails").size(), 5U);
  EXPECT_EQ(service.stats("take")->handled, 5U);
}

TEST_F(HandlingTest, what_cannot_be_decoded_leaves_its_batch) {
  Record<std::size_t> sizes;
  make().on("take", {}, [&](Batch<Order>& batch) -> Result<> {
    sizes.add(batch.size());
    for (const auto& item : batch)
      if (auto published = item.context.publish(Confirmed{item.event.id, {}}); !published) return published;
    return {};
  });
  publish(Order{"a", 1});
  auto envelope = make_envelope(Order{"b", 2}, {.source = "elsewhere"}).or_throw();
  envelope.payload = "[";
  publish_raw("orders", envelope);
  publish(Order{"c", 3});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(sizes.values(), std::vector<std::size_t>{2});
  EXPECT_EQ(letters("test.take.dead-letters").at(0).key, "b");
  EXPECT_EQ(read("mails").size(), 2U);
}

}  // namespace
}  // namespace tidings::service
