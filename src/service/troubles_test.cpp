#include "service/troubles.hpp"

#include <gtest/gtest.h>

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

TEST(Troubles, EachIsToldAtOnceAndThenCounted) {
  Troubles troubles;
  const SteadyTime begin{1h};
  EXPECT_EQ(troubles.tell("publish disk_full", begin), 1U);
  for (int again = 0; again < 999; ++again) EXPECT_EQ(troubles.tell("publish disk_full", begin + 9s), std::nullopt);
  EXPECT_EQ(troubles.tell("publish busy", begin + 9s), 1U) << "another cause is told at once";
  EXPECT_EQ(troubles.tell("publish disk_full", begin + 10s), 1000U) << "with this one";
  EXPECT_EQ(troubles.tell("publish disk_full", begin + 19s), std::nullopt);
  EXPECT_EQ(troubles.tell("publish disk_full", begin + 1h), 2U);
}

TEST(Troubles, CausesWithoutEndShareAPlace) {
  Troubles troubles;
  const SteadyTime begin{1h};
  std::size_t told = 0;
  for (int cause = 0; cause < 1000; ++cause) told += troubles.tell(std::to_string(cause), begin) ? 1 : 0;
  EXPECT_EQ(told, 101U);
  EXPECT_EQ(troubles.tell("new", begin + 20s), 1U) << "those of long ago make room";
}

TEST(Troubles, OnceIsNotCounted) {
  EXPECT_EQ(times_text(1), "");
  EXPECT_EQ(times_text(4850), "; 4850 times since this was told last");
}

}  // namespace
}  // namespace tidings::service
