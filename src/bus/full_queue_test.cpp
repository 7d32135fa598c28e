// A queue that is full.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "bus/queue_testing.hpp"

namespace tidings {
namespace {

using namespace std::chrono_literals;
using queued::Gate;
using queued::Number;

TEST(Queue, RefusesWhenFull) {
  Bus bus;
  Gate gate;
  auto queued = bus.subscribe_queued({.name = "mail", .capacity = 3, .when_full = WhenFull::refuse},
                                     [&](const Number&) { gate.pass(); });
  EXPECT_TRUE(bus.publish(Number{}));
  gate.began.acquire();
  EXPECT_TRUE(bus.publish(Number{}));
  EXPECT_TRUE(bus.publish(Number{}));  // the one that is handled counts
  const auto refused = bus.publish(Number{});
  ASSERT_EQ(refused.errors().size(), 1U);
  EXPECT_EQ(refused.errors()[0].code, "backpressure");
  EXPECT_EQ(refused.errors()[0].retry, Retry::same_call);
  EXPECT_NE(refused.errors()[0].message.find("'mail' holds its 3 events"), std::string::npos);
  gate.go.release(3);
  ASSERT_TRUE(queued.drain(30s));
  const auto info = bus.subscriptions().at(0);
  EXPECT_EQ(info.handled, 3U);
  EXPECT_EQ(info.refused, 1U);
  EXPECT_EQ(info.capacity, 3U);
}

TEST(Queue, WaitsForRoomUntilItsDeadline) {
  Bus bus;
  Gate gate;
  auto queued = bus.subscribe_queued({.capacity = 1, .wait_max = 20ms}, [&](const Number&) { gate.pass(); });
  EXPECT_TRUE(bus.publish(Number{}));
  gate.began.acquire();
  EXPECT_EQ(bus.publish(Number{}).errors().at(0).code, "backpressure");
  gate.go.release(1);
  ASSERT_TRUE(queued.drain(30s));
}

TEST(Queue, WaitingEndsWhenThereIsRoom) {
  Bus bus;
  Gate gate;
  auto queued = bus.subscribe_queued({.capacity = 1, .wait_max = 60s}, [&](const Number&) { gate.pass(); });
  EXPECT_TRUE(bus.publish(Number{}));
  gate.began.acquire();
  std::jthread opener([&] { gate.go.release(2); });
  EXPECT_TRUE(bus.publish(Number{}));
  ASSERT_TRUE(queued.drain(30s));
  EXPECT_EQ(bus.subscriptions().at(0).handled, 2U);
}

TEST(Queue, DropsTheOldestAndCounts) {
  Bus bus;
  Gate gate;
  std::vector<int> seen;
  auto queued = bus.subscribe_queued({.capacity = 2, .when_full = WhenFull::drop_oldest}, [&](const Number& number) {
    if (number.value == 0) gate.pass();
    seen.push_back(number.value);
  });
  EXPECT_TRUE(bus.publish(Number{0, 0}));
  gate.began.acquire();
  for (int i = 1; i <= 5; ++i) EXPECT_TRUE(bus.publish(Number{0, i}));
  EXPECT_EQ(bus.subscriptions().at(0).dropped, 3U);
  gate.go.release();
  ASSERT_TRUE(queued.drain(30s));
  EXPECT_EQ(seen, (std::vector{0, 4, 5}));
}

TEST(Queue, ItsOwnHandlerIsNotMadeToWaitForItself) {
  Bus bus;
  std::string code, drained;
  std::latch published(1);
  Subscription queued = bus.subscribe_queued({.capacity = 1, .wait_max = 60s}, [&](const Number&) {
    published.wait();
    code = bus.publish(Number{}).errors().at(0).code;
    drained = queued.drain(60s).error().code;
  });
  EXPECT_TRUE(bus.publish(Number{}));
  published.count_down();
  ASSERT_TRUE(bus.drain(30s));
  EXPECT_EQ(code, "backpressure");
  EXPECT_EQ(drained, "own_queue");
}

TEST(Queue, TheEventInHandIsPendingWhateverAFullQueueDoes) {
  for (const auto when_full : {WhenFull::wait, WhenFull::refuse, WhenFull::drop_oldest}) {
    Bus bus;
    std::latch entered(1);
    std::atomic<bool> release = false;
    auto queued = bus.subscribe_queued({.name = "slow", .capacity = 4, .when_full = when_full}, [&](const Number&) {
      if (!release) entered.count_down();
      while (!release) std::this_thread::yield();
    });
    EXPECT_TRUE(bus.publish(Number{}));
    entered.wait();
    EXPECT_EQ(bus.subscriptions().at(0).pending, 1U);
    EXPECT_EQ(queued.drain(1ms).error().message, "the queue of 'slow' still holds 1 event");
    EXPECT_TRUE(bus.publish(Number{}));
    EXPECT_EQ(bus.subscriptions().at(0).pending, 2U);
    EXPECT_EQ(bus.drain(1ms).error().message, "the queue of 'slow' still holds 2 events");
    release = true;
    EXPECT_TRUE(queued.drain(30s));
    EXPECT_EQ(bus.subscriptions().at(0).pending, 0U);
  }
}

TEST(Queue, OfNoneHoldsOne) {
  Bus bus;
  std::atomic<int> handled = 0;
  auto queued = bus.subscribe_queued({.capacity = 0, .wait_max = 30s}, [&](const Number&) { ++handled; });
  EXPECT_EQ(bus.subscriptions().at(0).capacity, 1U);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(bus.publish(Number{0, i}));
  EXPECT_TRUE(queued.drain(30s));
  EXPECT_EQ(handled, 100);
}

/// Many publishers on one queue: nothing lost but what was refused or dropped, and each thread's order kept.
void crowd(WhenFull when_full) {
  constexpr int threads = 4, each = 3000;
  Bus bus;
  std::array<int, threads> last{};
  last.fill(-1);
  std::array<int, threads> count{};
  bool in_order = true;
  auto queued =
      bus.subscribe_queued({.capacity = 64, .when_full = when_full, .wait_max = 60s}, [&](const Number& number) {
        const auto t = static_cast<std::size_t>(number.thread);
        in_order = in_order && number.value > last[t];
        last[t] = number.value;
        ++count[t];
      });
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> publishers;
    for (int t = 0; t < threads; ++t)
      publishers.emplace_back([&, t] {
        for (int i = 0; i < each; ++i)
          if (!bus.publish(Number{t, i})) ++refused;
      });
  }
  ASSERT_TRUE(bus.drain(60s));
  const auto info = bus.subscriptions().at(0);
  int handled = 0;
  for (const auto one : count) handled += one;
  EXPECT_TRUE(in_order);
  EXPECT_EQ(static_cast<int>(info.handled), handled);
  EXPECT_EQ(static_cast<int>(info.refused), refused);
  EXPECT_EQ(handled + static_cast<int>(info.dropped) + refused, threads * each);
  if (when_full == WhenFull::wait) {
    EXPECT_EQ(handled, threads * each);
  }
}

TEST(Queue, ACrowdThatWaits) {
  crowd(WhenFull::wait);
}
TEST(Queue, ACrowdThatIsRefused) {
  crowd(WhenFull::refuse);
}
TEST(Queue, ACrowdThatDropsTheOldest) {
  crowd(WhenFull::drop_oldest);
}

}  // namespace
}  // namespace tidings
