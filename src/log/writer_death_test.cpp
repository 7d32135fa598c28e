// A writer died within an append, in the same boot: what the next one goes over, and what it believes.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

struct DeadWriter : TestLog {
  explicit DeadWriter(bool durable) : TestLog(durable) {}

  [[nodiscard]] std::uint64_t word(std::size_t at) const {
    std::uint64_t value = 0;
    std::memcpy(&value, read_file(partition() + "/control").or_throw().data() + at, sizeof value);
    return value;
  }
  void put(const std::string& name, std::uint64_t at, const std::string& bytes) const {
    std::fstream file(name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  }
  /// Some bytes of a frame are there, and the mark that says so.
  void die() const {
    const auto position = word(offsetof(Control, position));
    put(segment(word(offsetof(Control, segment))), position + 16, "torn");
    const auto end = position + 128;
    put(partition() + "/control", offsetof(Control, dirty_end), {reinterpret_cast<const char*>(&end), sizeof end});
  }
};

TEST(WriterDeath, WhoWroteBeforeGoesOnFromThere) {
  for (const bool durable : {false, true}) {
    DeadWriter test(durable);
    auto log = test.open();
    auto other = test.open();
    append(*log, {event("0"), event("1"), event("2")});
    append(*log, {event("3")});
    // What another wrote since is gone over, and noted.
    append(*other, {event("4"), event("5")});
    test.die();
    EXPECT_EQ(append(*log, {event("6")}), 6U);
    test.die();
    EXPECT_EQ(append(*other, {event("7")}), 7U);
    // Also over a roll that this one has not seen.
    append(*other, {event("8", std::string(3'500, 'x'))});
    append(*other, {event("9", std::string(1'500, 'x'))});
    append(*other, {event("10")});
    test.die();
    EXPECT_EQ(append(*log, {event("11")}), 11U);
    log->sync_to(12, std::chrono::seconds{10}).or_throw();
    EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 12));
    log.reset();
    other.reset();
    test.reboot();
    EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 12)) << "no torn byte is left";
  }
}

/// What lies before what it has seen is not gone over again, however long it is; a new process does, and sees damage.
TEST(WriterDeath, OnlyANewProcessGoesOverAllOfTheSegment) {
  for (const bool durable : {false, true}) {
    DeadWriter test(durable);
    auto log = test.open();
    append(*log, {event("0", "payload")});
    append(*log, {event("1")});
    test.put(test.segment(0), sizeof(SegmentHeader) + sizeof(FrameHeader) + 50, "damaged");
    test.die();
    EXPECT_EQ(append(*log, {event("2")}), 2U);
    test.die();
    auto other = test.open();
    EXPECT_EQ(try_append(*other, {event("3")}).error().code, "corrupt");
    EXPECT_EQ(append(*log, {event("3")}), 3U);
  }
}

}  // namespace
}  // namespace tidings::log
