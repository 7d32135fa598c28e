#include "demo/chaos.hpp"

#include <gtest/gtest.h>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

TEST(Chaos, IsSpreadOverWhatIsFedAndMeetsEverybody) {
  const Chaos chaos(40, 1000, 7);
  ASSERT_EQ(chaos.kills().size(), 40U);
  std::size_t met[service_count] = {};
  for (std::size_t number = 0; number < 40; ++number) {
    const auto& kill = chaos.kills()[number];
    EXPECT_GT(kill.fed, number * 25);
    EXPECT_LE(kill.fed, (number + 1) * 25);
    ++met[kill.service];
  }
  for (const auto count : met) EXPECT_GT(count, 0U);
}

TEST(Chaos, IsTheSameForTheSameSeed) {
  const auto shown = [](std::uint64_t seed) {
    std::string text;
    const Chaos chaos(20, 100, seed);
    for (const auto& kill : chaos.kills())
      text += std::to_string(kill.service) + "@" + std::to_string(kill.fed) + "+" + std::to_string(kill.wait.count()) +
              "-" + std::to_string(kill.dead_for.count()) + " ";
    return text;
  };
  EXPECT_EQ(shown(1), shown(1));
  EXPECT_NE(shown(1), shown(2));
}

TEST(Chaos, EveryKillIsDoneAndEverybodyComesBack) {
  for (const std::uint64_t total : {1U, 3U, 1000U}) {
    Chaos chaos(50, total, total);
    Chaos::Time now{};
    std::uint64_t fed = 0, kills = 0;
    bool dead[service_count] = {};
    while (!chaos.is_over()) {
      ASSERT_LT(now.time_since_epoch(), 10min) << "it does not end";
      now += 1ms;
      ASSERT_LE(chaos.feed_until(), total);
      fed = std::min(fed + 1, chaos.feed_until());
      while (const auto step = chaos.next(now, fed)) {
        const bool is_kill = step->kind == Chaos::Step::Kind::kill;
        ASSERT_NE(dead[step->service], is_kill) << "killed while dead, or started while alive";
        dead[step->service] = is_kill;
        kills += is_kill ? 1 : 0;
        ASSERT_EQ(chaos.is_dead(step->service), is_kill);
      }
    }
    EXPECT_EQ(kills, 50U);
    EXPECT_EQ(chaos.done(), 50U);
  }
}

}  // namespace
}  // namespace tidings::cli
