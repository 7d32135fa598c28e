#include "dashboard/health.hpp"

#include <gtest/gtest.h>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

/// A group of one partition, looked at second by second.
class GroupHealthTest : public ::testing::Test {
 protected:
  GroupHealthTest() {
    group.partitions.push_back({.partition = Partition{0}, .position = {}, .end = {}, .owned = true, .earliest = {}});
  }
  GroupPartitionInfo& part() { return group.partitions[0]; }
  void handle(std::uint64_t count) {
    part().position.value += count;
    part().handled += count;
  }
  Judgement look(Duration after = 1s, std::string_view paused = {}) {
    passed += after;
    return health.look(group, SteadyTime{} + passed, TimePoint{} + passed, paused);
  }

  GroupInfo group{.topic = "orders", .group = "shop.take", .partitions = {}, .error = {}};
  GroupHealth health;
  Duration passed = 1h;
};

TEST_F(GroupHealthTest, WithNothingToDoItIsIdle) {
  const auto judgement = look();
  EXPECT_EQ(judgement.doing, Doing::idle);
  EXPECT_EQ(judgement.reason, "");
  EXPECT_EQ(judgement.eta, 0);
}

TEST_F(GroupHealthTest, WithNothingToDoAndNobodyThereItSaysSo) {
  part().owned = false;
  const auto judgement = look();
  EXPECT_EQ(judgement.doing, Doing::idle);
  EXPECT_EQ(judgement.reason, "nobody is there, and nothing waits");
}

TEST_F(GroupHealthTest, WhatIsOnItsWayIsNoBacklog) {
  part().end = Offset{100};
  for (int second = 0; second < 30; ++second) {
    part().end.value += 1000;
    handle(1000);
    const auto judgement = look();
    EXPECT_EQ(judgement.doing, Doing::ok) << second << judgement.reason;
    if (second > 6) {
      EXPECT_NEAR(judgement.handled_rate, 1000, 1);
    }
  }
}

TEST_F(GroupHealthTest, AGrowingLagIsBehind) {
  Judgement last;
  for (int second = 0; second < 12; ++second) {
    part().end.value += 150;
    handle(100);
    last = look();
  }
  EXPECT_EQ(last.doing, Doing::behind);
  EXPECT_NE(last.reason.find("its lag grows"), std::string::npos) << last.reason;
}

TEST_F(GroupHealthTest, MoreThanTenSecondsOfWorkIsBehind) {
  part().end = Offset{10'000};
  Judgement last;
  for (int second = 0; second < 8; ++second) {
    handle(100);
    last = look();
  }
  EXPECT_EQ(last.doing, Doing::behind);
  EXPECT_NEAR(*last.eta, 92, 1);
  EXPECT_NE(last.reason.find("of work at this rate"), std::string::npos) << last.reason;
}

TEST_F(GroupHealthTest, WhatDoesNotMoveForTenSecondsIsStalled) {
  part().end = Offset{5};
  for (int second = 0; second < 10; ++second) EXPECT_NE(look().doing, Doing::stalled) << second;
  const auto stalled = look();
  EXPECT_EQ(stalled.doing, Doing::stalled);
  EXPECT_EQ(stalled.reason, "partition 0 has not moved for 10s");
  EXPECT_FALSE(stalled.eta);
  const auto since = stalled.since;
  EXPECT_EQ(look().since, since) << "it has been so since then";
  // What is settled out of turn moves it as well.
  ++part().settled_beyond;
  EXPECT_NE(look().doing, Doing::stalled);
}

TEST_F(GroupHealthTest, OnePartitionOfManyMayStall) {
  group.partitions.push_back(
      {.partition = Partition{1}, .position = {}, .end = Offset{3}, .owned = true, .earliest = {}});
  Judgement last;
  for (int second = 0; second < 12; ++second) {
    part().end.value += 10;
    handle(10);
    last = look();
  }
  EXPECT_EQ(last.doing, Doing::stalled);
  EXPECT_EQ(last.reason, "partition 1 has not moved for 11s");
}

TEST_F(GroupHealthTest, AQuietTimeBeforeIsNoStall) {
  for (int second = 0; second < 60; ++second) look();
  part().end = Offset{1};
  EXPECT_NE(look().doing, Doing::stalled);
}

TEST_F(GroupHealthTest, WithoutMembersItIsDown) {
  part().owned = false;
  EXPECT_EQ(look().doing, Doing::idle) << "nobody was ever seen, and nothing waits";
  part().end = Offset{1};
  const auto down = look();
  EXPECT_EQ(down.doing, Doing::down);
  EXPECT_EQ(down.reason, "nobody holds its partitions, and 1 event waits");
}

TEST_F(GroupHealthTest, WhoWasThereAndIsGoneIsDown) {
  look();
  part().owned = false;
  const auto down = look();
  EXPECT_EQ(down.doing, Doing::down);
  EXPECT_EQ(down.reason, "its members have gone");
}

TEST_F(GroupHealthTest, WhoIsPausedSaysSo) {
  part().end = Offset{1};
  const auto paused = look(1s, "paused by request since noon");
  EXPECT_EQ(paused.doing, Doing::stalled);
  EXPECT_EQ(paused.reason, "paused by request since noon");
}

TEST_F(GroupHealthTest, AGroupThatWasMadeAnewHasNoRateBelowNothing) {
  part().end = Offset{100};
  handle(100);
  look();
  part().position = {};
  part().handled = 0;
  EXPECT_EQ(look().handled_rate, 0);
}

}  // namespace
}  // namespace tidings::cli
