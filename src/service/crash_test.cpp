// A handler that brings its process down, over and over: the event is parked after its last attempt, the others are
// handled.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <latch>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t poison = 37;
constexpr std::int64_t count = 120;

/// What is parked of a key.
std::vector<Delivery> letters(Broker& broker, std::string_view key) {
  auto reader = broker.subscribe("test.take.dead-letters", {}).or_throw();
  std::vector<Delivery> all;
  while (true) {
    const auto got = reader->fetch(100, 100ms).or_throw();
    if (got.empty()) return all;
    std::ranges::copy_if(got, std::back_inserter(all), [&](const Delivery& one) { return one.envelope.key == key; });
  }
}

struct Crashing {
  Crashing() {
    if (::mkdtemp(folder.data()) == nullptr) std::abort();
  }
  ~Crashing() { std::filesystem::remove_all(folder); }
  Crashing(const Crashing&) = delete;
  Crashing& operator=(const Crashing&) = delete;
  [[nodiscard]] std::unique_ptr<Broker> open() { return open_broker("log:" + folder, {.log = &lines}).or_throw(); }

  void fill() {
    auto broker = open();
    broker->create_topic("orders", {.partitions = 2, .durability = Durability::memory}).or_throw();
    for (std::int64_t number = 0; number < count; ++number) {
      const auto envelope =
          make_envelope(Order{"k" + std::to_string(number % 10), number}, {.source = "test"}).or_throw();
      const std::array views{envelope.view()};
      broker->publish("orders", views).or_throw();
    }
  }

  /// A process that handles until all is done, or it dies of the poison. Its wait status.
  template <class Register>
  int run(Register on) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const rlimit none{0, 0};
      ::setrlimit(RLIMIT_CORE, &none);
      auto broker = open();
      auto service = Service::create({.name = "test", .broker = broker.get(), .log = &lines}).or_throw();
      on(service);
      std::jthread running([&] { (void)service.run(); });
      const bool done = eventually([&] {
        const auto groups = broker->groups("orders").or_throw();
        return !groups.empty() && groups.front().lag() == 0;
      });
      ::_exit(done ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }

  /// Runs one process after another; how many died.
  template <class Register>
  int run_until_done(Register on) {
    for (int deaths = 0; deaths < 40; ++deaths) {
      const auto status = run(on);
      if (status == 0) return deaths;
      EXPECT_TRUE(WIFSIGNALED(status)) << "status " << status;
      if (!WIFSIGNALED(status)) return -1;
    }
    return 40;
  }

  void check(int deaths) {
    auto broker = open();
    std::uint64_t handled = 0;
    std::uint64_t parked = 0;
    const auto groups = broker->groups("orders").or_throw();
    for (const auto& one : groups.front().partitions) {
      handled += one.handled;
      parked += one.parked;
    }
    EXPECT_EQ(handled, count - 9) << "the others are handled";
    EXPECT_EQ(parked, 9U);
    const auto got = letters(*broker, "k7");
    ASSERT_EQ(got.size(), 9U) << "with those behind it";
    const auto header = [&](std::string_view name) {
      return std::string(got.front().envelope.headers.get(name).value_or("none"));
    };
    EXPECT_EQ(got.front().envelope.payload, R"({"id":"k7","number":37})");
    EXPECT_EQ(header(dead_letter::code), "crashed");
    EXPECT_EQ(header(dead_letter::attempts), std::to_string(deaths))
        << "each death is an attempt, and no other is made";
  }

  std::string folder = (std::filesystem::temp_directory_path() / "tidings-crashing-XXXXXX").string();
  Lines lines;
};

void handle(const Order& order) {
  if (order.number == poison) std::abort();
  std::this_thread::sleep_for(200us);
}

TEST(Crash, AHandlerThatBringsItsProcessDownIsParkedAfterItsLastAttempt) {
  Crashing crashing;
  crashing.fill();
  const auto deaths = crashing.run_until_done([](Service& service) {
    service.on("take", {.concurrency = 4, .retry = {.immediate = 2, .delayed = 1, .first = 1ms, .longest = 1ms}},
               handle);
  });
  EXPECT_EQ(deaths, 4) << "one attempt, two at once, one later";
  crashing.check(deaths);
}

TEST(Crash, ByItselfOnceOfABatch) {
  Crashing crashing;
  crashing.fill();
  const auto deaths = crashing.run_until_done([](Service& service) {
    service.on("take", {.retry = {.immediate = 1, .delayed = 1, .first = 1ms, .longest = 1ms}}, [](Batch<Order> batch) {
      for (std::size_t at = 0; at < batch.size(); ++at) handle(batch[at].event);
    });
  });
  EXPECT_EQ(deaths, 3);
  crashing.check(deaths);
}

TEST(Crash, OneDeathIsHeldAgainstNobodyAlone) {
  Crashing crashing;
  crashing.fill();
  // Without any retry: a neighbour of the poison, which ran beside it once, is not parked for that.
  const auto deaths = crashing.run_until_done([](Service& service) {
    service.on("take", {.concurrency = 8, .retry = {.immediate = 0, .delayed = 0}}, handle);
  });
  EXPECT_EQ(deaths, 2);
  crashing.check(deaths);
}

TEST(Crash, AttemptsThatFailedCountOverAKill) {
  Crashing crashing;
  crashing.fill();
  const auto on = [](Service& service) {
    service.on("take", {.concurrency = 2, .retry = {.immediate = 1, .delayed = 3, .first = 1ms, .longest = 1ms}},
               [](const Order& order, Context& context) -> Result<> {
                 if (order.number != poison) return {};
                 if (context.attempt() == 3) ::raise(SIGKILL);
                 return Error{"no", "not today", Retry::same_call};
               });
  };
  EXPECT_EQ(crashing.run_until_done(on), 1);
  auto broker = crashing.open();
  const auto got = letters(*broker, "k7");
  ASSERT_EQ(got.size(), 9U);
  EXPECT_EQ(got.front().envelope.headers.get(dead_letter::attempts), "5") << "two failed, one died, two failed";
  EXPECT_EQ(got.front().envelope.headers.get(dead_letter::code), "no");
}

TEST(Crash, WhatADeathLeftUnfinishedIsToldOnce) {
  Crashing crashing;
  crashing.fill();
  const auto on = [](Service& service, auto... more) {
    service.on("take", {.concurrency = 1}, [=](const Order& order, Context& context) {
      if (order.number == poison && context.attempt() < 3) std::abort();
      (more(context), ...);
    });
  };
  for (int death = 0; death < 2; ++death)
    ASSERT_TRUE(WIFSIGNALED(crashing.run([&](Service& service) { on(service); })));
  auto broker = crashing.open();
  auto service = Service::create({.name = "test", .broker = broker.get(), .log = &crashing.lines}).or_throw();
  std::string id;
  on(service, [&](const Context& context) {
    if (context.attempt() == 3) id = context.envelope().id;
  });
  {
    const std::jthread running([&] { (void)service.run(); });
    EXPECT_TRUE(eventually([&] {
      const auto groups = broker->groups("orders").or_throw();
      return !groups.empty() && groups.front().lag() == 0;
    }));
    service.stop();
  }
  ASSERT_FALSE(id.empty());
  EXPECT_EQ(
      crashing.lines.count("test: take: an event of orders was begun and not ended, since the process died or was "
                           "ended: " +
                           id + " (key 'k7', attempt 2)"),
      1U)
      << crashing.lines.all();
  EXPECT_EQ(crashing.lines.count("begun and not ended"), 1U) << crashing.lines.all();
}

/// Three were in hand when the process died, and the handler hangs on the first of them that comes again.
TEST(Crash, OneThatHangsHoldsUpTheOtherSuspectsAndNobodyElse) {
  Crashing crashing;
  crashing.fill();
  constexpr std::size_t workers = 3;
  std::atomic<std::size_t> in_hand = 0;
  const auto died = crashing.run([&](Service& service) {
    service.on("take", {.concurrency = workers}, [&](const Order&) {
      if (++in_hand == workers) std::abort();
      while (true) std::this_thread::sleep_for(1s);
    });
  });
  ASSERT_TRUE(WIFSIGNALED(died));
  auto broker = crashing.open();
  auto service = Service::create({.name = "test", .broker = broker.get(), .log = &crashing.lines}).or_throw();
  std::latch release(1);
  std::atomic<std::size_t> suspects = 0, others = 0;
  service.on("take", {.concurrency = workers}, [&](const Order&, Context& context) {
    if (context.attempt() == 1) {
      ++others;
      return;
    }
    if (++suspects == 1) release.wait();
  });
  std::jthread running([&] { (void)service.run(); });
  // Of 10 keys those of the suspects wait for them, with all that is behind.
  EXPECT_TRUE(eventually([&] { return others >= count / 10 * 7; })) << others << " others were handled meanwhile";
  EXPECT_EQ(suspects, 1U) << "never two at once";
  release.count_down();
  EXPECT_TRUE(eventually([&] { return suspects + others == count; }));
  EXPECT_EQ(suspects, workers);
  service.stop();
}

}  // namespace
}  // namespace tidings::service
