// A process is killed behind every single step of its work, and the next one goes on. What a SIGKILL leaves is what
// stands in the page cache: so nobody is killed here, and an image of the disk is taken in its place, at each step
// that changed a byte. Steps are the calls to the file system, a write in several parts; and, where the process is led
// by the hand, instruction by instruction, each store into a mapping.
#include <gtest/gtest.h>

#include "scenarios.hpp"
#include "stepping.hpp"
#include "tidings/base/entropy.hpp"
#include "torture.hpp"

namespace tidings::crash {
namespace {

struct Moment {
  MemoryDisk::Image image;
  Told told;
};

/// Collects what a kill at any step would leave.
class Moments {
 public:
  void add(const MemoryDisk& disk, const Told& told) {
    if (disk.names().renaming != 0) return;
    if (!all.empty() && all.back().told == told && disk.is(all.back().image)) return;
    all.push_back({disk.take(), told});
  }
  std::vector<Moment> all;
};

class Kills : public testing::TestWithParam<Scenario> {
 protected:
  /// A kill at `moment`: the next goes on.
  void check(const Moment& moment, const std::string& when) {
    next_.disk.load(moment.image);
    auto told = moment.told;
    EXPECT_EQ(next_.check(told, {}), "") << when;
    // Somebody appends one event, then the machine is started again: behind the event there is nothing old.
    next_.disk.load(moment.image);
    told = moment.told;
    EXPECT_EQ(next_.check(told, {.brief = true}), "") << when;
    EXPECT_EQ(next_.check(told, {.rebooted = true, .twice = false, .verify = false}), "") << when << ", then a reboot";
  }
  /// The next is killed at each of its calls, too; the one after it goes on. How many that were.
  std::size_t check_twice(const Moment& moment, bool rebooted, const std::string& when) {
    next_.disk.load(moment.image);
    if (rebooted) next_.reboot();
    auto told = moment.told;
    Moments moments;
    next_.disk.on_step = [&](const auto&) { moments.add(next_.disk, told); };
    const auto first = next_.check(told, {.rebooted = false, .twice = false, .verify = false});
    next_.disk.on_step = nullptr;
    EXPECT_EQ(first, "") << when;
    for (std::size_t n = 0; n < moments.all.size() && !HasFailure(); ++n) {
      last_.disk.load(moments.all[n].image);
      auto last_told = moments.all[n].told;
      EXPECT_EQ(last_.check(last_told, {.rebooted = false, .twice = false, .verify = false}), "")
          << when << ", and the next at its step " << n;
    }
    return moments.all.size();
  }

  static constexpr std::uint64_t everyday = 10;
  [[nodiscard]] bool is_long() const {
    return GetParam().name.ends_with("LargeRoll") || GetParam().name.ends_with("Retention");
  }

  Machine first_{GetParam()}, next_{GetParam()}, last_{GetParam()};
};

TEST_P(Kills, AtEveryCallAndOnceMoreInWhatFollows) {
  auto told = first_.prepare();
  Moments moments;
  moments.add(first_.disk, told);
  first_.disk.on_step = [&](const auto&) { moments.add(first_.disk, told); };
  first_.run(told).or_throw();
  first_.disk.on_step = nullptr;
  moments.add(first_.disk, told);
  std::size_t of_two = 0;
  for (std::size_t n = 0; n < moments.all.size() && !HasFailure(); ++n) {
    const auto when = "killed at step " + std::to_string(n);
    check(moments.all[n], when);
    of_two += check_twice(moments.all[n], false, when);
    of_two += check_twice(moments.all[n], true, when + " before a reboot");
  }
  std::printf("%zu kills, %zu of two\n", moments.all.size(), of_two);
  EXPECT_GE(moments.all.size(), 4U);
}

TEST_P(Kills, AtEveryStore) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's instructions are too many";
#endif
  const auto torture = Torture::from_environment(everyday);
  if (is_long() && torture.rounds <= everyday) GTEST_SKIP() << "for script/torture";
  torture.print("of so many moments, what goes on is killed too; thirty times as many are looked at");
  SharedPage page;
  auto& told = page.as<Told>();
  told = first_.prepare();
  Moments moments;
  int status = 0;
  const auto steps = step_through([&] { return first_.run(told) ? 0 : 1; },
                                  [&] {
                                    moments.add(first_.disk, told);
                                    return true;
                                  },
                                  status);
  if (steps == 0) GTEST_SKIP() << "no process may be led by another here";
  ASSERT_EQ(status, 0);
  const auto step = std::max<std::size_t>(1, moments.all.size() / (torture.rounds * 30));
  for (std::size_t n = 0; n < moments.all.size() && !HasFailure(); n += step)
    check(moments.all[n], "killed at its store " + std::to_string(n));
  SeededEntropy entropy(torture.seed);
  std::size_t of_two = 0;
  for (std::uint64_t round = 0; round < torture.rounds && !HasFailure(); ++round) {
    const auto n = entropy.below(moments.all.size());
    of_two += check_twice(moments.all[n], entropy.below(2) == 0, "killed at its store " + std::to_string(n));
  }
  std::printf("%zu kills in %llu instructions, %zu of two\n", moments.all.size(),
              static_cast<unsigned long long>(steps), of_two);
  EXPECT_GE(moments.all.size(), 10U);
}

/// What goes on with what a kill left is killed at each of its stores.
TEST_P(Kills, AtEveryStoreOfRecovery) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's instructions are too many";
#endif
  const auto torture = Torture::from_environment(everyday);
  if (is_long() && torture.rounds <= everyday) GTEST_SKIP() << "for script/torture";
  torture.print("of a tenth of so many moments, recovery is killed at every store");
  auto begun = first_.prepare();
  Moments moments;
  first_.disk.on_step = [&](const auto&) { moments.add(first_.disk, begun); };
  first_.run(begun).or_throw();
  first_.disk.on_step = nullptr;
  SeededEntropy entropy(torture.seed);
  std::size_t count = 0;
  SharedPage page;
  auto& told = page.as<Told>();
  for (std::uint64_t round = 0; round < torture.rounds / 10 && !HasFailure(); ++round) {
    const auto n = entropy.below(moments.all.size());
    const bool rebooted = entropy.below(2) == 0;
    const auto when = "killed at step " + std::to_string(n) + (rebooted ? " before a reboot" : "");
    next_.disk.load(moments.all[n].image);
    if (rebooted) next_.reboot();
    told = moments.all[n].told;
    Moments of_next;
    int status = 0;
    const auto steps = step_through(
        [&] {
          return next_.check(told, {.rebooted = false, .twice = false, .verify = false, .brief = true}).empty() ? 0 : 1;
        },
        [&] {
          of_next.add(next_.disk, told);
          return true;
        },
        status);
    if (steps == 0) GTEST_SKIP() << "no process may be led by another here";
    EXPECT_EQ(status, 0) << when;
    for (std::size_t i = 0; i < of_next.all.size() && !HasFailure(); ++i) {
      last_.disk.load(of_next.all[i].image);
      auto last_told = of_next.all[i].told;
      EXPECT_EQ(last_.check(last_told, {}), "") << when << ", and the next at its store " << i;
    }
    count += of_next.all.size();
  }
  std::printf("%zu kills of recovery\n", count);
}

INSTANTIATE_TEST_SUITE_P(Log, Kills, testing::ValuesIn(scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace tidings::crash
