// A server that is killed, stands still or cannot be reached, under load: nothing that it acknowledged is lost.
#include <random>

#include "trial.hpp"

namespace tidings::faults {
namespace {

using namespace std::chrono_literals;

class Servers : public ::testing::Test {
 protected:
  void SetUp() override {
    TIDINGS_NEEDS_SERVER(server_is_there());
    torture = crash::Torture::from_environment(static_cast<std::uint64_t>(traits().kills_everyday));
    torture.print("of the server");
    chance.seed(torture.seed);
  }

  crash::Torture torture{};
  std::mt19937_64 chance;
};

TEST_F(Servers, KilledAtAnyTimeTheyLoseNothingThatTheyAcknowledged) {
  constexpr std::uint64_t rounds_a_topic = 20;
  // Every second topic by default: that it survives a kill, the weakest durability promises too.
  for (std::uint64_t round = 0; round < torture.rounds;) {
    const bool durable = round / rounds_a_topic % 2 == 0;
    Trial trial({.seed = chance()}, durable || traits().name == "nats" ? Durability::durable : Durability::memory);
    trial.expect_flow("at the start");
    for (std::uint64_t left = rounds_a_topic; left > 0 && round < torture.rounds; --left, ++round) {
      std::this_thread::sleep_for(up_to(1500ms, chance));
      rig().server().kill();
      std::this_thread::sleep_for(up_to(500ms, chance));
      const auto again = rig().server().restart();
      ASSERT_TRUE(again) << "round " << round << ": " << to_string(again.error());
      // Now and then it is killed before all have found it again.
      if (chance() % 4 != 0) trial.expect_flow("after kill " + std::to_string(round));
      if (HasFatalFailure()) return;
    }
    trial.conclude(traits().name + ", killed, " + std::to_string(round) + " rounds");
    if (HasFailure()) return;
  }
}

TEST_F(Servers, OneThatStandsStillForTenSecondsGoesOn) {
  Trial trial({.seed = chance()});
  trial.expect_flow("at the start");
  rig().server().stop();
  std::this_thread::sleep_for(10s);
  rig().server().resume();
  trial.expect_flow("after it stood still");
  trial.conclude(traits().name + ", stopped for 10 s");
}

/// Questions about groups that were asked while nobody was there: what becomes of them is no harm when somebody is.
TEST_F(Servers, WhatWasAskedInVainDoesNoHarmLater) {
  if (torture.rounds < 10) GTEST_SKIP() << "it takes the time that a question may take; see script/torture";
  Trial trial({.seed = chance()});
  trial.expect_flow("at the start");
  rig().server().kill();
  std::vector<std::jthread> askers;
  for (int asker = 0; asker < 4; ++asker)
    askers.emplace_back([&] {
      const auto moved = trial.broker().seek(trial.topic(), "another", Start::latest());
      EXPECT_TRUE(!moved && moved.error().retry == Retry::same_call) << (moved ? "" : to_string(moved.error()));
    });
  askers.clear();
  const auto again = rig().server().restart();
  ASSERT_TRUE(again) << to_string(again.error());
  trial.expect_flow("after questions in vain");
  auto moved = trial.broker().seek(trial.topic(), "another", Start::latest());
  EXPECT_TRUE(moved) << to_string(moved.error());
  trial.conclude(traits().name + ", asked in vain");
}

TEST_F(Servers, CutOffNothingIsLost) {
  const auto cuts = 4 * torture.rounds;
  Trial trial({.seed = chance()}, Durability::durable, true);
  trial.expect_flow("at the start");
  for (std::uint64_t round = 0; round < cuts; ++round) {
    auto& proxy = rig().proxy();
    std::this_thread::sleep_for(up_to(300ms, chance));
    switch (chance() % 3) {
      case 0:
        proxy.cut();
        break;
      case 1:
        proxy.refuse(true);
        std::this_thread::sleep_for(up_to(500ms, chance));
        proxy.refuse(false);
        break;
      default:  // what is asked is done, and nobody hears of it
        proxy.lose_answers(true);
        std::this_thread::sleep_for(up_to(500ms, chance));
        proxy.lose_answers(false);
    }
    if (chance() % 4 == 0) trial.expect_flow("after cut " + std::to_string(round));
    if (HasFatalFailure()) return;
  }
  trial.expect_flow("at the end");
  trial.conclude(traits().name + ", cut off " + std::to_string(cuts) + " times");
}

}  // namespace
}  // namespace tidings::faults
