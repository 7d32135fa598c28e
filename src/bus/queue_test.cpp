#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <latch>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>

#include "tidings/bus/bus.hpp"

namespace queued {

struct Number {
  int thread = 0;
  int value = 0;
};
struct Text {
  std::string text;
};
struct Large {
  std::array<char, 3000> bytes{};
  std::string tail;
};
struct alignas(128) Aligned {
  int value = 0;
};

}  // namespace queued

namespace {

using namespace std::chrono_literals;
using queued::Aligned;
using queued::Large;
using queued::Number;
using queued::Text;
using tidings::AnyEvent;
using tidings::Bus;
using tidings::Context;
using tidings::Error;
using tidings::QueueOptions;
using tidings::Result;
using tidings::Subscription;
using tidings::WhenFull;

class Lines final : public tidings::LogSink {
 public:
  void write(tidings::LogLevel, std::string_view line) override {
    const std::scoped_lock lock(mutex_);
    text_ += std::string(line) + "\n";
  }
  std::string text() const {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// A handler that stands still until it is let go, and tells that it began.
struct Gate {
  std::counting_semaphore<> began{0}, go{0};
  void pass() {
    began.release();
    go.acquire();
  }
};

TEST(Queue, HandlesOnAThreadOfItsOwnInOrder) {
  Bus bus;
  std::vector<int> seen;
  std::thread::id where;
  auto queued = bus.subscribe_queued({.name = "q"}, [&](const Number& number) {
    seen.push_back(number.value);
    where = std::this_thread::get_id();
  });
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(bus.publish(Number{0, i}));
  ASSERT_TRUE(queued.drain(30s));
  ASSERT_EQ(seen.size(), 5000U);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST(Queue, CarriesEventsOfAnySizeAndSeveralTypes) {
  Bus bus;
  std::string seen;
  auto each = bus.subscribe_queued<Text, Large, Aligned>({}, [&]<class Event>(const Event& event) {
    if constexpr (std::is_same_v<Event, Text>)
      seen += event.text;
    else if constexpr (std::is_same_v<Event, Large>)
      seen += event.tail;
    else
      seen += reinterpret_cast<std::uintptr_t>(&event) % 128 == 0 ? "A" : "misaligned";
  });
  std::string all;
  auto any = bus.subscribe_queued({}, [&](const AnyEvent& event) {
    if (const auto* text = event.get<Text>()) all += text->text;
    if (const auto* large = event.get<Large>()) all += large->tail;
    if (event.get<Number>() != nullptr) all += "?";
  });
  EXPECT_TRUE(bus.publish(Text{"a text too long to stand in the string itself"}));
  EXPECT_TRUE(bus.publish(Large{{}, "-large-"}));
  EXPECT_TRUE(bus.publish(Aligned{1}));
  EXPECT_TRUE(bus.publish(Number{}));
  ASSERT_TRUE(bus.drain(30s));
  EXPECT_EQ(seen, "a text too long to stand in the string itself-large-A");
  EXPECT_EQ(all, "a text too long to stand in the string itself-large-?");
}

TEST(Queue, CarriesCorrelationAndCausation) {
  Bus bus;
  std::string first, correlation, causation, own;
  auto a = bus.subscribe([&](const Number&, Context& context) -> Result<> {
    first = context.envelope().id;
    return context.publish(Text{"x"});
  });
  auto b = bus.subscribe_queued({}, [&](const Text&, Context& context) {
    own = context.envelope().id;
    correlation = context.envelope().correlation_id;
    causation = context.envelope().causation_id;
  });
  EXPECT_TRUE(bus.publish(Number{}));
  ASSERT_TRUE(b.drain(30s));
  EXPECT_EQ(correlation, first);
  EXPECT_EQ(causation, first);
  EXPECT_EQ(own.size(), 36U);
  EXPECT_NE(own, first);
}

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
  EXPECT_EQ(refused.errors()[0].retry, tidings::Retry::same_call);
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

TEST(Queue, FailuresGoToTheirCallbackOrTheLog) {
  Lines log;
  Bus bus({.log = &log});
  std::string told;
  auto a = bus.subscribe_queued(
      {.name = "told",
       .on_failure = [&](const AnyEvent& event,
                         const Error& error) { told = to_string(error) + (event.get<Number>() ? "+" : "-"); }},
      [](const Number&) -> Result<> { return Error{"no", "not today"}; });
  auto b = bus.subscribe_queued({.name = "logged"}, [](const Number&) { throw std::runtime_error("boom"); });
  EXPECT_TRUE(bus.publish(Number{}));
  ASSERT_TRUE(bus.drain(30s));
  EXPECT_EQ(told, "no: not today+");  // as the handler said it: whose queue it is, is known
  EXPECT_NE(log.text().find("logged: handler_threw: boom"), std::string::npos);
  EXPECT_EQ(bus.subscriptions().at(1).failed, 1U);
}

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
  EXPECT_NE(log.text().find("q: the subscription ended with 2 events in its queue"), std::string::npos);
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

TEST(Queue, AnEventThatCannotBeCopiedIsAnErrorForThoseWhoTakeAll) {
  struct Unique {
    std::unique_ptr<int> value;
  };
  Bus bus;
  auto any = bus.subscribe_queued({.name = "all"}, [](const AnyEvent&) {});
  EXPECT_EQ(bus.publish(Unique{}).errors().at(0).code, "not_copyable");
}

TEST(Queue, ACopyThatThrowsIsAnErrorAndLeavesNoHole) {
  struct Throws {
    bool throws = false;
    Throws() = default;
    explicit Throws(bool does) : throws(does) {}
    Throws(const Throws& other) : throws(other.throws) {
      if (throws) throw std::runtime_error("no copy");
    }
  };
  Bus bus;
  std::atomic<int> handled = 0;
  auto queued = bus.subscribe_queued({.name = "copies", .capacity = 2}, [&](const Throws&) { ++handled; });
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(bus.publish(Throws{true}).errors().at(0).message, "copies: no copy");
    EXPECT_TRUE(bus.publish(Throws{false}));
  }
  ASSERT_TRUE(bus.drain(30s));
  EXPECT_EQ(handled, 10);
}

TEST(Queue, MiddlewareThatComesWhileTheHandlerRunsIsAroundTheNextEvent) {
  Bus bus;
  Gate gate;
  std::vector<int> seen;
  auto queued = bus.subscribe_queued({}, [&](const Number& number) {
    gate.pass();
    seen.push_back(number.value);
  });
  EXPECT_TRUE(bus.publish(Number{0, 1}));
  gate.began.acquire();
  auto middleware = bus.use([&](tidings::HandlerCall& call) -> Result<> {
    seen.push_back(-call.event().get<Number>()->value);
    return call.next();
  });
  EXPECT_TRUE(bus.publish(Number{0, 2}));  // in the same go of the thread
  gate.go.release(2);
  ASSERT_TRUE(queued.drain(30s));
  EXPECT_EQ(seen, (std::vector{1, -2, 2}));
}

TEST(Queue, ABusThatGoesWaitsForAQueueThatItsHandleEnds) {
  Lines log;
  auto bus = std::make_unique<Bus>(tidings::BusOptions{.log = &log});
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
  auto bus = std::make_unique<Bus>(tidings::BusOptions{.log = &log});
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

TEST(Queue, AMoveThatThrowsIsNotAsked) {
  struct Throws {
    Throws() = default;
    Throws(const Throws& other) : copies(other.copies + 1) {  // in place of a move too
      if (copies > 1) throw std::runtime_error("no second copy");
    }
    int copies = 0;
  };
  Bus bus;
  std::atomic<int> handled = 0;
  auto queued = bus.subscribe_queued({.when_full = WhenFull::drop_oldest}, [&](const Throws&) { ++handled; });
  EXPECT_TRUE(bus.publish(Throws{}));
  ASSERT_TRUE(queued.drain(30s));
  EXPECT_EQ(handled, 1);
}

class StoppedClock final : public tidings::Clock {
 public:
  [[nodiscard]] tidings::TimePoint now() const override {
    if (throws) throw std::runtime_error("no time");
    return tidings::system_clock().now();
  }
  [[nodiscard]] tidings::SteadyTime steady_now() const override { return tidings::system_clock().steady_now(); }
  bool throws = false;
};

TEST(Queue, AClockThatThrowsLeavesNoHole) {
  StoppedClock clock;
  Bus bus({.clock = &clock});
  std::atomic<int> handled = 0;
  auto queued = bus.subscribe_queued({.name = "q"}, [&](const Number&, Context&) { ++handled; });
  clock.throws = true;
  EXPECT_EQ(bus.publish(Number{}).errors().at(0).message, "q: no time");
  clock.throws = false;
  EXPECT_TRUE(bus.publish(Number{}));
  ASSERT_TRUE(queued.drain(3s));
  EXPECT_EQ(handled, 1);
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

TEST(Queue, ASleepingThreadWakesForEachEvent) {
  Bus bus;
  std::atomic<int> handled = 0;
  auto queued = bus.subscribe_queued({}, [&](const Number&) { ++handled; });
  for (int i = 1; i <= 200; ++i) {
    ASSERT_TRUE(bus.publish(Number{}));
    ASSERT_TRUE(bus.drain(30s)) << i;  // an event that woke nobody would stay
    ASSERT_EQ(handled, i);
    if (i % 4 == 0) std::this_thread::sleep_for(1ms);  // long enough to be parked, as a rule
  }
}

/// An event that comes while the thread is about to go to sleep is handled too: each gap is a little longer than the
/// last, across all the time for which the thread may stay awake.
TEST(Queue, AThreadThatIsAboutToSleepMissesNoEvent) {
  Bus bus;
  std::atomic<int> handled = 0;
  auto queued = bus.subscribe_queued({}, [&](const Number&) { handled.fetch_add(1, std::memory_order_release); });
  for (int i = 1; i <= 20'000; ++i) {
    ASSERT_TRUE(bus.publish(Number{}));
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    while (handled.load(std::memory_order_acquire) != i)
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "event " << i << " stays in the queue";
    const auto next = std::chrono::steady_clock::now() + std::chrono::nanoseconds{i % 2000 * 31};
    while (std::chrono::steady_clock::now() < next) {
    }
  }
}

}  // namespace
