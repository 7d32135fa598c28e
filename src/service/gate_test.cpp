#include "service/gate.hpp"

#include <gtest/gtest.h>

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime start{1h};

TEST(Gate, IsPlainWithoutLimitAndBreaker) {
  Gate gate({}, {});
  EXPECT_TRUE(gate.is_plain());
  gate.set_paused(true);
  EXPECT_FALSE(gate.is_plain());
  EXPECT_EQ(gate.opening(start).events, 0U);
  EXPECT_FALSE(gate.opening(start).next) << "only a resume helps";
  gate.set_paused(false);
  EXPECT_TRUE(gate.is_plain());
}

TEST(Gate, LimitsTheRateWithABurst) {
  Gate gate({.events = 10, .per = 1s, .burst = 20}, {});
  for (int event = 0; event < 20; ++event) {
    ASSERT_GE(gate.opening(start).events, 1U) << event;
    gate.began(1, start);
  }
  const auto opening = gate.opening(start);
  EXPECT_EQ(opening.events, 0U);
  ASSERT_TRUE(opening.next);
  EXPECT_EQ(*opening.next, start + 100ms);
  EXPECT_EQ(gate.opening(start + 99ms).events, 0U);
  EXPECT_EQ(gate.opening(start + 100ms).events, 1U);
  EXPECT_EQ(gate.opening(start + 1h).events, 20U) << "no more than the burst is kept";
}

TEST(Gate, ABatchBeyondTheRateIsPaidBack) {
  Gate gate({.events = 10, .per = 1s}, {});
  EXPECT_EQ(gate.opening(start).events, 10U);
  gate.began(30, start);  // a turn may not be split
  const auto next = gate.opening(start).next;
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, start + 2100ms);
}

TEST(Gate, ABatchWaitsForRoomForAllOfIt) {
  Gate gate({.events = 10, .per = 1s}, {});
  gate.began(10, start);
  EXPECT_EQ(gate.opening(start + 100ms, 1).events, 1U);
  const auto four = gate.opening(start + 100ms, 4);
  EXPECT_EQ(four.events, 0U) << "one by one it would be four batches";
  EXPECT_EQ(four.next, start + 400ms);
  EXPECT_EQ(gate.opening(start + 400ms, 4).events, 4U);
  EXPECT_EQ(gate.opening(start + 400ms, 500).next, start + 1s) << "of more than a burst, a burst is enough";
  EXPECT_EQ(gate.opening(start + 1s, 500).events, 10U);
}

TEST(Gate, AClockThatStepsBackGivesNothing) {
  Gate gate({.events = 1, .per = 1s}, {});
  gate.began(1, start);
  EXPECT_EQ(gate.opening(start - 1h).events, 0U);
  EXPECT_EQ(gate.opening(start + 1s).events, 1U);
}

const CircuitBreaker four{.window = 4, .share = 0.5, .pause = 10s, .longest = 15s};

TEST(Gate, OpensWhenTheShareHasFailed) {
  Gate gate({}, four);
  EXPECT_EQ(gate.ended(0, 1, start), Gate::Change::none);
  EXPECT_EQ(gate.ended(1, 0, start), Gate::Change::none);
  EXPECT_EQ(gate.ended(0, 1, start), Gate::Change::none) << "the window is not full";
  EXPECT_EQ(gate.ended(1, 0, start), Gate::Change::opened);
  EXPECT_TRUE(gate.is_broken());
  EXPECT_EQ(gate.opening(start).events, 0U);
  EXPECT_EQ(gate.opening(start).next, start + 10s);
}

TEST(Gate, TriesOneAndGoesOnOrWaitsForLonger) {
  Gate gate({}, four);
  EXPECT_EQ(gate.ended(0, 4, start), Gate::Change::opened);
  EXPECT_EQ(gate.opening(start + 10s).events, 1U);
  gate.began(1, start + 10s);
  EXPECT_EQ(gate.opening(start + 10s).events, 0U) << "one at a time";
  EXPECT_EQ(gate.ended(0, 1, start + 10s), Gate::Change::opened);
  EXPECT_EQ(gate.opening(start + 10s).next, start + 25s) << "the pause doubles, to the longest";
  gate.began(1, start + 25s);
  EXPECT_EQ(gate.ended(0, 0, start + 25s), Gate::Change::none) << "a probe that said nothing";
  EXPECT_EQ(gate.opening(start + 25s).events, 1U);
  gate.began(1, start + 25s);
  EXPECT_EQ(gate.ended(1, 0, start + 25s), Gate::Change::closed);
  EXPECT_FALSE(gate.is_broken());
  EXPECT_EQ(gate.ended(0, 3, start + 25s), Gate::Change::none) << "the window begins anew";
  EXPECT_EQ(gate.ended(0, 1, start + 25s), Gate::Change::opened);
  EXPECT_EQ(gate.pause(), 10s) << "so does the pause";
}

TEST(Gate, OnesThatBeganBeforeDoNotLengthenThePause) {
  Gate gate({}, four);
  EXPECT_EQ(gate.ended(0, 4, start), Gate::Change::opened);
  EXPECT_EQ(gate.ended(0, 1, start + 1s), Gate::Change::none);
  EXPECT_EQ(gate.opening(start + 1s).next, start + 10s);
}

}  // namespace
}  // namespace tidings::service
