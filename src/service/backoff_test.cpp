#include "service/backoff.hpp"

#include <gtest/gtest.h>

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, tries_immediately_then_later_then_no_more) {
  const Backoff backoff{.immediate = 2, .delayed = 3, .first = 1s, .longest = 1min};
  SeededEntropy entropy(1);
  EXPECT_EQ(pause_after(backoff, 1, entropy), Duration::zero());
  EXPECT_EQ(pause_after(backoff, 2, entropy), Duration::zero());
  EXPECT_TRUE(pause_after(backoff, 3, entropy));
  EXPECT_TRUE(pause_after(backoff, 5, entropy));
  EXPECT_FALSE(pause_after(backoff, 6, entropy));
  EXPECT_FALSE(pause_after(Backoff{.immediate = 0, .delayed = 0}, 1, entropy));
}

TEST(Backoff, doubles_up_to_the_longest_and_never_above) {
  const Backoff backoff{.immediate = 0, .delayed = 100, .first = 1s, .longest = 10s};
  SeededEntropy entropy(2);
  for (int failed = 1; failed <= 100; ++failed) {
    const Duration limit = failed <= 4 ? Duration{1s} * (1 << (failed - 1)) : Duration{10s};
    Duration least = Duration::max();
    Duration most{};
    for (int time = 0; time < 200; ++time) {
      const auto pause = *pause_after(backoff, failed, entropy);
      least = std::min(least, pause);
      most = std::max(most, pause);
    }
    EXPECT_GE(least, Duration::zero());
    EXPECT_LE(most, limit);
    EXPECT_LT(least, limit / 4) << "full jitter begins at nothing";
    EXPECT_GT(most, limit / 4 * 3);
  }
}

TEST(Backoff, does_not_overflow) {
  const Backoff backoff{.immediate = 0, .delayed = 2000, .first = 1s, .longest = Duration::max()};
  SeededEntropy entropy(3);
  EXPECT_GE(*pause_after(backoff, 2000, entropy), Duration::zero());
  EXPECT_EQ(*pause_after(Backoff{.immediate = 0, .first = 0s, .longest = 0s}, 1, entropy), Duration::zero());
  EXPECT_EQ(endless_pause_after(Backoff{.immediate = 0, .first = 5s, .longest = 0s}, 900, entropy), Duration::zero());
}

}  // namespace
}  // namespace tidings::service
