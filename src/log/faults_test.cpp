// What a partition does when the disk fails it, call by call.
#include <gtest/gtest.h>

#include <fstream>

#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

using std::chrono::seconds;

struct FaultyLog : TestLog {
  explicit FaultyLog(bool durable) : TestLog(durable) { disk = &faulty; }

  /// Every call of that name on a path that ends so.
  void fail(std::string call, std::string ending, const Error& error) {
    faulty.fail([call = std::move(call), ending = std::move(ending), error](const FaultyFiles::Call& one) {
      return one.name == call && one.path.ends_with(ending) ? std::optional(error) : std::nullopt;
    });
  }
  void heal() { faulty.fail({}); }

  FaultyFiles faulty;
};

/// Appends events of about that size until the partition has another segment; gives the events there are.
std::uint64_t fill_to_a_second_segment(TestLog& test, PartitionLog& log) {
  std::uint64_t next = log.committed();
  while (log.committed() == 0 || !std::filesystem::exists(test.segment(next - 1)))
    append(log, {event(std::to_string(next++), std::string(300, 'x'))});
  return next;
}

TEST(Faults, AFullDiskIsToldBeforeAnythingIsWrittenAndPublishingResumes) {
  for (const bool durable : {false, true}) {
    FaultyLog test(durable);
    auto log = test.open();
    append(*log, {event("0")});
    for (const auto* const call : {"allocate", "write_at", "sync_data", "file"}) {
      if (!durable && call == std::string_view("sync_data")) continue;
      test.fail(call, "~" + segment_name(log->committed()), disk_full());
      const auto refused = try_append(*log, {event("large", std::string(5'000, 'x'))});
      ASSERT_FALSE(refused) << call;
      EXPECT_EQ(refused.error().code, "disk_full");
      EXPECT_EQ(refused.error().retry, Retry::same_call);
      const auto now = log->committed();
      EXPECT_EQ(append(*log, {event(std::to_string(now))}), now) << "what fits goes on";
      test.heal();
      EXPECT_EQ(append(*log, {event(std::to_string(now + 1), std::string(5'000, 'x'))}), now + 1);
    }
    const auto all = numbers(0, log->committed());
    if (durable) log->sync_to(all.size(), seconds{10}).or_throw();
    EXPECT_EQ(read_ids(*log).or_throw(), all);
    log.reset();
    test.forget_hints();
    EXPECT_EQ(read_ids(*test.open()).or_throw(), all);
  }
}

TEST(Faults, ARollThatFailsLeavesNoSegmentBehind) {
  struct Step {
    const char* call;
    std::string on;
  };
  for (const bool durable : {false, true})
    for (const auto& step : {Step{"sync", "/0"}, Step{"file", segment_name(1)}, Step{"map", segment_name(1)},
                             Step{"read_at", segment_name(1)}, Step{"write_at", segment_name(0)}}) {
      FaultyLog test(durable);
      auto log = test.open();
      append(*log, {event("0")});
      test.fail(step.call, step.on, too_many_files());
      const auto refused = try_append(*log, {event("large", std::string(5'000, 'x'))});
      // Sealed through the mapping, and synced later.
      if (!durable && (step.call == std::string_view("write_at") || step.call == std::string_view("sync"))) continue;
      ASSERT_FALSE(refused) << step.call;
      EXPECT_EQ(refused.error().code, "too_many_files") << step.call;
      test.heal();
      // It fits into the segment before; the one that was made must not claim its offset.
      EXPECT_EQ(append(*log, {event("1")}), 1U);
      EXPECT_EQ(append(*log, {event("2")}), 2U);
      EXPECT_EQ(append(*log, {event("3", std::string(5'000, 'x'))}), 3U);
      if (durable) log->sync_to(4, seconds{10}).or_throw();
      auto other = test.open();
      for (std::uint64_t from = 0; from < 4; ++from)
        ASSERT_EQ(read_ids(*other, from).or_throw(), numbers(from, 4)) << step.call << " from " << from;
      log.reset();
      other.reset();
      test.forget_hints();
      ASSERT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 4)) << step.call;
    }
}

TEST(Faults, ARepairThatFailsIsDoneByTheNextWriter) {
  FaultyLog test(false);
  auto log = test.open();
  append(*log, {event("0")});
  {
    auto directory = system_files().open(test.partition(), false).or_throw();
    Segment::prepare(*directory, {.first_offset = 1, .size = 4096, .epoch = 1}).or_throw();  // a roll began here
    auto control = directory->file("control", Directory::Create::never).or_throw();
    const std::uint64_t dead = std::uint64_t{1000} << 16 | 7;  // a generation that no process here has
    control->write_at(std::as_bytes(std::span{&dead, 1}), offsetof(Control, writer)).or_throw();
  }
  test.fail("remove_file", segment_name(1), io_error());
  EXPECT_EQ(try_append(*log, {event("1")}).error().code, "io_error");
  test.heal();
  append(*log, {event("1")});
  append(*log, {event("2")});
  EXPECT_EQ(read_ids(*log, 1).or_throw(), numbers(1, 3));
}

TEST(Faults, ABatchThatIsNotWrittenIsClearedBeforeTheNext) {
  FaultyLog test(true);
  auto log = test.open();
  append(*log, {event("0")});
  test.fail("write_at", segment_name(0), disk_full());
  for (int round = 0; round < 2; ++round) {  // the second cannot even clear
    const auto refused = try_append(*log, {event("a", std::string(500, 'a')), event("b", std::string(500, 'b'))});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "disk_full");
  }
  test.heal();
  append(*log, {event("1")});
  log->sync_to(2, seconds{10}).or_throw();
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
  const auto bytes = read_file(test.segment(0)).or_throw();
  EXPECT_EQ(bytes.find("aaaa"), bytes.npos) << "it was not cleared";
}

/// Nothing was made: looking through all of the segment again, under the writer lock, would find nothing.
TEST(Faults, ARollThatFindsTheDiskFullLeavesNothingToRepair) {
  for (const bool durable : {false, true}) {
    FaultyLog test(durable);
    auto log = test.open();
    append(*log, {event("0")});
    append(*log, {event("1")});
    int looks = 0;
    test.faulty.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
      if (call.name == "file" && call.path.ends_with("/" + segment_name(0))) ++looks;
      return call.name == "allocate" ? std::optional(disk_full()) : std::nullopt;
    });
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(try_append(*log, {event("2", std::string(5'000, 'x'))}).error().code, "disk_full");
    EXPECT_EQ(looks, 0) << "it was opened to be repaired";
    test.heal();
    EXPECT_EQ(append(*log, {event("2", std::string(5'000, 'x'))}), 2U);
  }
}

/// What was known of the segment before says nothing of how far the next one was written ahead.
TEST(Faults, ASegmentThatARepairComesToIsWrittenAheadWithZeros) {
  FaultyLog test(false);
  auto log = test.open();
  const auto next = fill_to_a_second_segment(test, *log);
  {
    // A writer died between the seal and the switch.
    auto directory = system_files().open(test.partition(), false).or_throw();
    auto control = directory->file("control", Directory::Create::never).or_throw();
    const auto put = [&](std::uint64_t value, std::size_t at) {
      control->write_at(std::as_bytes(std::span{&value, 1}), at).or_throw();
    };
    put(std::uint64_t{1000} << 16 | 7, offsetof(Control, writer));  // a generation that no process here has
    put(4096, offsetof(Control, zeroed));
    put(4096, offsetof(Control, dirty_end));
    put(0, offsetof(Control, segment));
  }
  int written = 0;
  test.faulty.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "write_at" && call.path.ends_with("/" + segment_name(next - 1))) ++written;
    return std::nullopt;
  });
  EXPECT_EQ(append(*log, {event(std::to_string(next))}), next);
  EXPECT_GT(written, 0) << "it was stored into as it was";
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, next + 1));
}

/// A store into a mapping that finds the disk full is a SIGBUS: durable topics are written through their files only.
TEST(Faults, ADurableSegmentIsNeverMappedForWriting) {
  TestLog test(true);
  auto log = test.open();
  append(*log, {event("0", std::string(3'000, 'x'))});
  append(*log, {event("1", std::string(3'000, 'x'))});
  log->sync_to(2, seconds{10}).or_throw();
  ASSERT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
  std::ifstream maps("/proc/self/maps");
  int seen = 0;
  for (std::string line; std::getline(maps, line);)
    if (line.find(test.path) != line.npos && line.ends_with(".log")) {
      ++seen;
      EXPECT_EQ(line.find(" rw"), line.npos) << line;
    }
  EXPECT_GT(seen, 0);
}

TEST(Faults, SyncsUseTheDescriptorThatWrote) {
  FaultyLog test(true);
  auto log = test.open();
  std::atomic<int> opened = 0;
  test.faulty.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "file" && call.path.ends_with("/" + segment_name(0))) ++opened;
    return std::nullopt;
  });
  for (int i = 0; i < 20; ++i) log->sync_to(append(*log, {event("e")}) + 1, seconds{10}).or_throw();
  EXPECT_LE(opened, 3) << "once to see whether it is there, once made";
}

/// Whatever made a segment that has no event, it never stands in the way of a batch that does not fit.
TEST(Rolling, ASegmentWithoutAnEventGivesWayToALargerOne) {
  for (const bool durable : {false, true})
    for (const auto* const how :
         {"made by a dead writer", "its first batch failed", "its first batch was torn", "sealed into itself"}) {
      FaultyLog test(durable);
      auto log = test.open();
      std::uint64_t next = 0;
      const std::string_view what = how;
      const auto directory = system_files().open(test.partition(), false).or_throw();
      if (what == "made by a dead writer") {
        Segment::prepare(*directory, {.first_offset = 0, .size = 4096, .epoch = 1}).or_throw();
      } else if (what == "its first batch failed") {
        if (!durable) continue;  // a store does not fail
        next = fill_to_a_second_segment(test, *log);
        const auto small = append(*log, {event(std::to_string(next), std::string(2'500, 'x'))});
        next = small + 1;
        test.fail("write_at", "/" + segment_name(next), io_error());
        ASSERT_FALSE(try_append(*log, {event("x", std::string(2'500, 'x'))}));
        ASSERT_TRUE(std::filesystem::exists(test.segment(next)));
        test.heal();
      } else {
        // The first batch of the first segment as a power cut, or a version before, may leave it.
        append(*log, {event("0")});
        auto segment = Segment::open(*directory, 0, Segment::Access::read).or_throw();
        std::string seal;
        write_seal_frame(seal, {.offset = 0, .epoch = 2}, segment->salt());
        if (what == "its first batch was torn") seal[20] ^= 1;
        auto bytes = read_file(test.segment(0)).or_throw();
        bytes.resize(sizeof(SegmentHeader));
        bytes += seal;
        bytes.resize(4096);
        log.reset();
        overwrite(test.segment(0), bytes);
        test.forget_hints();
        log = test.open();
      }
      auto other = test.open();
      const auto large = append(*other, {event(std::to_string(next), std::string(6'000, 'x'))});
      ASSERT_EQ(large, next) << how;
      // The handle that knew the smaller one writes into the larger.
      ASSERT_EQ(append(*log, {event(std::to_string(next + 1))}), next + 1) << how;
      ASSERT_EQ(append(*other, {event(std::to_string(next + 2), std::string(6'000, 'x'))}), next + 2) << how;
      if (durable) log->sync_to(next + 3, seconds{10}).or_throw();
      ASSERT_EQ(read_ids(*log).or_throw(), numbers(0, next + 3)) << how;
      log.reset();
      other.reset();
      test.forget_hints();
      ASSERT_EQ(read_ids(*test.open()).or_throw(), numbers(0, next + 3)) << how;
    }
}

}  // namespace
}  // namespace tidings::log
