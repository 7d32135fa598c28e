#include "demo/victim.hpp"

#include <gtest/gtest.h>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;
using Step = Victim::Step;

const Victim::Time start{1h};

Progress progress(std::uint64_t handled, std::uint64_t lag = 0, bool held = true) {
  return {.known = true, .held = held, .handled = handled, .lag = lag};
}

TEST(Victim, IsKilledMidwayStartedAgainAndCatchesUp) {
  Victim victim(1, 100, false);
  EXPECT_EQ(victim.feed_until(), 50U);
  EXPECT_EQ(victim.next({.now = start, .fed = 49, .victim = progress(40)}), std::nullopt);
  EXPECT_EQ(victim.next({.now = start, .fed = 50, .victim = progress(40)}), Step::kill);
  EXPECT_TRUE(victim.is_dead(1));
  EXPECT_FALSE(victim.is_dead(2));
  EXPECT_EQ(victim.feed_until(), 100U) << "the others go on";
  EXPECT_EQ(victim.next({.now = start + 299ms, .fed = 100, .victim = progress(40, 60)}), std::nullopt);
  EXPECT_EQ(victim.next({.now = start + 300ms, .fed = 100, .victim = progress(40, 60)}), Step::restart);
  EXPECT_EQ(victim.lag_at_restart(), 60U);
  EXPECT_EQ(victim.next({.now = start + 400ms, .fed = 100, .victim = progress(40, 0, false)}), std::nullopt);
  EXPECT_FALSE(victim.is_over());
  EXPECT_EQ(victim.next({.now = start + 800ms, .fed = 100, .victim = progress(100)}), Step::has_caught_up);
  EXPECT_TRUE(victim.is_over());
  EXPECT_DOUBLE_EQ(victim.caught_up_seconds(), 0.5);
}

TEST(Victim, ThatHasHadNothingToDoIsKilledOnceItGotSomething) {
  Victim victim(4, 8, false);
  EXPECT_EQ(victim.next({.now = start, .fed = 4, .is_quiet = false, .victim = progress(0)}), std::nullopt);
  EXPECT_EQ(victim.next({.now = start, .fed = 4, .is_quiet = true, .victim = progress(0)}), std::nullopt);
  EXPECT_EQ(victim.feed_until(), 5U);
  EXPECT_EQ(victim.next({.now = start, .fed = 5, .is_quiet = true, .victim = progress(0)}), std::nullopt);
  EXPECT_EQ(victim.feed_until(), 7U);
  EXPECT_EQ(victim.next({.now = start, .fed = 7, .is_quiet = true, .victim = progress(1)}), Step::kill);
}

TEST(Victim, ThatHoldsUpTheOthersComesBackSoon) {
  Victim victim(0, 10'000, false);
  EXPECT_EQ(victim.next({.now = start, .fed = 5'000, .victim = progress(1)}), Step::kill);
  EXPECT_EQ(victim.next({.now = start + 1s, .fed = 6'000, .victim = progress(1, 900)}), std::nullopt);
  EXPECT_EQ(victim.next({.now = start + 1s, .fed = 6'000, .is_held_up = true, .victim = progress(1, 2'000)}),
            Step::restart);
}

TEST(Victim, AtARateItIsDeadForSoLongThatItCanBeSeen) {
  Victim victim(4, 1'200, true);
  EXPECT_EQ(victim.feed_until(), 300U);
  EXPECT_EQ(victim.next({.now = start, .fed = 300, .victim = progress(290)}), Step::kill);
  EXPECT_EQ(victim.next({.now = start + 3s, .fed = 600, .victim = progress(290, 300)}), std::nullopt);
  EXPECT_EQ(victim.next({.now = start + 4s, .fed = 700, .victim = progress(290, 9)}), std::nullopt) << "too few";
  EXPECT_EQ(victim.next({.now = start + 4s, .fed = 700, .victim = progress(290, 10)}), Step::restart);
}

TEST(Victim, NobodyIsKilledWhereNobodyIsNamed) {
  Victim victim(service_count, 10, true);
  EXPECT_TRUE(victim.is_over());
  EXPECT_EQ(victim.feed_until(), 10U);
  EXPECT_EQ(victim.next({.now = start, .fed = 10, .victim = {}}), std::nullopt);
  EXPECT_FALSE(victim.is(service_count));
}

}  // namespace
}  // namespace tidings::cli
