#include "dashboard/series.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstddef>

#include "describe/json_tree.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

const TimePoint noon{std::chrono::seconds{1'700'000'400}};  // a whole number of 6 min

TEST(Series, ASlotIsTheMeanOfWhatFellIntoIt) {
  Ring ring(4, 10);
  ring.put(noon, {.published = 1, .lag = 10});
  ring.put(noon + 9s, {.published = 3, .lag = 20});
  ring.put(noon + 10s, {.published = 7});
  const auto points = ring.points(noon + 10s);
  ASSERT_EQ(points.size(), 4U);
  EXPECT_FALSE(points[1].is_known);
  EXPECT_EQ(points[2].reading.published, 2);
  EXPECT_EQ(points[2].reading.lag, 15);
  EXPECT_EQ(points[3].reading.published, 7);
  EXPECT_EQ(points[3].unix_seconds - points[2].unix_seconds, 10);
}

TEST(Series, WhatIsOlderThanTheRingIsGone) {
  Ring ring(4, 10);
  ring.put(noon, {.published = 1});
  const auto points = ring.points(noon + 40s);
  EXPECT_EQ(points.size(), 4U);
  for (const auto& one : points) EXPECT_FALSE(one.is_known) << "an old slot is no new one";
}

TEST(Series, ASlotIsUsedAnewOnceItsTimeIsOver) {
  Ring ring(4, 10);
  ring.put(noon, {.published = 1});
  ring.put(noon + 40s, {.published = 5});
  const auto points = ring.points(noon + 40s);
  EXPECT_TRUE(points.back().is_known);
  EXPECT_EQ(points.back().reading.published, 5);
}

TEST(Series, TakesTheSameMemoryWhateverHappens) {
  const auto used = [] { return ::mallinfo2().uordblks; };  // 0 under sanitizers, which have a heap of their own
  const auto without = used();
  Series series;
  const auto before = used();
  for (int second = 0; second < 100'000; ++second) series.put(noon + second * 1s, {.published = 1});
  EXPECT_EQ(used(), before);
  EXPECT_EQ(series.bytes(), 25'920U) << "docs/dashboard.md says so";
  if (without == 0) return;
  EXPECT_GE(before - without, series.bytes());
  EXPECT_LE(before - without, series.bytes() + 3 * 2 * sizeof(std::max_align_t)) << "its three rings, with their heads";
}

TEST(Series, EveryWindowHasAtMost240PointsAndGapsAreNull) {
  Series series;
  series.put(noon, {.published = 2, .handled = 1, .parked = 0, .lag = 5});
  for (std::size_t window = 0; window < std::size(Series::windows); ++window) {
    std::uint32_t step = 0;
    const auto tree = parse_json_tree(series.json(window, noon, step));
    ASSERT_TRUE(tree);
    const auto& published = tree->find("published")->items;
    EXPECT_LE(published.size(), 240U);
    EXPECT_EQ(published.size() * step, Series::windows[window].seconds);
    EXPECT_EQ(published.size(), tree->find("t")->items.size());
    EXPECT_EQ(published.front().scalar, "null");
    EXPECT_EQ(published.back().scalar, "2");
    EXPECT_EQ(tree->find("lag")->items.back().scalar, "5");
  }
}

}  // namespace
}  // namespace tidings::cli
