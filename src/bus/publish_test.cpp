// What a publish must not do: allocate, recurse without an end, keep what was ended, be confused by a fork.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

#include "bus/asymmetric_fence.hpp"
#include "bus/publishers.hpp"
#include "tidings/bus/bus.hpp"

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define COUNTS_ALLOCATIONS 1
// Not inlined, or the compiler takes malloc and delete for strangers.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const got = std::malloc(size)) return got;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept {
  std::free(at);
}
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}
#endif

namespace published {

struct Tick {
  long a = 0, b = 0, c = 0, d = 0;
};
struct Tock {
  long a = 0;
};

}  // namespace published

namespace {

using published::Tick;
using published::Tock;
using tidings::Bus;
using tidings::Context;
using tidings::Result;
using tidings::Subscription;

#ifdef COUNTS_ALLOCATIONS
TEST(Publish, AllocatesNothing) {
  Bus bus;
  long sum = 0;
  auto a = bus.subscribe([&](const Tick& tick) { sum += tick.a; });
  auto b = bus.subscribe([&](const Tick&, Context& context) -> Result<> { return context.publish(Tock{1}); });
  auto c =
      bus.subscribe([&](const Tock&, Context& context) { sum += static_cast<long>(context.envelope().id.size()); });
  auto d = bus.subscribe_queued({}, [](const Tick&, Context&) {});
  EXPECT_TRUE(bus.publish(Tick{}));  // a thread's first publish makes its marks, the queue's too
  EXPECT_TRUE(bus.drain(std::chrono::seconds{30}));
  const auto before = allocations.load();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(bus.publish(Tick{1}));
  EXPECT_TRUE(d.drain(std::chrono::seconds{30}));
  EXPECT_EQ(allocations.load() - before, 0U);
  auto counter_works = std::make_unique<int>(static_cast<int>(sum));
  EXPECT_GT(allocations.load(), before);
}
#endif

TEST(Publish, ThatGoesInACircleIsAnError) {
  Bus bus;
  int calls = 0;
  auto a = bus.subscribe([&](const Tick&, Context& context) -> Result<> {
    ++calls;
    return context.publish(Tick{});
  });
  const auto published = bus.publish(Tick{});
  EXPECT_EQ(published.errors().at(0).code, "too_deep");
  EXPECT_EQ(calls, 128);
  a.end();
  EXPECT_TRUE(bus.publish(Tick{}));
}

TEST(Publish, RunsTheSubscribersOfItsBeginning) {
  Bus bus;
  std::vector<Subscription> added;
  int calls = 0;
  auto a = bus.subscribe([&](const Tick&) {
    for (int i = 0; i < 50; ++i) added.push_back(bus.subscribe([&](const Tick&) { ++calls; }));  // many lists retire
  });
  auto b = bus.subscribe([&](const Tick&) { ++calls; });
  EXPECT_TRUE(bus.publish(Tick{}));
  EXPECT_EQ(calls, 1);
  a.end();
  calls = 0;
  EXPECT_TRUE(bus.publish(Tick{}));
  EXPECT_EQ(calls, 51);
}

TEST(Publish, SubscribersToAllStandInOrderAmongOthers) {
  Bus bus;
  std::string calls;
  auto a = bus.subscribe([&](const Tick&) { calls += "a"; });
  auto b = bus.subscribe([&](const tidings::AnyEvent&) { calls += "b"; });
  auto c = bus.subscribe([&](const Tick&) { calls += "c"; });
  auto d = bus.subscribe([&](const Tock&) { calls += "d"; });
  EXPECT_TRUE(bus.publish(Tick{}));
  EXPECT_TRUE(bus.publish(Tock{}));
  EXPECT_EQ(calls, "abcbd");
  b.end();
  calls.clear();
  EXPECT_TRUE(bus.publish(Tick{}));
  EXPECT_TRUE(bus.publish(Tock{}));
  EXPECT_EQ(calls, "acd");
}

TEST(Publish, SubscribesUnderLoadAndLeavesNothingBehind) {
  Bus bus;
  std::atomic<bool> stop = false;
  std::vector<std::jthread> publishers;
  publishers.reserve(2);
  for (int t = 0; t < 2; ++t)
    publishers.emplace_back([&] {
      while (!stop) EXPECT_TRUE(bus.publish(Tick{}));
    });
  const auto alive = std::make_shared<int>(0);
  for (int i = 0; i < 300; ++i) {
    auto a = bus.subscribe([alive](const Tick&) {});
    auto b = bus.subscribe([alive](const tidings::AnyEvent&) {});
  }
  EXPECT_EQ(alive.use_count(), 1);  // each callable went with its handle
  stop = true;
}

#ifndef __SANITIZE_THREAD__  // it does not follow forks of programs with threads
TEST(Publish, AForkForgetsOtherThreadsFrames) {
  Bus bus;
  std::atomic<bool> entered = false, leave = false;
  auto subscription = std::make_unique<Subscription>(bus.subscribe([&](const Tick&) {
    entered = true;
    while (!leave) std::this_thread::yield();
  }));
  std::jthread publisher([&] { EXPECT_TRUE(bus.publish(Tick{})); });
  while (!entered) std::this_thread::yield();
  const auto child = ::fork();
  if (child == 0) {
    ::alarm(30);
    subscription.reset();  // there is no other thread here that could still run it
    ::_exit(bus.publish(Tick{}).handlers() == 0 ? 0 : 1);
  }
  leave = true;
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}
#endif

/// Of another thread_local that was there first: it goes after the thread has given its marks back.
struct PublishesLate {
  Bus* bus = nullptr;
  ~PublishesLate() {
    if (bus != nullptr) {
      EXPECT_TRUE(bus->publish(Tick{}));
    }
  }
};

TEST(Publish, ThreadsThatPublishAsTheyEndGiveTheirMarksBack) {
  Bus bus;
  const auto count = [] {
    std::size_t publishers = 0;
    for (auto* one = tidings::bus::first_publisher(); one != nullptr; one = one->next) ++publishers;
    return publishers;
  };
  const auto before = count();
  for (int i = 0; i < 50; ++i)
    std::thread([&] {
      thread_local PublishesLate late;
      late.bus = &bus;
      EXPECT_TRUE(bus.publish(Tick{}));
    }).join();
  EXPECT_LE(count(), before + 1);
}

}  // namespace
