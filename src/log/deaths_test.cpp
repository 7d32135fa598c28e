#include "log/deaths.hpp"

#include <gtest/gtest.h>

#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

using namespace std::chrono_literals;

struct Group final : Deaths::Listener {
  std::optional<std::uint32_t> count_members() override {
    ++counted;
    std::this_thread::sleep_for(takes);
    return members == 0 ? std::nullopt : std::optional{members.load()};
  }
  [[nodiscard]] bool knows(std::uint32_t count) const override { return known == count; }
  void tell_group() override { ++told; }
  void warn(const std::string&) override {}

  Duration takes{};
  std::atomic<std::uint32_t> members = 1, known = 1;
  std::atomic<int> counted = 0, told = 0;
};

class OfDeaths : public testing::Test {
 protected:
  /// As a process that had the log open, and ends.
  void end_one() const { (void)log->file("slots.lock", Directory::Create::never).or_throw(); }
  template <class Condition>
  static bool wait_until(Condition is_so) {
    for (int i = 0; i < 60'000 && !is_so(); ++i) std::this_thread::sleep_for(1ms);
    return is_so();
  }

  TestLog folder;
  std::unique_ptr<Directory> log = system_files().open(folder.path, true).or_throw();
  std::shared_ptr<Slots> slots = Slots::take(*log).or_throw();
};

TEST_F(OfDeaths, AGroupIsToldWhereItsCountIsAnother) {
  Group same, fewer, busy;
  fewer.known = 2;
  busy.members = 0;
  const Deaths::Listening first(Deaths::of(slots, folder.silent), {0, 1}, same);
  const Deaths::Listening second(Deaths::of(slots, folder.silent), {0, 2}, fewer);
  const Deaths::Listening third(Deaths::of(slots, folder.silent), {0, 3}, busy);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(same.counted + fewer.counted + busy.counted, 0) << "it sleeps";
  end_one();
  EXPECT_TRUE(wait_until([&] { return fewer.told > 0 && busy.told > 0; }));
  EXPECT_TRUE(wait_until([&] { return same.counted >= 3; })) << "it looks again, later";
  EXPECT_EQ(same.told, 0);
}

TEST_F(OfDeaths, OneIsAskedForAllOfItsGroup) {
  Group busy, first, second;
  busy.members = 0;
  busy.known = 2;
  second.known = 2;
  first.members = second.members = 2;
  first.known = 2;
  const Deaths::Listening a(Deaths::of(slots, folder.silent), {0, 1}, busy);
  const Deaths::Listening b(Deaths::of(slots, folder.silent), {0, 1}, first);
  const Deaths::Listening c(Deaths::of(slots, folder.silent), {0, 1}, second);
  end_one();
  EXPECT_TRUE(wait_until([&] { return first.counted >= 2; }));
  EXPECT_EQ(second.counted, 0);
  EXPECT_EQ(busy.told + first.told + second.told, 0);
  second.known = 1;
  end_one();
  EXPECT_TRUE(wait_until([&] { return busy.told + first.told + second.told > 0; })) << "one of them does not know";
}

TEST_F(OfDeaths, HoweverManyComeAndGoLookingTakesALittleOfTheTime) {
  Group group;
  group.takes = 2ms;
  const Deaths::Listening listening(Deaths::of(slots, folder.silent), {0, 1}, group);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    end_one();
    std::this_thread::sleep_for(1ms);
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(group.counted, 2);
  EXPECT_LE(group.counted.load() * 40ms, took + 200ms + 2 * 40ms);
}

TEST_F(OfDeaths, WithoutAWatchTheyAreNotHeardOf) {
  FaultyFiles files;
  files.fail(
      [](const auto& call) { return call.name == "watch_closes" ? std::optional{too_many_files()} : std::nullopt; });
  struct Counting final : LogSink {
    void write(LogLevel, std::string_view) override { ++lines; }
    int lines = 0;
  } sink;
  const TestLog other;
  const auto its = Slots::take(*files.open(other.path, true).or_throw()).or_throw();
  Group first, second;
  const Deaths::Listening a(Deaths::of(its, sink), {0, 1}, first);
  const Deaths::Listening b(Deaths::of(its, sink), {0, 2}, second);
  EXPECT_FALSE(a.is_watching());
  EXPECT_EQ(sink.lines, 1);
}

}  // namespace
}  // namespace tidings::log
