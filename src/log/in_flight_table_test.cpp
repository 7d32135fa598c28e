#include "log/in_flight_table.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

using Begun = std::unordered_map<std::uint64_t, int>;

struct Page {
  alignas(4096) std::byte bytes[InFlightTable::file_bytes]{};
  InFlightTable table{bytes};
};
const std::uint64_t key = InFlightTable::key_of(1, 2, 0);

TEST(InFlightTable, RemembersWhatWasBegunAndNotSettled) {
  Page page;
  page.table.begin(key, 7, 1);
  page.table.begin(key, 8, 1);
  page.table.begin(key, 8, 2);
  page.table.begin(key, 9, 4);
  page.table.end(key, 7);
  page.table.end(key, 700);
  EXPECT_EQ(page.table.take_over(key, 5, 100), (Begun{{8, 2}, {9, 4}}));
  EXPECT_EQ(page.table.take_over(key, 9, 100), (Begun{{9, 4}})) << "what the position has passed counts no more";
  EXPECT_EQ(page.table.take_over(key, 5, 100), (Begun{{9, 4}})) << "and is gone";
}

TEST(InFlightTable, AnotherEpochOrMoveKnowsNothing) {
  for (const auto other :
       {InFlightTable::key_of(1, 3, 0), InFlightTable::key_of(1, 2, 1), InFlightTable::key_of(0, 2, 0)}) {
    Page page;
    page.table.begin(key, 7, 3);
    EXPECT_TRUE(page.table.take_over(other, 0, 100).empty());
  }
}

TEST(InFlightTable, AWordWithAFlippedBitIsNobodys) {
  for (std::size_t bit = 0; bit < 64; ++bit) {
    Page page;
    page.table.begin(key, 7, 3);
    page.bytes[7 * 8 + bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_TRUE(page.table.take_over(key, 0, 10'000).empty()) << bit;
  }
}

TEST(InFlightTable, NoiseIsNoAttempt) {
  SeededEntropy entropy(4);
  std::size_t believed = 0;
  for (int round = 0; round < 100; ++round) {
    Page page;
    entropy.fill(page.bytes);
    believed += page.table.take_over(key, entropy.below(1'000'000), ~std::uint64_t{0} >> 1).size();
  }
  EXPECT_LE(believed, 10U) << "of 51,200 words, one in 65,536 passes";
}

TEST(InFlightTable, IsFullSomedayAndGoesOn) {
  Page page;
  for (std::uint64_t offset = 0; offset < 5'000; ++offset) page.table.begin(key, offset, 2);
  const auto begun = page.table.take_over(key, 0, 10'000);
  EXPECT_LE(begun.size(), InFlightTable::slots);
  EXPECT_TRUE(begun.contains(4'999)) << "the last one begun is there";
}

TEST(InFlightTable, OffsetsBeyondFortyBits) {
  Page page;
  const auto offset = (std::uint64_t{5} << 40) - 1;
  page.table.begin(key, offset, 1);
  page.table.begin(key, offset + 1, 2);
  EXPECT_EQ(page.table.take_over(key, offset - 3, offset + 10), (Begun{{offset, 1}, {offset + 1, 2}}));
  page.table.end(key, offset + 1);
  EXPECT_EQ(page.table.take_over(key, offset - 3, offset + 10), (Begun{{offset, 1}}));
}

TEST(InFlightTable, ManyThreadsAtOnceLoseNothing) {
  Page page;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread] {
        for (std::uint64_t round = 0; round < 20'000; ++round) {
          const auto offset = round * 4 + thread;
          page.table.begin(key, offset, 1);
          if (round < 19'990) page.table.end(key, offset);
        }
      });
  }
  const auto begun = page.table.take_over(key, 0, 1'000'000);
  EXPECT_LE(begun.size(), 40U);
  EXPECT_GE(begun.size(), 30U) << "where two meet in one slot, one may take the other's place";
}

}  // namespace
}  // namespace tidings::log
