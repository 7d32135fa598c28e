#include "tidings/base/producer_table.hpp"

#include <gtest/gtest.h>

#include <map>

#include "tidings/base/entropy.hpp"

namespace tidings {
namespace {

std::vector<ProducerTable::Place> before(const ProducerTable& table, std::uint64_t id, std::uint32_t epoch,
                                         const std::vector<std::uint64_t>& sequences) {
  const auto judged = table.judge(id, epoch, sequences);
  EXPECT_FALSE(judged.fenced_by);
  return judged.duplicates;
}

TEST(ProducerTable, WhatIsAtOrBelowTheLastSequenceWasThereBefore) {
  ProducerTable table;
  EXPECT_TRUE(before(table, 7, 0, {0, 1}).empty());
  table.note(7, 0, 0, 100, 1);
  table.note(7, 0, 1, 101, 1);
  table.note(7, 0, 5, 102, 2);  // a gap
  table.note(7, 0, 6, 103, 2);
  using Place = ProducerTable::Place;
  EXPECT_EQ(before(table, 7, 0, {6, 7, 8}), std::vector<Place>{Place{103}});
  EXPECT_EQ(before(table, 7, 0, {5, 6}), (std::vector<Place>{{102}, {103}}));
  EXPECT_EQ(before(table, 7, 0, {1, 4}), (std::vector<Place>{{102, false}, {102, false}}))
      << "before 102, where nobody knows";
  EXPECT_EQ(table.judge(7, 0, std::vector<std::uint64_t>{5}).end, 104U);
  EXPECT_TRUE(before(table, 8, 0, {1}).empty()) << "another producer";
}

TEST(ProducerTable, AnotherOffsetBetweenEndsWhatIsExact) {
  ProducerTable table;
  table.note(7, 0, 1, 10, 1);
  table.note(7, 0, 2, 12, 1);  // 11 is another's
  EXPECT_EQ(before(table, 7, 0, {1, 2}), (std::vector<ProducerTable::Place>{{12, false}, {12}}));
}

TEST(ProducerTable, AHigherEpochFencesALowerOnceItHasWritten) {
  ProducerTable table;
  table.note(7, 3, 10, 1, 1);
  EXPECT_EQ(table.judge(7, 2, std::vector<std::uint64_t>{11}).fenced_by, 3U);
  EXPECT_EQ(before(table, 7, 4, {10}).size(), 1U) << "sequences go on over epochs";
  EXPECT_TRUE(before(table, 7, 3, {11}).empty()) << "4 has not written yet";
  table.note(7, 4, 11, 2, 1);
  EXPECT_EQ(table.judge(7, 3, std::vector<std::uint64_t>{12}).fenced_by, 4U);
}

TEST(ProducerTable, TheOneNotHeardOfForLongestGivesWay) {
  ProducerTable table;
  for (std::uint64_t id = 1; id <= ProducerTable::producers_max; ++id) table.note(id, 0, 5, id, 1);
  table.note(1, 0, 6, 20'000, 2);
  table.note(99'999, 0, 0, 20'001, 3);
  EXPECT_EQ(table.size(), ProducerTable::producers_max);
  EXPECT_EQ(before(table, 1, 0, {6}).size(), 1U);
  EXPECT_TRUE(before(table, 2, 0, {5}).empty());
  table.forget_before(2);
  EXPECT_EQ(table.size(), 2U);
}

TEST(ProducerTable, IsTheSameWhereverItIsTakenUp) {
  SeededEntropy entropy(1);
  ProducerTable whole;
  ProducerTable taken_up;
  std::map<std::uint64_t, std::uint64_t> sequences;
  for (std::uint64_t offset = 0; offset < 40'000; ++offset) {
    if (entropy.below(3) == 0) continue;  // of nobody
    const auto id = 1 + entropy.below(12'000);
    const auto sequence = sequences[id] += 1 + entropy.below(2);
    for (auto* const table : {&whole, &taken_up})
      table->note(id, 0, sequence, offset, static_cast<std::int64_t>(offset));
    if (entropy.below(4'000) == 0) {
      const auto state = taken_up.entries();
      ASSERT_TRUE(taken_up.restore(state));
      ASSERT_EQ(taken_up.entries(), state);
    }
  }
  EXPECT_EQ(whole.entries(), taken_up.entries());
}

TEST(ProducerTable, RefusesWhatCannotBe) {
  ProducerTable table;
  using Entry = ProducerTable::Entry;
  const Entry good{.id = 1, .sequence = 5, .offset = 5, .time = 1, .epoch = 0, .run = 2};
  const auto refuses = [&](Entry bad) { return !table.restore(std::vector{good, bad}) && table.is_empty(); };
  EXPECT_TRUE(table.restore({&good, 1}));
  EXPECT_TRUE(refuses({.id = 0, .sequence = 5, .offset = 6, .time = 1}));
  EXPECT_TRUE(refuses({.id = 1, .sequence = 5, .offset = 6, .time = 1})) << "twice";
  EXPECT_TRUE(refuses({.id = 2, .sequence = 5, .offset = 5, .time = 1})) << "one offset is one event";
  EXPECT_TRUE(refuses({.id = 2, .sequence = 5, .offset = 6, .time = 0})) << "time goes back";
  EXPECT_TRUE(refuses({.id = 2, .sequence = 5, .offset = 6, .time = 1, .epoch = 0, .run = 6}));
}

}  // namespace
}  // namespace tidings
