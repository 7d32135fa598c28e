// The checker, on histories made by hand: each thing that can be wrong is found, and nothing else is.
#include "history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tidings::faults {
namespace {

using enum Step::What;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::uint64_t events = 6;

/// Two keys, one partition each: all is acknowledged, handled by a member each, and found.
std::vector<Step> good() {
  std::vector<Step> steps;
  for (std::uint32_t key = 0; key < 2; ++key)
    for (std::uint64_t number = 0; number < events; ++number)
      steps.push_back({.what = acknowledged, .event = {key, number}, .spot = {key, number}});
  for (std::uint32_t key = 0; key < 2; ++key)
    for (std::uint64_t number = 0; number < events; ++number) {
      steps.push_back({.what = handed, .member = key, .event = {key, number}, .spot = {key, number}});
      steps.push_back({.what = done, .member = key});
    }
  for (std::uint32_t key = 0; key < 2; ++key)
    for (std::uint64_t number = 0; number < events; ++number)
      steps.push_back({.what = stored, .event = {key, number}, .spot = {key, number}});
  return steps;
}

/// The step of that kind about event `0-number`.
std::vector<Step>::iterator find(std::vector<Step>& steps, Step::What what, std::uint64_t number) {
  return std::ranges::find_if(steps,
                              [&](const Step& step) { return step.what == what && step.event == Event{0, number}; });
}

void expect_wrong(const std::vector<Step>& steps, const std::string& kind) {
  EXPECT_THAT(judge(steps).wrong, Contains(StartsWith(kind)));
}

TEST(History, AGoodOneIsGood) {
  const auto verdict = judge(good());
  EXPECT_THAT(verdict.wrong, IsEmpty());
  EXPECT_EQ(verdict.acknowledged, 2 * events);
  EXPECT_EQ(verdict.handed, 2 * events);
  EXPECT_EQ(verdict.stored_again, 0U);
  EXPECT_EQ(verdict.handed_again, 0U);
}

TEST(History, WhatWasAcknowledgedAndIsNotThereIsLost) {
  auto steps = good();
  steps.erase(find(steps, stored, 3));
  expect_wrong(steps, "lost");
}

TEST(History, WhatStandsElsewhereThanItWasAcknowledgedIsLost) {
  auto steps = good();
  find(steps, stored, 5)->spot.offset = 9;
  expect_wrong(steps, "lost");
}

TEST(History, WhatNobodyGotIsNoticed) {
  auto steps = good();
  steps.erase(find(steps, handed, 3));
  expect_wrong(steps, "never handled");
  expect_wrong(steps, "passed over");
}

TEST(History, WhatWasInTheHandsOfOneThatWasKilledIsNotHandled) {
  auto steps = good();
  const auto handing = find(steps, handed, 3);
  (handing + 1)->what = killed;
  expect_wrong(steps, "never handled");
}

TEST(History, AReorderIsNoticedWhereItIsStoredAndWhereItIsHandedOut) {
  auto steps = good();
  std::swap(find(steps, handed, 3)->event, find(steps, handed, 4)->event);
  expect_wrong(steps, "handed out of order");
  expect_wrong(steps, "two events at a place");
  steps = good();
  std::swap(find(steps, handed, 3)->spot.offset, find(steps, handed, 4)->spot.offset);
  std::swap(find(steps, stored, 3)->spot.offset, find(steps, stored, 4)->spot.offset);
  std::swap(find(steps, acknowledged, 3)->spot.offset, find(steps, acknowledged, 4)->spot.offset);
  EXPECT_THAT(judge(steps).wrong, ::testing::ElementsAre(StartsWith("stored out of order")));
}

TEST(History, DuplicatesAreCountedAndNothingWrong) {
  auto steps = good();
  steps.push_back({.what = handed, .member = 0, .event = {0, 2}, .spot = {0, 2}});  // the same place again
  steps.push_back({.what = handed, .member = 0, .event = {0, 2}, .spot = {0, events}});
  steps.push_back({.what = done, .member = 0});
  steps.push_back({.what = stored, .event = {0, 2}, .spot = {0, events}});
  const auto verdict = judge(steps);
  EXPECT_THAT(verdict.wrong, IsEmpty());
  EXPECT_EQ(verdict.handed_again, 1U);
  EXPECT_EQ(verdict.stored_again, 1U);
}

TEST(History, WhatIsUnknownMayBeThereOrNot) {
  auto steps = good();
  find(steps, acknowledged, 5)->what = unknown;
  EXPECT_THAT(judge(steps).wrong, IsEmpty());
  for (const auto what : {handed, stored}) steps.erase(find(steps, what, 5));
  EXPECT_THAT(judge(steps).wrong, IsEmpty());
}

TEST(History, WhatWasRefusedIsNowhere) {
  auto steps = good();
  find(steps, acknowledged, 5)->what = refused;
  expect_wrong(steps, "there all the same: event 0-5 was refused");
  for (const auto what : {handed, stored}) steps.erase(find(steps, what, 5));
  EXPECT_THAT(judge(steps).wrong, IsEmpty());
}

TEST(History, WhatNobodyPublishedIsNoticed) {
  auto steps = good();
  steps.erase(find(steps, acknowledged, 5));
  expect_wrong(steps, "there all the same: event 0-5 was never published");
}

TEST(History, TwoOwnersOfAPartitionAreNoticedUnlessOneWasHungOrKilled) {
  const auto with = [](std::initializer_list<Step> middle) {
    auto steps = good();
    const Step first{.what = handed, .member = 7, .event = {0, 4}, .spot = {0, 4}};
    steps.push_back(first);
    steps.insert(steps.end(), middle);
    steps.push_back({.what = handed, .member = 8, .event = {0, 4}, .spot = {0, 4}});
    return steps;
  };
  expect_wrong(with({}), "two owners");
  EXPECT_THAT(judge(with({{.what = done, .member = 7}})).wrong, IsEmpty());
  EXPECT_THAT(judge(with({{.what = killed, .member = 7}})).wrong, IsEmpty());
  const auto verdict = judge(with({{.what = hung, .member = 7}}));
  EXPECT_THAT(verdict.wrong, IsEmpty());
  EXPECT_EQ(verdict.overlaps, 1U);
  // It had asked before it hung; what it asks for later is another matter.
  auto steps = with({{.what = done, .member = 7}, {.what = hung, .member = 7}});
  for (int round = 0; round < 2; ++round) {
    steps.push_back({.what = handed, .member = 7, .event = {0, 4}, .spot = {0, 4}});
    EXPECT_EQ(judge(steps).wrong.empty(), round == 0);
    steps.push_back({.what = done, .member = 7});
  }
}

TEST(History, WhatIsSettledComesToNobodyAgain) {
  auto steps = good();
  steps.push_back({.what = settled, .member = 0});
  const Step last{.what = handed, .member = 1, .event = {0, events - 1}, .spot = {0, events - 1}};
  const Step before{.what = handed, .member = 1, .event = {0, events - 2}, .spot = {0, events - 2}};
  steps.push_back(before);
  EXPECT_THAT(judge(steps).wrong, IsEmpty());
  auto late = steps;
  steps.push_back(last);
  expect_wrong(steps, "settled, and came again");
  // One that had it before it hung, and says so after it; once.
  late.push_back({.what = done, .member = 1});
  late.push_back({.what = hung, .member = 1});
  late.push_back(last);
  EXPECT_THAT(judge(late).wrong, IsEmpty());
  late.push_back({.what = done, .member = 1});
  late.push_back(last);
  expect_wrong(late, "settled, and came again");
}

TEST(History, StepsAreLinesAndBack) {
  for (const auto& step : good()) {
    auto line = to_line(step);
    line.pop_back();
    const auto back = step_of(line);
    ASSERT_TRUE(back) << line;
    EXPECT_EQ(to_line(*back), to_line(step));
  }
  for (const auto* line : {"", "h", "x 1 2 3 4 5", "h 1 2 3 4", "h 1 2 3 4 5 6", "h 1 2 3 4 x"})
    EXPECT_FALSE(step_of(line)) << line;
  EXPECT_EQ(event_of("7-12"), (Event{7, 12}));
  for (const auto* id : {"", "7", "7-", "-12", "7-12-1"}) EXPECT_FALSE(event_of(id)) << id;
}

}  // namespace
}  // namespace tidings::faults
