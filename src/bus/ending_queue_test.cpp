// A queue that ends, and what it held.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>

#include "bus/queue_testing.hpp"

namespace tidings {
namespace {

using namespace std::chrono_literals;
using queued::Gate;
using queued::Lines;
using queued::Number;

TEST(Queue, EndsWithAWordAboutWhatItHeld) {
  Lines log;
  Bus bus({.log = &log});
  Gate gate;
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = alive;
  auto queued = bus.subscribe_queued({.name = "q"}, [&, alive](const Number&) { gate.pass(); });
  alive.reset();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bus.publish(Number{}));
  gate.began.acquire();
  std::jthread opener([&] {
    while (!bus.subscriptions().empty()) std::this_thread::yield();  // it is ending
    gate.go.release();
  });
  queued.end();
  EXPECT_TRUE(watch.expired());
  EXPECT_NE(log.text().find("q: the subscription ended with 2 events in its queue"), std::string::npos) << log.text();
}

TEST(Queue, EndsAWaitingPublisher) {
  Bus bus;
  Gate gate;
  auto queued = bus.subscribe_queued({.capacity = 1, .wait_max = 60s}, [&](const Number&) { gate.pass(); });
  EXPECT_TRUE(bus.publish(Number{}));
  gate.began.acquire();
  std::string code;
  std::jthread publisher([&] { code = bus.publish(Number{}).combined().error().code; });
  while (bus.subscriptions().at(0).pending < 1) std::this_thread::yield();
  std::jthread opener([&] {
    while (!bus.subscriptions().empty()) std::this_thread::yield();
    gate.go.release(2);
  });
  queued.end();
  publisher.join();
  EXPECT_TRUE(code == "closed" || code.empty()) << code;  // empty: the publish came after the end
}

TEST(Queue, AHandleDestroyedInItsOwnHandler) {
  Bus bus;
  auto alive = std::make_shared<int>(5);
  const std::weak_ptr<int> watch = alive;
  auto handle = std::make_unique<Subscription>();
  std::atomic<int> after = 0;
  *handle = bus.subscribe_queued({}, [&, alive](const Number&) {
    handle.reset();
    after = *alive;
  });
  alive.reset();
  EXPECT_TRUE(bus.publish(Number{}));
  while (!watch.expired()) std::this_thread::yield();
  EXPECT_EQ(after, 5);
  EXPECT_EQ(bus.publish(Number{}).handlers(), 0U);
}

TEST(Queue, ABusThatGoesEndsItsQueues) {
  Lines log;
  std::atomic<int> handled = 0;
  Subscription queued;
  {
    Bus bus({.log = &log});
    queued = bus.subscribe_queued({}, [&](const Number&) { ++handled; });
    EXPECT_TRUE(bus.publish(Number{}));
    ASSERT_TRUE(bus.drain(30s));
  }
  EXPECT_EQ(handled, 1);
  EXPECT_FALSE(queued.active());
}

TEST(Queue, ABusThatGoesWaitsForAQueueThatItsHandleEnds) {
  Lines log;
  auto bus = std::make_unique<Bus>(BusOptions{.log = &log});
  Gate gate;
  std::atomic<bool> left = false;
  auto queued = bus->subscribe_queued({}, [&](const Number&) {
    gate.pass();
    left = true;
  });
  EXPECT_TRUE(bus->publish(Number{}));
  gate.began.acquire();
  std::jthread ends([&] { queued.end(); });
  while (!bus->subscriptions().empty()) std::this_thread::yield();
  std::jthread opener([&] {
    std::this_thread::sleep_for(20ms);
    gate.go.release();
  });
  bus.reset();
  EXPECT_TRUE(left);
}

TEST(Queue, ABusThatGoesWaitsForAHandlerThatUnsubscribed) {
  Lines log;
  auto bus = std::make_unique<Bus>(BusOptions{.log = &log});
  Gate gate;
  std::counting_semaphore<> published(0);
  std::atomic<int> handled = 0;
  auto queued = bus->subscribe_queued({.name = "q"}, [&](const Number&, Context& context) -> Result<> {
    published.acquire();  // what comes behind the end is not in the queue
    auto done = context.unsubscribe();
    gate.pass();
    ++handled;
    return done;
  });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bus->publish(Number{}));
  published.release(3);
  gate.began.acquire();
  std::jthread opener([&] {
    std::this_thread::sleep_for(20ms);
    gate.go.release(3);
  });
  bus.reset();
  EXPECT_EQ(handled, 1);
  EXPECT_NE(log.text().find("q: the subscription ended with 2 events in its queue"), std::string::npos);
}

TEST(Queue, AHandlerMayEndItselfWhileTheBusGoes) {
  for (int round = 0; round < 3000; ++round) {
    auto bus = std::make_unique<Bus>();
    std::atomic<bool> began = false;
    Subscription queued = bus->subscribe_queued({}, [&](const Number&) {
      began = true;
      queued.end();
    });
    EXPECT_TRUE(bus->publish(Number{}));
    while (!began) std::this_thread::yield();
    for (std::atomic<int> pause = round % 400 * 10; pause > 0; --pause) {
    }
    bus.reset();
  }
}

}  // namespace
}  // namespace tidings
