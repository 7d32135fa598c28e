#include "tidings/service/recurrence.hpp"

#include <gtest/gtest.h>

namespace tidings {
namespace {

using namespace std::chrono_literals;

std::string next(const Recurrence& recurrence, std::string_view after) {
  return to_rfc3339(recurrence.next(parse_rfc3339(after).or_throw()));
}
std::string next(std::string_view cron, std::string_view after) {
  return next(Recurrence::cron(cron).or_throw(), after);
}

TEST(Recurrence, EveryIsAlignedToTheEpoch) {
  const auto five = Recurrence::every(5min).or_throw();
  EXPECT_EQ(five.text(), "PT5M");
  EXPECT_EQ(next(five, "2026-11-26T08:03:00Z"), "2026-11-26T08:05:00Z");
  EXPECT_EQ(next(five, "2026-11-26T08:05:00Z"), "2026-11-26T08:10:00Z") << "after, not at";
  EXPECT_EQ(next(five, "1969-12-31T23:57:00Z"), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Recurrence::every(999ms).error().code, "invalid_recurrence");
}

TEST(Recurrence, CronAsInItsManual) {
  EXPECT_EQ(next("0 3 * * *", "2026-11-26T03:00:00Z"), "2026-11-27T03:00:00Z");
  EXPECT_EQ(next("0 3 * * *", "2026-11-26T02:59:59.999Z"), "2026-11-26T03:00:00Z");
  EXPECT_EQ(next("*/15 * * * *", "2026-11-26T08:46:00Z"), "2026-11-26T09:00:00Z");
  EXPECT_EQ(next("5/20 * * * *", "2026-11-26T08:26:00Z"), "2026-11-26T08:45:00Z");
  EXPECT_EQ(next("10-40/10 8 * * *", "2026-11-26T08:41:00Z"), "2026-11-27T08:10:00Z");
  EXPECT_EQ(next("0 0 29 2 *", "2026-11-26T00:00:00Z"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(next("30 9 * * MON-fri", "2026-11-27T09:30:00Z"), "2026-11-30T09:30:00Z") << "a Friday";
  EXPECT_EQ(next("0 12 * * 7", "2026-11-26T00:00:00Z"), "2026-11-29T12:00:00Z") << "7 is Sunday";
  EXPECT_EQ(next("0 0 1 jan,jul *", "2026-11-26T00:00:00Z"), "2027-01-01T00:00:00Z");
  EXPECT_EQ(next("0 0 13 * fri", "2026-11-26T00:00:00Z"), "2026-11-27T00:00:00Z") << "either day will do";
  EXPECT_EQ(next("0 0 */2 * mon", "2026-11-26T00:00:00Z"), "2026-12-07T00:00:00Z") << "a star restricts nothing: both";
  EXPECT_EQ(next("0\t3 *  * *", "2026-11-26T03:00:00Z"), "2026-11-27T03:00:00Z");
  EXPECT_EQ(next("59 23 31 12 *", "2026-12-31T23:59:00Z"), "2027-12-31T23:59:00Z");
}

TEST(Recurrence, WhatIsWrongIsNamed) {
  for (const auto* wrong : {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
                            "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "1, * * * *", "0 0 30 feb *"})
    EXPECT_EQ(Recurrence::cron(wrong).error().code, "invalid_recurrence") << wrong;
  EXPECT_NE(Recurrence::cron("0 25 * * *").error().message.find("hour, '25', is not from 0 to 23"), std::string::npos);
}

}  // namespace
}  // namespace tidings
