#include "log/group_file.hpp"

#include <gtest/gtest.h>

#include <set>

#include "log/layout.hpp"
#include "log/testing.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

TEST(GroupFile, NobodyBecomesAMemberOfADeletedOne) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  const auto slots = Slots::take(*directory).or_throw();
  auto file = GroupFile::open(*directory, "group", 2, slots.get()).or_throw();
  EXPECT_TRUE(file.is_named().or_throw());
  ASSERT_TRUE(directory->remove_file("group"));
  EXPECT_FALSE(file.is_named().or_throw());
  auto successor = GroupFile::open(*directory, "group", 2, slots.get()).or_throw();
  EXPECT_FALSE(file.is_named().or_throw()) << "another file has its name now";
  EXPECT_EQ(file.join().error().code, "group_gone");
  EXPECT_TRUE(successor.join());
}

TEST(GroupFile, KeepsTheNewestWholeRecord) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  auto file = GroupFile::open(*directory, "group", 2, Slots::take(*directory).or_throw().get()).or_throw();
  EXPECT_FALSE(file.read(0).or_throw());
  for (std::uint64_t i = 1; i <= 5; ++i) file.write(1, {.sequence = i, .position = 10 * i}).or_throw();
  auto other = GroupFile::open(*directory, "group", 2).or_throw();
  EXPECT_EQ(other.read(1).or_throw()->position, 50U);
  EXPECT_FALSE(other.read(0).or_throw());
  // Each slot damaged in turn: the other counts; both: told.
  const auto path = test.path + "/group";
  const auto bytes = read_file(path).or_throw();
  std::set<std::uint64_t> positions;
  for (const std::size_t slot : {0U, 1U}) {
    auto damaged = bytes;
    damaged[64 + 256 + slot * 128 + 16] ^= 1;
    overwrite(path, damaged);
    positions.insert(GroupFile::open(*directory, "group", 2).or_throw().read(1).or_throw()->position);
  }
  EXPECT_EQ(positions, (std::set<std::uint64_t>{40, 50}));
  auto damaged = bytes;
  damaged[64 + 256 + 16] ^= 1;
  damaged[64 + 384 + 16] ^= 1;
  overwrite(path, damaged);
  EXPECT_EQ(GroupFile::open(*directory, "group", 2).or_throw().read(1).error().code, "corrupt");
  overwrite(path, bytes.substr(0, 63) + "x" + bytes.substr(64));
  EXPECT_EQ(GroupFile::open(*directory, "group", 2).error().code, "corrupt");
  // Cut behind the header it is not a group that has not begun, which would begin at the end, and skip.
  overwrite(path, bytes.substr(0, 64));
  EXPECT_EQ(GroupFile::open(*directory, "group", 2).error().code, "corrupt");
}

TEST(GroupFile, MembersAndHoldersAreSeenByOthers) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  auto a = GroupFile::open(*directory, "group", 2, Slots::take(*directory).or_throw().get()).or_throw();
  std::optional b = GroupFile::open(*directory, "group", 2, Slots::take(*directory).or_throw().get()).or_throw();
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

TEST(GroupFile, AFirstRecordThatIsTornIsNone) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  auto file = GroupFile::open(*directory, "group", 1, Slots::take(*directory).or_throw().get()).or_throw();
  file.write(0, {.sequence = 1, .position = 10}).or_throw();
  const auto path = test.path + "/group";
  auto bytes = read_file(path).or_throw();
  bytes[record_place(0, 2) - 1] ^= 1;
  overwrite(path, bytes);
  auto again = GroupFile::open(*directory, "group", 1).or_throw();
  EXPECT_FALSE(again.read(0).or_throw());
  again.write(0, {.sequence = 1, .position = 20}).or_throw();
  EXPECT_EQ(again.read(0).or_throw()->position, 20U);
}

/// Whatever the order in which they came and went, each member counts all of them, and no two have one rank.
TEST(GroupFile, MembersThatLeaveAndJoinAreCounted) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  const auto member = [&] {
    auto file = GroupFile::open(*directory, "group", 3, Slots::take(*directory).or_throw().get()).or_throw();
    file.join().or_throw();
    return file;
  };
  std::vector<GroupFile> members;
  const auto check = [&](const char* when) {
    std::set<std::uint32_t> ranks;
    for (const auto& one : members) {
      const auto membership = one.membership().or_throw();
      EXPECT_EQ(membership.count, members.size()) << when;
      EXPECT_LT(membership.rank, members.size()) << when;
      ranks.insert(membership.rank);
    }
    EXPECT_EQ(ranks.size(), members.size()) << when;
  };
  for (int i = 0; i < 3; ++i) members.push_back(member());
  check("three came");
  members.erase(members.begin());
  members.push_back(member());
  check("the first left, and its byte was taken anew");
  SeededEntropy entropy(1);
  for (int step = 0; step < 100; ++step) {
    if (members.size() > 1 && entropy.below(2) == 0)
      members.erase(members.begin() + static_cast<std::ptrdiff_t>(entropy.below(members.size())));
    else if (members.size() < 12)
      members.push_back(member());
    check(("step " + std::to_string(step)).c_str());
  }
}

}  // namespace
}  // namespace tidings::log
