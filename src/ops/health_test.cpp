#include "tidings/ops/health.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "ops/testing.hpp"

namespace tidings::ops {
namespace {

using namespace std::chrono_literals;

HealthEntry entry(const Health& health, std::string_view name) {
  for (auto& one : health.look().checks)
    if (one.name == name) return one;
  return {.name = "none", .reason = {}};
}

TEST(Health, a_check_is_down_until_it_has_been_made) {
  Health health;
  health.add("database", [] { return HealthFinding{}; });
  EXPECT_FALSE(health.look().is_ready);
  EXPECT_EQ(entry(health, "database").reason, "not looked at yet");
  health.start();
  EXPECT_TRUE(eventually([&] { return health.look().is_ready; }));
}

TEST(Health, says_why_and_since_when_and_goes_on) {
  ManualClock clock;
  Health health(clock);
  std::atomic<bool> away = true;
  std::atomic<int> made = 0;
  health.add("database",
             [&]() -> Result<HealthFinding> {
               ++made;
               if (away) return Error{"unreachable", "no route to host", Retry::same_call};
               return HealthFinding{};
             },
             {.every = 1ms});
  const auto first = clock.now();
  health.start();
  ASSERT_TRUE(eventually([&] { return entry(health, "database").reason == "unreachable: no route to host"; }));
  EXPECT_FALSE(health.look().is_ready);
  clock.advance(1h);
  const auto seen = made.load();
  ASSERT_TRUE(eventually([&] { return made > seen + 2; }));
  EXPECT_EQ(entry(health, "database").since, first) << "it is since it became so, not since it was looked at";
  away = false;
  ASSERT_TRUE(eventually([&] { return health.look().is_ready; }));
  EXPECT_EQ(entry(health, "database").since, clock.now());
}

TEST(Health, a_check_that_hangs_is_down_and_holds_up_no_other_nor_who_asks) {
  std::mutex mutex;
  std::condition_variable changed;
  bool released = false;
  std::atomic<int> others = 0;
  Health health;
  for (const auto* const name : {"hangs", "hangs too"})
    health.add(name,
               [&] {
                 std::unique_lock lock(mutex);
                 changed.wait(lock, [&] { return released; });
                 return HealthFinding{};
               },
               {.every = 1ms, .deadline = 20ms});
  health.add("other", [&] { return ++others, HealthFinding{}; }, {.every = 1ms});
  health.start();
  EXPECT_TRUE(eventually([&] { return others > 20; }));
  EXPECT_TRUE(eventually([&] { return entry(health, "hangs").reason == "no answer for 20ms"; }));
  EXPECT_TRUE(eventually([&] { return entry(health, "hangs too").reason == "no answer for 20ms"; }));
  EXPECT_EQ(entry(health, "other").status, HealthStatus::up);
  {
    const std::scoped_lock lock(mutex);
    released = true;
    changed.notify_all();
  }
  EXPECT_TRUE(eventually([&] { return health.look().is_ready; }));
}

TEST(Health, stopping_does_not_wait_for_what_hangs) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool released = false;
  };
  const auto gate = std::make_shared<Gate>();
  std::atomic<bool> began = false;
  {
    Health health;
    health.add("hangs", [gate, &began] {
      began = true;
      std::unique_lock lock(gate->mutex);
      gate->changed.wait(lock, [&] { return gate->released; });
      return HealthFinding{};
    });
    health.start();
    ASSERT_TRUE(eventually([&] { return began.load(); }));
  }
  const std::scoped_lock lock(gate->mutex);
  gate->released = true;
  gate->changed.notify_all();
}

TEST(Health, times_that_are_very_long_are_long) {
  std::atomic<int> seldom = 0, patient = 0, often = 0;
  std::atomic<bool> released = false;
  Health health;
  health.add("seldom", [&] { return ++seldom, HealthFinding{}; }, {.every = Duration::max()});
  health.add("patient",
             [&] {
               while (++patient > 1 && !released) std::this_thread::sleep_for(1ms);
               return HealthFinding{};
             },
             {.every = 1ms, .deadline = Duration::max()});
  health.add("often", [&] { return ++often, HealthFinding{}; }, {.every = 1ms});
  health.start();
  ASSERT_TRUE(eventually([&] { return seldom > 0 && patient > 1; }));
  const int seen = often;
  ASSERT_TRUE(eventually([&] { return often > seen + 50; }));
  EXPECT_EQ(seldom, 1);
  EXPECT_TRUE(health.look().is_ready) << health.look().json();
  released = true;
}

TEST(Health, what_throws_is_down) {
  Health health;
  health.add("bad", []() -> Result<HealthFinding> { throw std::runtime_error("broken"); });
  health.start();
  EXPECT_TRUE(eventually([&] { return entry(health, "bad").reason == "handler_threw: broken"; }));
}

TEST(Health, degraded_stays_ready_and_the_report_is_json) {
  ManualClock clock(TimePoint{1'700'000'000s});
  Health health(clock);
  health.set("a", HealthStatus::up);
  health.set("b \"x\"\n", HealthStatus::degraded, "line\nbreak \x1b[0m");
  const auto report = health.look();
  EXPECT_TRUE(report.is_ready);
  EXPECT_EQ(report.json(),
            R"({"status":"degraded","checks":[{"name":"a","status":"up","reason":"","since":"2023-11-14T22:13:20Z"},)"
            R"({"name":"b \"x\"\\x0A","status":"degraded","reason":"line\\x0Abreak \\x1B[0m",)"
            R"("since":"2023-11-14T22:13:20Z"}]})"
            "\n");
  health.set("a", HealthStatus::down, "gone");
  EXPECT_FALSE(health.look().is_ready);
  health.remove("a");
  EXPECT_TRUE(health.look().is_ready);
}

}  // namespace
}  // namespace tidings::ops
