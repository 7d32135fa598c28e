#include "progress.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace tidings::cli {
namespace {

TEST(ProgressLine, FitsIntoTheWindow) {
  EXPECT_EQ(progress_line(50, 100, 7, 80, false), "####################-------------------- 50 %  7 events");
  EXPECT_EQ(progress_line(50, 100, 7, 30, false), "#######------- 50 %  7 events");
  EXPECT_EQ(progress_line(100, 100, 1'000'000, 30, false), "####### 100 %  1000000 events");
  EXPECT_EQ(progress_line(100, 100, 1'000'000, 24, false), "100 %  1000000 events");
  EXPECT_EQ(progress_line(100, 100, 1'000'000, 20, false), "############# 100 %");
  EXPECT_EQ(progress_line(100, 100, 7, 3, false), "");
  for (std::size_t columns = 0; columns < 100; ++columns)
    EXPECT_LE(progress_line(99, 100, 123'456'789, columns, false).size() + 1, std::max<std::size_t>(columns, 1));
}

TEST(ProgressLine, HasBlocksWhereTheyCanBeShown) {
  EXPECT_EQ(progress_line(1, 2, 7, 24, true), "████░░░░ 50 %  7 events");
  EXPECT_EQ(progress_line(3, 2, 7, 24, false), "####### 100 %  7 events");  // a file that grows
}

}  // namespace
}  // namespace tidings::cli
