#include <gtest/gtest.h>

#include <thread>

#include "log/faulty_files.hpp"
#include "log/verify_testing.hpp"

namespace tidings::log {
namespace {

constexpr auto all = ~std::uint64_t{0};

/// A log of several segments, an event a second.
struct Kept {
  explicit Kept(bool durable = true) : test(durable) {
    log = test.open();
    add_segments(6);
  }
  void add_segments(std::size_t count) {
    const auto wanted = firsts().size() + count;
    while (firsts().size() < wanted) {
      append(*log, {event(std::to_string(next++), std::string(200, 'x'))});
      test.clock.advance(std::chrono::seconds{1});
    }
    log->sync_to(next, std::chrono::seconds{10}).or_throw();
  }
  [[nodiscard]] std::vector<std::uint64_t> firsts() const {
    std::vector<std::uint64_t> found;
    for (const auto& name : test.files())
      if (const auto first = segment_first_offset(name)) found.push_back(*first);
    return found;
  }

  TestLog test;
  std::uint64_t next = 0;
  std::unique_ptr<PartitionLog> log;
};

TEST(Retention, BySizeKeepsAtLeastAsMuch) {
  for (const bool durable : {false, true}) {
    Kept kept(durable);
    const auto before = kept.firsts();
    EXPECT_EQ(kept.log->remove_old({.bytes = 3 * 4096 + 1}, all).or_throw(), before.size() - 4);
    EXPECT_EQ(kept.firsts(), std::vector(before.end() - 4, before.end()));
    EXPECT_EQ(kept.log->earliest().or_throw(), before[before.size() - 4]);
    EXPECT_EQ(read_ids(*kept.log, before[before.size() - 4]).or_throw(), numbers(before[before.size() - 4], kept.next));
    EXPECT_EQ(kept.log->remove_old({.bytes = 3 * 4096 + 1}, all).or_throw(), 0U);
    EXPECT_EQ(kept.log->remove_old({.bytes = 1}, all).or_throw(), 3U);
    EXPECT_EQ(kept.firsts().size(), 1U) << "the one that is written stays";
  }
}

TEST(Retention, ByAgeTakesWhatIsOldAsAWhole) {
  Kept kept;
  const auto before = kept.firsts();
  EXPECT_EQ(kept.log->remove_old({.age = std::chrono::hours{1}}, all).or_throw(), 0U);
  // The third segment's first event is just too old: so is all before it.
  const auto since_third = std::chrono::seconds{kept.next - before[2]};
  EXPECT_EQ(kept.log->remove_old({.age = since_third - std::chrono::seconds{1}}, all).or_throw(), 2U);
  EXPECT_EQ(kept.firsts().front(), before[2]);
  kept.test.clock.advance(std::chrono::hours{2});
  EXPECT_EQ(kept.log->remove_old({.age = std::chrono::hours{1}}, all).or_throw(), before.size() - 3);
  EXPECT_EQ(append(*kept.log, {event("more")}), kept.next);
}

TEST(Retention, WhatAGroupHasNotSettledStays) {
  Kept kept;
  const auto before = kept.firsts();
  EXPECT_EQ(kept.log->remove_old({.bytes = 1}, before[2]).or_throw(), 2U);
  EXPECT_EQ(kept.log->remove_old({.bytes = 1}, before[3] - 1).or_throw(), 0U);
  EXPECT_EQ(kept.firsts().front(), before[2]);
}

TEST(Retention, ForEverIsForEver) {
  Kept kept;
  const auto before = kept.firsts();
  kept.test.clock.advance(std::chrono::hours{24 * 365});
  EXPECT_EQ(kept.log->remove_old({}, all).or_throw(), 0U);
  EXPECT_EQ(kept.firsts(), before);
}

/// A group had come far in an epoch of which a power cut took events back: others have their offsets, and it goes on
/// with the first of these.
TEST(Retention, WhatAPowerCutTookBackAGroupHasNotSettled) {
  SmallLog log(false);
  log.fill(3);
  log.reboot();
  log.fill(60);
  const auto before = log.firsts();
  ASSERT_GT(before.size(), 4U);
  const auto keep = [&] {
    LogDirectory::open(log.path, {.log = &log.silent})
        .or_throw()
        ->find("orders")
        .or_throw()
        ->keep({.bytes = 1, .waits_for_groups = true})
        .or_throw();
    return log.firsts().front();
  };
  log.write_record("audit", {.sequence = 1, .position = before[3], .epoch = 2});
  EXPECT_EQ(keep(), 0U) << "it goes on at offset 3";
  log.write_record("audit", {.sequence = 2, .position = before[3], .epoch = 3});
  EXPECT_EQ(keep(), before[3]);
}

/// Recovery takes for granted that all but the last segments are on the device.
TEST(Retention, WhatIsNotSyncedStays) {
  TestLog test(false);
  auto log = test.open();
  std::uint64_t next = 0;
  while (test.files().size() < 4) append(*log, {event(std::to_string(next++), std::string(200, 'x'))});
  ASSERT_EQ(test.files().size(), 4U) << "three segments, of which the second is not synced";
  EXPECT_EQ(log->remove_old({.bytes = 1}, all).or_throw(), 1U);
  log->sync_to(next, std::chrono::seconds{10}).or_throw();
  EXPECT_EQ(log->remove_old({.bytes = 1}, all).or_throw(), 1U);
}

TEST(Retention, AReaderKeepsWhatItHasAndIsToldWhatWent) {
  Kept kept;
  const auto before = kept.firsts();
  auto other = kept.test.open();
  Cursor cursor(*other);
  cursor.seek(0);
  const auto* const first = cursor.next(kept.next).or_throw();
  ASSERT_EQ(kept.log->remove_old({.bytes = 1}, before[3]).or_throw(), 3U);
  EXPECT_EQ(first->envelope.id, "0") << "its segment is there as long as somebody holds it";
  for (std::uint64_t offset = 1; offset < before[1]; ++offset)
    ASSERT_EQ(cursor.next(kept.next).or_throw()->envelope.id, std::to_string(offset));
  const auto gone = cursor.next(kept.next);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, "removed");
  EXPECT_NE(gone.error().message.find(std::to_string(before[3])), std::string::npos) << gone.error().message;
  cursor.seek(other->earliest().or_throw());
  EXPECT_EQ(cursor.next(kept.next).or_throw()->offset, before[3]);
}

TEST(Retention, ALogGoesOnWithoutItsBeginningAfterAReboot) {
  for (const bool durable : {false, true}) {
    Kept kept(durable);
    kept.log->remove_old({.bytes = 2 * 4096}, all).or_throw();
    const auto earliest = kept.log->earliest().or_throw();
    kept.log.reset();
    kept.test.forget_hints();
    kept.log = kept.test.open();
    EXPECT_EQ(kept.log->earliest().or_throw(), earliest);
    EXPECT_EQ(read_ids(*kept.log, earliest).or_throw(), numbers(earliest, kept.next));
    Cursor cursor(*kept.log);
    cursor.seek(0);
    EXPECT_EQ(cursor.next(kept.next).error().code, "removed");
    EXPECT_EQ(kept.log->first_at(TimePoint{}).or_throw(), earliest);
    EXPECT_EQ(append(*kept.log, {event("more")}), kept.next);
  }
}

/// Between any two calls of the one who removes: what is not there any more was removed, and what is left has no gap.
TEST(Retention, WhoComesBetweenItsStepsIsToldWhatWent) {
  for (const bool durable : {false, true}) {
    Kept kept(durable);
    const auto before = kept.firsts();
    auto reading = kept.test.open();
    FaultyFiles files;
    kept.test.disk = &files;
    auto removing = kept.test.open();
    int calls = 0;
    std::size_t synced = 0;  // segments whose removal is on the device
    files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
      ++calls;
      const auto left = kept.firsts();
      EXPECT_EQ(left, std::vector(before.end() - static_cast<std::ptrdiff_t>(left.size()), before.end()));
      if (call.name == "sync") synced = before.size() - left.size();
      EXPECT_LE(before.size() - left.size(), synced + 1) << "one after another, each synced";
      for (const auto offset : before) {
        Cursor cursor(*reading);
        cursor.seek(offset);
        const auto item = cursor.next(kept.next);
        EXPECT_TRUE(item || item.error().code == "removed") << call.name << " " << offset << to_string(item.error());
      }
      return std::nullopt;
    });
    EXPECT_EQ(removing->remove_old({.bytes = 1}, all).or_throw(), before.size() - 1);
    files.fail({});
    EXPECT_GT(calls, 10);
  }
}

/// Two who remove, one who writes, one who reads: whoever comes too late is told, and nobody sees a hole.
TEST(Retention, MayGoOnBesideEverything) {
  Kept kept(false);
  auto second = kept.test.open(), reading = kept.test.open();
  std::atomic<bool> stop = false;
  std::jthread writer([&] {
    for (int i = 0; i < 3'000; ++i) append(*kept.log, {event(std::to_string(kept.next++), std::string(200, 'x'))});
    stop = true;
  });
  std::vector<std::jthread> removers;
  for (auto* const log : {kept.log.get(), second.get()})
    removers.emplace_back([&stop, log] {
      while (!stop) log->remove_old({.bytes = 3 * 4096}, all).or_throw();
    });
  Cursor cursor(*reading);
  cursor.seek(0);
  std::uint64_t expected = 0, seen = 0;
  while (!stop || expected < reading->visible_end()) {
    const auto item = cursor.next(reading->visible_end());
    if (!item) {
      ASSERT_EQ(item.error().code, "removed") << item.error().message;
      expected = reading->earliest().or_throw();
      cursor.seek(expected);
      continue;
    }
    if (*item == nullptr) continue;
    ASSERT_EQ((*item)->offset, expected);
    ASSERT_EQ((*item)->envelope.id, std::to_string(expected));
    ++expected, ++seen;
  }
  EXPECT_GT(seen, 0U);
}

}  // namespace
}  // namespace tidings::log
