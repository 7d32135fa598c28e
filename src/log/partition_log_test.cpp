#include "log/partition_log.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

TEST(PartitionLog, AppendsAndReads) {
  TestLog test;
  auto log = test.open();
  EXPECT_EQ(append(*log, {event("0"), event("1")}), 0U);
  EXPECT_EQ(append(*log, {event("2", std::string("\0\xff", 2))}), 2U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 3));
  auto second = test.open();
  EXPECT_EQ(read_ids(*second).or_throw(), numbers(0, 3));
  EXPECT_EQ(append(*second, {event("3")}), 3U);
  EXPECT_EQ(read_ids(*log, 3).or_throw(), numbers(3, 4));
}

TEST(PartitionLog, RollsAndIsReadFromEveryOffset) {
  TestLog test;
  auto log = test.open();
  constexpr std::size_t count = 200;
  for (const auto& name : numbers(0, count)) append(*log, {event(name, std::string(100, 'x'))});
  EXPECT_GT(test.files().size(), 8U);
  for (std::size_t from = 0; from <= count; ++from)
    ASSERT_EQ(read_ids(*log, from).or_throw(), numbers(from, count)) << from;
  log.reset();
  test.forget_hints();
  auto again = test.open();
  EXPECT_EQ(read_ids(*again).or_throw(), numbers(0, count));
  EXPECT_EQ(append(*again, {event("200")}), count);
}

TEST(PartitionLog, TakesAnEventLargerThanASegment) {
  for (const bool durable : {false, true}) {
    TestLog test(durable);
    auto log = test.open();
    append(*log, {event("0")});
    append(*log, {event("1", std::string(100'000, 'x')), event("2")});
    append(*log, {event("3")});
    log->sync_to(4, std::chrono::seconds{10}).or_throw();
    EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 4));
  }
}

TEST(PartitionLog, ADurableTopicShowsWhatIsSynced) {
  TestLog test(true);
  auto log = test.open();
  append(*log, {event("0")});
  EXPECT_EQ(log->visible_end(), 0U);
  EXPECT_EQ(log->committed(), 1U);
  log->sync_to(1, std::chrono::seconds{10}).or_throw();
  EXPECT_EQ(log->visible_end(), 1U);
}

TEST(PartitionLog, ThreadsAppendAndSyncTogether) {
  TestLog test(true);
  auto log = test.open();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          const auto first = append(*log, {event(std::to_string(t) + "/" + std::to_string(i)), event("second")});
          log->sync_to(first + 2, std::chrono::seconds{30}).or_throw();
        }
      });
    threads.emplace_back([&] {
      Cursor cursor(*log);
      for (std::uint64_t seen = 0; seen < 400;) {
        if (cursor.next(log->visible_end()).or_throw())
          ++seen;
        else
          std::this_thread::yield();
      }
    });
  }
  EXPECT_EQ(log->durable(), 400U);
}

TEST(PartitionLog, FindsTimes) {
  TestLog test;
  auto log = test.open();
  for (const auto& name : numbers(0, 100)) {
    append(*log, {event(name, std::string(150, 'x'))});
    test.clock.advance(std::chrono::seconds{1});
  }
  const auto at = [&](std::int64_t seconds) {
    return log->first_at(TimePoint{std::chrono::seconds{seconds}}).or_throw();
  };
  EXPECT_EQ(at(0), 0U);
  EXPECT_EQ(at(1'000), 0U);
  for (std::int64_t i = 1; i < 100; ++i) ASSERT_EQ(at(1'000 + i), static_cast<std::uint64_t>(i));
  EXPECT_EQ(at(2'000), 100U);
  test.clock.advance(-std::chrono::hours{24});  // a clock that is set back: append time does not follow
  append(*log, {event("100")});
  EXPECT_EQ(at(1'099), 99U);
}

TEST(WriterLock, IsBusyWhileItsHolderLives) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  auto slots = Slots::take(*directory).or_throw();
  alignas(64) static std::byte memory[Control::file_bytes];
  auto& control = *new (memory) Control{};
  {
    auto held = WriterLock::take(control, *slots, std::chrono::seconds{1});
    ASSERT_TRUE(held);
    auto second = WriterLock::take(control, *slots, std::chrono::milliseconds{20});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "busy");
    EXPECT_EQ(second.error().retry, Retry::same_call);
  }
  EXPECT_FALSE(WriterLock::take(control, *slots, std::chrono::seconds{1}).or_throw().inherited());
  // The word of a slot that nobody holds, and one of a generation that is past.
  for (const std::uint64_t dead : {std::uint64_t{1000} << 16 | 7, slots->word() - (std::uint64_t{1} << 16)}) {
    control.writer.store(dead);
    EXPECT_TRUE(WriterLock::take(control, *slots, std::chrono::seconds{1}).or_throw().inherited());
  }
}

}  // namespace
}  // namespace tidings::log
