#include "log/segment_cache.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "log/faulty_files.hpp"
#include "log/index.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

using std::chrono_literals::operator""ms;

/// Files of this process that are mapped and whose path ends so; one that was removed counts where `text` says so.
std::size_t mapped(const std::string& text, const std::string& and_text = "") {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);)
    count += line.find(text) != std::string::npos && line.find(and_text) != std::string::npos ? 1 : 0;
  return count;
}

/// Events "0" to "99", one a second, in some segments.
struct Sought {
  explicit Sought(std::size_t segments_max = SegmentCache::segments_max, bool durable = false) : test(durable) {
    test.setting.segments =
        std::make_shared<SegmentCache>(background, SegmentCache::Bounds{.segments = segments_max, .idle = 20ms});
    auto log = test.open();
    for (const auto& name : numbers(0, 100)) {
      append(*log, {event(name, std::string(150, 'x'))});
      test.clock.advance(std::chrono::seconds{1});
    }
    log->sync_to(100, std::chrono::seconds{10}).or_throw();
    for (const auto& name : test.files())
      if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
  }
  [[nodiscard]] SegmentCache& cache() const { return *test.setting.segments; }
  /// Whether the event is read at its place, which is looked for anew.
  static bool is_found(PartitionLog& log, std::uint64_t offset) {
    Cursor cursor(log);
    cursor.seek(offset);
    const auto item = cursor.next(log.visible_end());
    return item && *item && (*item)->envelope.id == std::to_string(offset);
  }
  [[nodiscard]] std::size_t count() const { return firsts.size(); }
  /// Not its first one, which needs no looking for.
  [[nodiscard]] std::uint64_t within(std::size_t segment) const { return firsts[segment] + 1; }

  std::shared_ptr<Background> background = nullptr;
  TestLog test;
  std::vector<std::uint64_t> firsts;
};

TEST(SegmentCache, WhatWasSoughtIsOpenedOnce) {
  Sought sought;
  auto log = sought.test.open();
  for (std::size_t i = 0; i < sought.count(); ++i) ASSERT_TRUE(Sought::is_found(*log, sought.within(i)));
  EXPECT_EQ(sought.cache().size(), sought.count());
  const auto folder = sought.test.partition();
  EXPECT_GE(mapped(folder), sought.count());
  // Nothing is opened any more: not even where the names are gone.
  std::filesystem::create_directory(folder + "/aside");
  for (std::size_t i = 0; i + 1 < sought.count(); ++i) {
    std::filesystem::rename(sought.test.segment(sought.firsts[i]), folder + "/aside/" + std::to_string(i));
    std::filesystem::remove(folder + "/" + index_name(sought.firsts[i]));
  }
  for (std::size_t i = 0; i + 1 < sought.count(); ++i) EXPECT_TRUE(Sought::is_found(*log, sought.within(i) + 1));
}

TEST(SegmentCache, TakesNoDescriptors) {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  Sought sought;
  auto log = sought.test.open();
  ASSERT_TRUE(Sought::is_found(*log, 1));
  const auto before = descriptors();
  for (std::size_t i = 0; i < sought.count(); ++i) ASSERT_TRUE(Sought::is_found(*log, sought.within(i)));
  EXPECT_EQ(descriptors(), before);
}

TEST(SegmentCache, IsBounded) {
  Sought sought(3);
  auto log = sought.test.open();
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < sought.count(); ++i) {
      ASSERT_TRUE(Sought::is_found(*log, sought.within(i)));
      ASSERT_TRUE(Sought::is_found(*log, sought.within(0))) << "asked for again and again, it stays";
      ASSERT_LE(sought.cache().size(), 3U);
      ASSERT_NE(sought.cache().find(log.get(), 0), nullptr);
    }
  EXPECT_EQ(sought.cache().size(), 3U);
  EXPECT_EQ(sought.cache().find(log.get(), sought.firsts[1]), nullptr);
}

TEST(SegmentCache, EndsWithItsPartition) {
  Sought sought;
  auto log = sought.test.open();
  auto other = sought.test.open();
  ASSERT_TRUE(Sought::is_found(*log, sought.within(0)) && Sought::is_found(*other, sought.within(1)));
  EXPECT_EQ(sought.cache().size(), 2U) << "each has its own";
  log.reset();
  EXPECT_EQ(sought.cache().size(), 1U);
  EXPECT_TRUE(Sought::is_found(*other, sought.within(0)));
}

/// By whatever process: its room is free when this one looks at the names, be it for another segment.
TEST(SegmentCache, WhatWasRemovedIsLetGo) {
  for (const bool by_itself : {true, false}) {
    Sought sought;
    auto log = sought.test.open();
    auto other = sought.test.open();
    for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(Sought::is_found(*log, sought.within(i)));
    auto& remover = by_itself ? *log : *other;
    ASSERT_EQ(remover.remove_old({.bytes = 1}, sought.firsts[2]).or_throw(), 2U);
    EXPECT_TRUE(by_itself || Sought::is_found(*log, sought.within(2)));
    EXPECT_EQ(mapped(sought.test.segment(0)), 0U);
    EXPECT_EQ(mapped(sought.test.path, "(deleted)"), 0U) << "indexes too";
    Cursor cursor(*log);
    cursor.seek(sought.within(0));
    EXPECT_EQ(cursor.next(100).error().code, "removed");
    EXPECT_EQ(log->first_at(TimePoint{}).or_throw(), sought.firsts[2]);
  }
}

/// After a sync that failed another file has the name: the next look is into that one.
TEST(SegmentCache, WhatWasWrittenAnewIsNotReadFromTheOldFile) {
  for (const bool by_itself : {true, false}) {
    FaultyFiles files;
    Sought sought(16, true);
    sought.test.disk = &files;
    const auto last = sought.firsts.back();
    auto log = sought.test.open();
    auto other = sought.test.open();
    const auto old = log->segment_of(last + 1).or_throw()->salt();
    ASSERT_TRUE(Sought::is_found(*log, last + 1));
    auto& writer = by_itself ? *log : *other;
    append(writer, {event("100")});
    files.fail([failed = false](const FaultyFiles::Call& one) mutable -> std::optional<Error> {
      if (one.name != "sync_data" || std::exchange(failed, true)) return std::nullopt;
      return io_error();
    });
    writer.sync_to(101, std::chrono::seconds{10}).or_throw();
    EXPECT_TRUE(Sought::is_found(*log, last + 1));
    EXPECT_NE(log->segment_of(last + 1).or_throw()->salt(), old);
    EXPECT_TRUE(Sought::is_found(*log, 100));
    EXPECT_EQ(mapped(sought.test.path, "(deleted)"), 0U);
  }
}

/// A cursor keeps what it stands in; the next look does not.
TEST(SegmentCache, WhatSomebodyStandsInStaysForHim) {
  Sought sought;
  auto log = sought.test.open();
  Cursor cursor(*log);
  cursor.seek(1);
  ASSERT_EQ((**cursor.next(100)).envelope.id, "1");
  ASSERT_EQ(log->remove_old({.bytes = 1}, sought.firsts[1]).or_throw(), 1U);
  EXPECT_EQ((**cursor.next(100)).envelope.id, "2");
  cursor.seek(1);
  EXPECT_EQ(cursor.next(100).error().code, "removed");
}

TEST(SegmentCache, WhatNobodyAsksForGoesByItself) {
  Sought sought;
  auto background = std::make_shared<Background>();
  sought.test.setting.segments =
      std::make_shared<SegmentCache>(background, SegmentCache::Bounds{.segments = 16, .idle = 20ms});
  auto log = sought.test.open();
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(Sought::is_found(*log, sought.within(i)));
  for (int i = 0; i < 1'000 && sought.cache().size() > 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(sought.cache().size(), 0U);
  EXPECT_EQ(mapped(sought.test.segment(0)), 0U);
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(Sought::is_found(*log, sought.within(i)));
  EXPECT_GT(sought.cache().size(), 0U) << "and what is asked for once more is kept again";
}

/// Times that many segments have in common, times between, before and after all.
TEST(SegmentCache, TimesAreFoundWhereSegmentsShareThem) {
  TestLog test;
  auto log = test.open();
  std::vector<TimePoint> times;
  for (const auto& name : numbers(0, 200)) {
    // The clock stands for some segments' length, moves for each event, or goes back.
    const auto number = std::stoul(name);
    if (number >= 60 && number < 90) test.clock.advance(std::chrono::seconds{1});
    if (number % 70 == 0) test.clock.advance(std::chrono::seconds{5});
    if (number == 130) test.clock.advance(-std::chrono::seconds{3});
    append(*log, {event(name, std::string(150, 'x'))});
    Cursor cursor(*log);
    cursor.seek(number);
    times.push_back((**cursor.next(200)).appended);
  }
  ASSERT_GT(test.files().size(), 10U);
  const auto expect_all = [&](PartitionLog& reading) {
    for (const auto& time : times)
      for (const auto delta : {-1, 0, 1}) {
        const auto wanted = time + Duration{delta};
        const auto at = std::ranges::lower_bound(times, wanted) - times.begin();
        ASSERT_EQ(reading.first_at(wanted).or_throw(), static_cast<std::uint64_t>(at)) << delta;
      }
    ASSERT_EQ(reading.first_at(TimePoint{}).or_throw(), 0U);
  };
  expect_all(*log);
  expect_all(*log);
  expect_all(*test.open());
  // What was learnt of segments that are gone says nothing of those that are left.
  std::vector<std::uint64_t> firsts;
  for (const auto& name : test.files())
    if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
  log->sync_to(200, std::chrono::seconds{10}).or_throw();
  ASSERT_GT(log->remove_old({.bytes = 1}, firsts[firsts.size() / 2]).or_throw(), 0U);
  const auto earliest = log->earliest().or_throw();
  for (const auto& time : times) {
    const auto at = static_cast<std::uint64_t>(std::ranges::lower_bound(times, time) - times.begin());
    ASSERT_EQ(log->first_at(time).or_throw(), std::max(at, earliest));
  }
}

}  // namespace
}  // namespace tidings::log
