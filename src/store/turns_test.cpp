#include "tidings/store/turns.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace tidings {
namespace {

using namespace std::chrono_literals;

SteadyTime in(Duration wait) {
  return std::chrono::steady_clock::now() + wait;
}

TEST(Turns, ThereAreAsManyAsPlaces) {
  Turns turns(2);
  EXPECT_EQ(turns.take(in(0ms)), Turns::Got::turn);
  EXPECT_EQ(turns.take(in(0ms)), Turns::Got::turn);
  EXPECT_EQ(turns.take(in(1ms)), Turns::Got::nothing);
  turns.give_back();
  EXPECT_EQ(turns.take(in(0ms)), Turns::Got::turn);
}

TEST(Turns, AreOverOnceClosed) {
  Turns turns(2);
  ASSERT_EQ(turns.take(in(0ms)), Turns::Got::turn);
  EXPECT_FALSE(turns.close(in(1ms)));
  EXPECT_EQ(turns.take(in(0ms)), Turns::Got::closed);
  turns.give_back();
  EXPECT_TRUE(turns.close(in(1ms)));
}

TEST(Turns, CloseEndsAWait) {
  Turns turns;
  ASSERT_EQ(turns.take(in(0ms)), Turns::Got::turn);
  const std::jthread waiter([&] { EXPECT_EQ(turns.take(in(30s)), Turns::Got::closed); });
  EXPECT_FALSE(turns.close(in(1ms)));
}

}  // namespace
}  // namespace tidings
