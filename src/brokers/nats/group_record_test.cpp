#include "brokers/nats/group_record.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tidings::brokers::nats {
namespace {

GroupRecord of_partitions(std::size_t count) {
  GroupRecord record;
  record.places.resize(count);
  return record;
}

std::size_t held_by(const GroupRecord& record, std::string_view id) {
  return static_cast<std::size_t>(std::ranges::count(record.places, id, &PlaceEntry::holder));
}

void hand_all_over(GroupRecord& record) {
  for (std::uint32_t partition = 0; partition < record.places.size(); ++partition)
    EXPECT_TRUE(record.hand_over(std::string(record.places[partition].holder), partition));
}

TEST(GroupRecord, TheFirstMemberHoldsAll) {
  auto record = of_partitions(4);
  record.join("a");
  EXPECT_EQ(held_by(record, "a"), 4U);
}

TEST(GroupRecord, WhatIsHeldMovesWhenItsHolderSaysSo) {
  auto record = of_partitions(4);
  record.join("a");
  record.join("b");
  EXPECT_EQ(held_by(record, "a"), 4U);
  EXPECT_EQ(std::ranges::count(record.places, "b", &PlaceEntry::wanted), 2);
  EXPECT_FALSE(record.hand_over("b", 0));
  hand_all_over(record);
  EXPECT_EQ(held_by(record, "a"), 2U);
  EXPECT_EQ(held_by(record, "b"), 2U);
}

TEST(GroupRecord, WhoLeavesKeepsWhatItHoldsUntilItIsGone) {
  auto record = of_partitions(3);
  record.join("a");
  record.join("b");
  hand_all_over(record);
  record.begin_leaving("a");
  EXPECT_GT(held_by(record, "a"), 0U);
  EXPECT_EQ(std::ranges::count(record.places, "b", &PlaceEntry::wanted), 3);
  record.remove("a");
  EXPECT_EQ(held_by(record, "b"), 3U);
  record.remove("b");
  EXPECT_EQ(held_by(record, ""), 3U);
}

TEST(GroupRecord, WhateverComesAndGoesTheSharesAreEven) {
  std::mt19937 random(7);
  auto record = of_partitions(7);
  std::vector<std::string> members;
  for (int round = 0; round < 2000; ++round) {
    if (members.empty() || random() % 3 != 0) {
      members.push_back(std::to_string(round));
      record.join(members.back());
    } else {
      const auto index = random() % members.size();
      record.remove(members[index]);
      members.erase(members.begin() + static_cast<std::ptrdiff_t>(index));
    }
    if (random() % 2 == 0) continue;
    hand_all_over(record);
    if (members.empty()) continue;
    for (const auto& member : members) {
      EXPECT_GE(held_by(record, member), 7 / members.size());
      EXPECT_LE(held_by(record, member), (7 + members.size() - 1) / members.size());
    }
    // Nobody would be better off: another look changes nothing.
    const auto before = record.places;
    record.share();
    for (std::size_t partition = 0; partition < before.size(); ++partition)
      EXPECT_EQ(record.places[partition].wanted, before[partition].wanted);
  }
}

}  // namespace
}  // namespace tidings::brokers::nats
