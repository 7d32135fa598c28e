// What only goes wrong when two threads meet within nanoseconds: each is repeated at seeded, irregular moments. Without
// any of the fences, wake-ups and waits that a case names it was seen to fail.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tidings/bus/bus.hpp"

namespace queued_races {

struct Number {
  int value = 0;
};
struct Second {
  int value = 0;
};
struct Texts {
  std::vector<std::string> texts;  // to be freed once, which takes its time
};

}  // namespace queued_races

namespace {

using namespace std::chrono_literals;
using queued_races::Number;
using queued_races::Second;
using queued_races::Texts;
using tidings::Bus;
using tidings::Context;
using tidings::Result;
using tidings::Subscription;

/// Passes time without giving the processor away: one that sleeps comes back too late to meet anybody.
void pass(std::chrono::nanoseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
  }
}

/// Whether `done` comes, in a time in which only what was lost does not.
template <class Done>
bool comes(Done done) {
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

/// `wake_worker`; the heavy fence in `wait_for_event`. No drain, which has fences of its own, and no second event,
/// which would wake the thread for the first.
TEST(QueueRaces, AnEventWakesTheThreadThatIsAboutToSleep) {
  Bus bus;
  std::atomic<int> handled = 0;
  auto queued = bus.subscribe_queued({}, [&](const Number&) { handled.fetch_add(1, std::memory_order_relaxed); });
  int published = 0;
  const auto publish = [&] {
    ASSERT_TRUE(bus.publish(Number{++published}));
    ASSERT_TRUE(comes([&] { return handled.load(std::memory_order_relaxed) == published; }))
        << "event " << published << " woke nobody";
  };
  // The thread looks for 50 µs where it found the last event by looking: the second of two in a row. That one also
  // brings what says whether it sleeps near to this thread: the look at it then overtakes the event's store, unless
  // fenced.
  std::mt19937 random{1};
  for (int round = 0; round < 5000 && !HasFatalFailure(); ++round) {
    publish();
    publish();
    pass(std::chrono::nanoseconds{47'000 + random() % 10'000});
  }
}

/// The heavy fence in `Ring::take_over`, and its wait for the owner: without, two threads get one place, and the event
/// of one of them is lost.
TEST(QueueRaces, AnotherPublisherTakesTheRingOver) {
  constexpr int each = 200;
  std::mt19937 random{2};
  for (int round = 0; round < 1500; ++round) {
    Bus bus;
    int handled = 0;
    auto queued =
        bus.subscribe_queued({.capacity = std::size_t{2} * each, .wait_max = 60s}, [&](const Number&) { ++handled; });
    std::atomic<int> failed = 0;
    std::atomic<bool> begun = false;
    const auto publish = [&] {
      for (int i = 0; i < each; ++i) failed += bus.publish(Number{i}) ? 0 : 1;
    };
    {
      std::jthread first([&] {
        begun = true;
        publish();
      });
      while (!begun) std::this_thread::yield();
      pass(std::chrono::nanoseconds{random() % 3'000});
      publish();
    }
    ASSERT_TRUE(bus.drain(30s)) << round;
    ASSERT_EQ(failed, 0);
    ASSERT_EQ(handled, 2 * each) << "in round " << round;
  }
}

/// `Ring::take` takes the envelope too: its cell is the next event's by then.
TEST(QueueRaces, AnEnvelopeStaysWithAnEventThatWasTakenOut) {
  constexpr int events = 30'000;
  Bus bus;
  std::vector<std::string> ids(events);
  int wrong = 0;
  auto first = bus.subscribe([&](const Number& number, Context& context) -> Result<> {
    ids[static_cast<std::size_t>(number.value)] = context.envelope().id;
    return context.publish(Second{number.value});
  });
  auto queued = bus.subscribe_queued(
      {.capacity = 1, .when_full = tidings::WhenFull::drop_oldest}, [&](const Second& second, Context& context) {
        if (context.envelope().causation_id != ids[static_cast<std::size_t>(second.value)]) ++wrong;
      });
  for (int i = 0; i < events; ++i) ASSERT_TRUE(bus.publish(Number{i}));
  ASSERT_TRUE(queued.drain(30s));
  EXPECT_EQ(wrong, 0);
}

class NoLog final : public tidings::LogSink {
 public:
  void write(tidings::LogLevel, std::string_view) override {}
};

/// The thread's last `wake_waiters`, and one at a time in `discard`.
TEST(QueueRaces, TheBusAndTheHandleEndAQueueAtOnce) {
  NoLog log;
  for (int round = 0; round < 100; ++round) {
    auto bus = std::make_unique<Bus>(tidings::BusOptions{.log = &log});
    std::counting_semaphore<> began{0}, go{0};
    auto queued = bus->subscribe_queued({}, [&](const Texts&) {
      began.release();
      go.acquire();
    });
    const Texts texts{std::vector<std::string>(20, std::string(40, 'x'))};
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(bus->publish(texts));
    began.acquire();
    std::jthread bus_ends([&] { bus.reset(); });
    std::jthread handle_ends([&] { queued.end(); });
    pass(std::chrono::microseconds{round});
    go.release(300);
  }
}

/// `wake_parked` where the copy throws: the thread sleeps, and nothing else wakes it to pass the place over.
TEST(QueueRaces, ACopyThatThrowsLeavesNothingToWaitFor) {
  struct Throws {
    Throws() = default;
    Throws(const Throws& other) : throws(other.throws) {
      if (throws) throw std::runtime_error("no copy");
    }
    bool throws = true;
  };
  Bus bus;
  auto queued = bus.subscribe_queued({}, [](const Throws&) {});
  std::this_thread::sleep_for(10ms);  // asleep, as a rule
  EXPECT_FALSE(bus.publish(Throws{}));
  EXPECT_TRUE(queued.drain(30s));
  EXPECT_EQ(bus.subscriptions().at(0).pending, 0U);
}

}  // namespace
