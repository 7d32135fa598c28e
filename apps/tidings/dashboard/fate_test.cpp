#include "dashboard/fate.hpp"

#include <gmock/gmock.h>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using enum Fate::Status;

/// Of an event at offset 3 of a partition whose group stands at 0: an event of another key is tried again there.
Fate behind_another(const GroupKnowledge& known) {
  GroupInfo group;
  group.group = "shop.take";
  group.topic = "orders";
  group.partitions.emplace_back().owned = true;
  return fate_of(group, Partition{0}, Offset{3}, "b", known);
}

TEST(FateBehindAnother, WhatIsDroppedOrHandledIsSo) {
  EXPECT_EQ(behind_another({.end = DeadLetterEnd::dropped}).status, dropped);
  EXPECT_EQ(behind_another({.end = DeadLetterEnd::redriven}).status, handled);
  EXPECT_EQ(behind_another({.marked = TimePoint{1s}}).status, handled);
}

TEST(FateBehindAnother, WhatNobodyKnowsOfMayBeInHand) {
  const auto fate = behind_another({.is_still = true});
  EXPECT_EQ(fate.status, pending);
  EXPECT_EQ(fate.blocker, "stalled");
  EXPECT_THAT(fate.reason, HasSubstr("one of another key goes on beside it"));
}

}  // namespace
}  // namespace tidings::cli
