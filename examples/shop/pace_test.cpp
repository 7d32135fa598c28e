#include "pace.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace shop {
namespace {

using namespace std::chrono_literals;

TEST(PaceTest, WorkersShareOneRate) {
  Pace pace(1000);
  const auto begun = Pace::Clock::now();
  {
    std::vector<std::jthread> workers;
    workers.reserve(4);
    for (int worker = 0; worker < 4; ++worker)
      workers.emplace_back([&] {
        for (int i = 0; i < 10; ++i) pace.take(5);
      });
  }
  EXPECT_GE(Pace::Clock::now() - begun, 200ms);
}

TEST(PaceTest, WithoutALimitNothingWaits) {
  Pace pace(0);
  const auto begun = Pace::Clock::now();
  for (int i = 0; i < 1000; ++i) pace.take(1'000'000);
  EXPECT_LT(Pace::Clock::now() - begun, 1s);
}

TEST(PaceTest, AWrongSettingEndsTheProgram) {
  for (const auto* const wrong : {"", "-1", "fast", "nan", "inf", "1e9", "5 "})
    EXPECT_EXIT(Pace::from_setting(wrong), testing::ExitedWithCode(2), "--pace is a number of events a second");
  Pace::from_setting("2.5");
}

}  // namespace
}  // namespace shop
