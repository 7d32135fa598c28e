#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "bus/queue_testing.hpp"

namespace tidings {
namespace {

using namespace std::chrono_literals;
using queued::Aligned;
using queued::Gate;
using queued::Large;
using queued::Lines;
using queued::Number;
using queued::Text;

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
  auto middleware = bus.use([&](HandlerCall& call) -> Result<> {
    seen.push_back(-call.event().get<Number>()->value);
    return call.next();
  });
  EXPECT_TRUE(bus.publish(Number{0, 2}));  // in the same go of the thread
  gate.go.release(2);
  ASSERT_TRUE(queued.drain(30s));
  EXPECT_EQ(seen, (std::vector{1, -2, 2}));
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

class StoppedClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override {
    if (throws) throw std::runtime_error("no time");
    return system_clock().now();
  }
  [[nodiscard]] SteadyTime steady_now() const override { return system_clock().steady_now(); }
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
}  // namespace tidings
