#include "log/partition_log.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>
#include <thread>

#include "log/testing.hpp"
#include "tidings/base/entropy.hpp"

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

std::size_t used_bytes(const std::string& bytes) {
  return bytes.find_last_not_of('\0') + 1;
}

void overwrite(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST(Recovery, ATornTailGoesToQuarantine) {
  TestLog test;
  append(*test.open(), {event("0")});
  append(*test.open(), {event("1"), event("2")});
  test.forget_hints();
  auto bytes = read_file(test.segment(0)).or_throw();
  const auto used = used_bytes(bytes);
  bytes[used - 1] = static_cast<char>(bytes[used - 1] ^ 1);  // the batch's second frame
  overwrite(test.segment(0), bytes);
  auto log = test.open();
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 1)) << "a batch is kept whole or not at all";
  EXPECT_TRUE(std::filesystem::exists(test.partition() + "/quarantine"));
  EXPECT_EQ(append(*log, {event("1")}), 1U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
  test.forget_hints();
  EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 2));
}

TEST(Recovery, TwiceGivesTheSameBytes) {
  TestLog test;
  append(*test.open(), {event("0")});
  append(*test.open(), {event("1"), event("2")});
  auto bytes = read_file(test.segment(0)).or_throw();
  bytes[used_bytes(bytes) - 1] ^= 1;
  overwrite(test.segment(0), bytes);
  std::string once;
  for (int round = 0; round < 3; ++round) {
    test.forget_hints();
    (void)test.open();
    const auto now = read_file(test.segment(0)).or_throw();
    if (round == 0) once = now;
    EXPECT_EQ(now, once);
  }
}

TEST(Recovery, WhatWasSyncedAndIsDamagedIsRefused) {
  TestLog test(true);
  {
    auto log = test.open();
    append(*log, {event("0")});
    append(*log, {event("1")});
    log->sync_to(2, std::chrono::seconds{10}).or_throw();
    append(*log, {event("2")});  // its floor says that 0 and 1 were synced
  }
  test.forget_hints();
  auto bytes = read_file(test.segment(0)).or_throw();
  bytes[sizeof(SegmentHeader) + sizeof(FrameHeader) + 3] ^= 1;
  overwrite(test.segment(0), bytes);
  auto opened = test.try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "corrupt");
  EXPECT_NE(opened.error().message.find(segment_name(0)), std::string::npos);
  EXPECT_EQ(read_file(test.segment(0)).or_throw(), bytes) << "nothing was changed";
}

TEST(Recovery, ACutAtEveryByteKeepsAPrefix) {
  TestLog test;
  for (const auto& name : numbers(0, 3)) append(*test.open(), {event(name, "xyz")});
  const auto bytes = read_file(test.segment(0)).or_throw();
  const auto used = used_bytes(bytes);
  std::size_t most = 0;
  for (std::size_t size = sizeof(SegmentHeader); size <= used; ++size) {
    auto cut = bytes.substr(0, size);
    cut.resize(bytes.size(), '\0');
    overwrite(test.segment(0), cut);
    test.forget_hints();
    const auto ids = read_ids(*test.open()).or_throw();
    ASSERT_EQ(ids, numbers(0, ids.size())) << size;
    ASSERT_GE(ids.size(), most) << size;
    most = ids.size();
  }
  EXPECT_EQ(most, 3U);
}

TEST(Recovery, AFlipOfEveryBitIsSeenOrHarmless) {
  TestLog test;
  for (const auto& name : numbers(0, 3)) append(*test.open(), {event(name, "payload")});
  const auto bytes = read_file(test.segment(0)).or_throw();
  const auto used = used_bytes(bytes);
  for (std::size_t bit = 0; bit < used * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    overwrite(test.segment(0), flipped);
    test.forget_hints();
    auto opened = test.try_open();
    if (!opened) continue;  // refused
    Cursor cursor(**opened);
    for (std::uint64_t offset = 0;; ++offset) {
      auto item = cursor.next((*opened)->visible_end());
      if (!item || !*item) break;
      ASSERT_EQ((*item)->envelope.id, std::to_string(offset)) << "bit " << bit;
      ASSERT_EQ((*item)->envelope.payload, "payload") << "bit " << bit;
    }
  }
}

/// A copy of the files as they are while a roll is at each of its steps.
TEST(Recovery, ARollThatStoppedAtAnyStep) {
  TestLog test;
  std::uint64_t next = 0;
  {
    auto log = test.open();
    while (test.files().size() < 3) append(*log, {event(std::to_string(next++), std::string(200, 'x'))});
  }
  const auto names = test.files();
  const auto last = segment_first_offset(names[1]).value();
  const auto whole = read_file(test.segment(0)).or_throw();
  ASSERT_EQ(last + 1, next);
  std::size_t seal = sizeof(SegmentHeader);
  for (std::uint64_t offset = 0; offset < last; ++offset)
    seal += padded(reinterpret_cast<const FrameHeader*>(whole.data() + seal)->length);
  // Made, not begun, not sealed before; made and sealed, not begun; sealed, and the next one not there.
  for (const auto* const step : {"made", "sealed", "sealed alone"}) {
    auto bytes = whole;
    if (std::string_view(step) == "made")
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(seal), bytes.end(), '\0');
    overwrite(test.segment(0), bytes);
    std::filesystem::remove(test.segment(last));
    if (std::string_view(step) != "sealed alone") {
      auto directory = system_files().open(test.partition(), false).or_throw();
      Segment::prepare(*directory, last, 4096, 1, false).or_throw();
    }
    test.forget_hints();
    auto log = test.open();
    ASSERT_EQ(read_ids(*log).or_throw(), numbers(0, last)) << step;
    ASSERT_EQ(append(*log, {event(std::to_string(last)), event(std::to_string(last + 1))}), last) << step;
    ASSERT_EQ(append(*log, {event(std::to_string(last + 2), std::string(3'000, 'y'))}), last + 2) << step;
    ASSERT_EQ(read_ids(*log).or_throw(), numbers(0, last + 3)) << step;
    log.reset();
    test.forget_hints();
    ASSERT_EQ(read_ids(*test.open()).or_throw(), numbers(0, last + 3)) << step;
    for (const auto& name : test.files())
      if (const auto first = segment_first_offset(name); first && *first != 0)
        std::filesystem::remove(test.segment(*first));
  }
}

/// The word of a process that is gone stands in the writer lock: the next writer repairs, without a reboot.
TEST(Repair, ASegmentThatWasMadeAndNotBegunGoes) {
  TestLog test;
  auto log = test.open();
  append(*log, {event("0")});
  {
    auto directory = system_files().open(test.partition(), false).or_throw();
    Segment::prepare(*directory, 1, 4096, 1, false).or_throw();  // a roll began here
    auto control = directory->file("control", Directory::Create::never).or_throw();
    const std::uint64_t dead = std::uint64_t{1} << 16 | 7;
    control->write_at(std::as_bytes(std::span{&dead, 1}), offsetof(Control, writer)).or_throw();
  }
  append(*log, {event("1")});  // it fits into the segment before
  append(*log, {event("2")});
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 3));
  EXPECT_EQ(read_ids(*log, 1).or_throw(), numbers(1, 3));
  test.forget_hints();
  EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 3));
}

TEST(Repair, HalfABatchIsClearedAndWhatWasWholeIsKept) {
  TestLog test;
  auto log = test.open();
  append(*log, {event("0")});
  append(*log, {event("1"), event("2")});
  // As if the writer of the second batch had died before it published its end, with its last frame not whole.
  auto bytes = read_file(test.segment(0)).or_throw();
  const auto first = sizeof(SegmentHeader) +
                     padded(reinterpret_cast<const FrameHeader*>(bytes.data() + sizeof(SegmentHeader))->length);
  const std::uint64_t end = used_bytes(bytes) + 8;
  auto directory = system_files().open(test.partition(), false).or_throw();
  auto control = directory->file("control", Directory::Create::never).or_throw();
  const auto set = [&](std::size_t at, std::uint64_t value) {
    control->write_at(std::as_bytes(std::span{&value, 1}), at).or_throw();
  };
  set(offsetof(Control, committed), 1);
  set(offsetof(Control, position), first);
  set(offsetof(Control, dirty_end), end);
  set(offsetof(Control, writer), std::uint64_t{1} << 16 | 7);
  auto segment = directory->file(segment_name(0), Directory::Create::never).or_throw();
  const char wrong = 'w';
  segment->write_at(std::as_bytes(std::span{&wrong, 1}), used_bytes(bytes) - 1).or_throw();
  EXPECT_EQ(append(*log, {event("1")}), 1U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
}

TEST(Recovery, AMissingSegmentIsTold) {
  TestLog test;
  {
    auto log = test.open();
    for (const auto& name : numbers(0, 60)) append(*log, {event(name, std::string(200, 'x'))});
  }
  std::vector<std::uint64_t> firsts;
  for (const auto& name : test.files())
    if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
  ASSERT_GT(firsts.size(), 3U);
  std::filesystem::remove(test.segment(firsts[1]));
  auto log = test.open();
  const auto ids = read_ids(*log);
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, "corrupt");
}

TEST(Files, WhatIsNoSegmentIsRefused) {
  for (const auto* const kind : {"fifo", "link", "short", "newer", "renamed"}) {
    TestLog test;
    append(*test.open(), {event("0")});
    auto bytes = read_file(test.segment(0)).or_throw();
    std::filesystem::remove(test.segment(0));
    test.forget_hints();
    std::string wanted = "corrupt";
    const std::string_view what = kind;
    if (what == "fifo") {
      ASSERT_EQ(::mkfifo(test.segment(0).c_str(), 0600), 0);
      wanted = "not_a_file";
    }
    if (what == "link") std::filesystem::create_symlink("/dev/zero", test.segment(0)), wanted = "not_a_file";
    if (what == "short") overwrite(test.segment(0), bytes.substr(0, 40));
    if (what == "renamed") overwrite(test.segment(5), bytes);
    if (what == "newer") {
      auto& header = *reinterpret_cast<SegmentHeader*>(bytes.data());
      header.version = 9;
      header.checksum = header_checksum(header);
      overwrite(test.segment(0), bytes);
      wanted = "newer_version";
    }
    auto opened = test.try_open();
    ASSERT_FALSE(opened) << kind;
    EXPECT_EQ(opened.error().code, wanted) << kind << ": " << opened.error().message;
  }
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
  for (const std::uint64_t dead : {std::uint64_t{1} << 16 | 7, slots->word() - (std::uint64_t{1} << 16)}) {
    control.writer.store(dead);
    EXPECT_TRUE(WriterLock::take(control, *slots, std::chrono::seconds{1}).or_throw().inherited());
  }
}

TEST(GroupFile, KeepsTheNewestWholeRecord) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  auto file = GroupFile::open(*directory, "group", 2, true).or_throw();
  EXPECT_FALSE(file.read(0).or_throw());
  for (std::uint64_t i = 1; i <= 5; ++i) file.write(1, {.sequence = i, .position = 10 * i}).or_throw();
  auto other = GroupFile::open(*directory, "group", 2, false).or_throw();
  EXPECT_EQ(other.read(1).or_throw()->position, 50U);
  EXPECT_FALSE(other.read(0).or_throw());
  // Each slot damaged in turn: the other counts; both: told.
  const auto path = test.path + "/group";
  const auto bytes = read_file(path).or_throw();
  std::set<std::uint64_t> positions;
  for (const std::size_t slot : {0, 1}) {
    auto damaged = bytes;
    damaged[64 + 128 + slot * 64 + 16] ^= 1;
    overwrite(path, damaged);
    positions.insert(GroupFile::open(*directory, "group", 2, false).or_throw().read(1).or_throw()->position);
  }
  EXPECT_EQ(positions, (std::set<std::uint64_t>{40, 50}));
  auto damaged = bytes;
  damaged[64 + 128 + 16] ^= 1;
  damaged[64 + 192 + 16] ^= 1;
  overwrite(path, damaged);
  EXPECT_EQ(GroupFile::open(*directory, "group", 2, false).or_throw().read(1).error().code, "corrupt");
  overwrite(path, bytes.substr(0, 63) + "x" + bytes.substr(64));
  EXPECT_EQ(GroupFile::open(*directory, "group", 2, false).error().code, "corrupt");
}

TEST(GroupFile, MembersAndHoldersAreSeenByOthers) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  auto a = GroupFile::open(*directory, "group", 2, true).or_throw();
  std::optional b = GroupFile::open(*directory, "group", 2, true).or_throw();
  a.join().or_throw();
  EXPECT_FALSE(a.has_members().or_throw());  // others than itself
  b->join().or_throw();
  EXPECT_EQ(a.membership().or_throw().count, 2U);
  EXPECT_EQ(a.membership().or_throw().rank + b->membership().or_throw().rank, 1U);
  EXPECT_TRUE(b->try_hold(1).or_throw());
  EXPECT_FALSE(a.try_hold(1).or_throw());
  EXPECT_TRUE(a.is_held_by_other(1).or_throw());
  b.reset();
  EXPECT_EQ(a.membership().or_throw().count, 1U);
  EXPECT_TRUE(a.try_hold(1).or_throw());
}

}  // namespace
}  // namespace tidings::log
