// A record that is just being written is seen by halves; who holds its partition may be at it.
#include <gtest/gtest.h>

#include <algorithm>

#include "log/faulty_files.hpp"
#include "log/verify_testing.hpp"

namespace tidings::log {
namespace {

/// The newer record is damaged, and whole again from the given look on.
struct HalfWritten {
  explicit HalfWritten(int whole_at) {
    log.fill(3);
    log.write_record("g", {.sequence = 1, .generation = 1, .position = 1, .handled = 1});
    log.write_record("g", {.sequence = 2, .generation = 1, .position = 2, .handled = 2});
    whole = read_file(path()).or_throw();
    log.flip("orders/groups/g", record_place(0, 0) + offsetof(GroupRecord, position));
    log.flip("orders/groups/g", record_place(0, 1) + offsetof(GroupRecord, position));
    files.fail([this, whole_at](const FaultyFiles::Call& call) -> std::optional<Error> {
      if (call.name == "read_at" && call.path == path() && ++reads == whole_at) overwrite(path(), whole);
      return std::nullopt;
    });
  }
  [[nodiscard]] std::ptrdiff_t damaged() {
    return std::ranges::count(log.verify(files), "damaged_record", &Finding::code);
  }
  [[nodiscard]] std::string path() const { return log.path + "/orders/groups/g"; }

  SmallLog log;
  FaultyFiles files;
  std::string whole;
  int reads = 0;  // the first is of the header
};

TEST(GroupCheck, WaitsForTheRecordOfWhoHoldsThePartition) {
  HalfWritten half(5);
  auto groups = system_files().open(half.log.path + "/orders/groups", false).or_throw();
  auto holder = GroupFile::open(*groups, "g", 1).or_throw();
  ASSERT_TRUE(holder.try_hold(0).or_throw());
  EXPECT_EQ(half.damaged(), 0);
}

TEST(GroupCheck, LooksOnceMoreWhereNobodyHoldsIt) {
  HalfWritten never(1'000);
  EXPECT_EQ(never.damaged(), 2);
  EXPECT_EQ(never.reads, 5) << "the header, and each record twice";
  HalfWritten settled(3);
  EXPECT_EQ(settled.damaged(), 0) << "who wrote it let go just before";
}

}  // namespace
}  // namespace tidings::log
