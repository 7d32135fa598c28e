#include "tidings/base/time.hpp"

#include <gtest/gtest.h>

#include "tidings/base/entropy.hpp"

namespace tidings {
namespace {

using namespace std::chrono_literals;

TEST(Rfc3339, WritesAsManyDigitsAsItTakes) {
  EXPECT_EQ(to_rfc3339(TimePoint{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339(TimePoint{1291191960s}), "2010-12-01T08:26:00Z");
  EXPECT_EQ(to_rfc3339(TimePoint{1ms}), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(to_rfc3339(TimePoint{1us}), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(to_rfc3339(TimePoint{-1ns}), "1969-12-31T23:59:59.999999999Z");
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
  EXPECT_EQ(parse_rfc3339("2010-12-01T08:26:00Z").or_throw(), TimePoint{1291191960s});
  EXPECT_EQ(parse_rfc3339("2010-12-01t10:26:00+02:00").or_throw(), TimePoint{1291191960s});
  EXPECT_EQ(parse_rfc3339("2010-12-01 08:26:00.5-00:00").or_throw(), TimePoint{1291191960s + 500ms});
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z").or_throw(), parse_rfc3339("2017-01-01T00:00:00Z").or_throw());
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const auto* text :
       {"", "2010-12-01", "2010-02-30T00:00:00Z", "2010-12-01T24:00:00Z", "2010-12-01T08:26:00",
        "2010-12-01T08:26:00Zx", "2010-12-01T08:26:00.Z", "2010-12-01T08:26:00.1234567890Z", "1500-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z", "2010-12-01T08:61:00Z", "2010-12-01T08:26:00+24:00", "-010-12-01T08:26:00Z"}) {
    const auto time = parse_rfc3339(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, "invalid_time");
  }
}

TEST(Rfc3339, EveryTimeComesBack) {
  SeededEntropy entropy(7);
  for (int i = 0; i < 20'000; ++i) {
    const TimePoint time{Duration{static_cast<std::int64_t>(entropy.next()) / 2}};
    ASSERT_EQ(parse_rfc3339(to_rfc3339(time)).or_throw(), time);
  }
}

TEST(Iso8601, WritesAndReads) {
  EXPECT_EQ(to_iso8601(0s), "PT0S");
  EXPECT_EQ(to_iso8601(1500ms), "PT1.500S");
  EXPECT_EQ(to_iso8601(-90min), "-PT1H30M");
  EXPECT_EQ(parse_iso8601_duration("PT1.5S").or_throw(), 1500ms);
  EXPECT_EQ(parse_iso8601_duration("P1DT2H").or_throw(), 26h);
  EXPECT_EQ(parse_iso8601_duration("P2W").or_throw(), 14 * 24h);
  for (const auto* text :
       {"", "P", "PT", "1S", "PT1", "PT1.S", "PT1S1M", "PT1.5M1S", "P1H", "PT-1S", "PT9999999999999999S", "P1Y"})
    EXPECT_FALSE(parse_iso8601_duration(text)) << text;
}

TEST(Iso8601, EveryDurationComesBack) {
  SeededEntropy entropy(8);
  for (int i = 0; i < 20'000; ++i) {
    const Duration duration{static_cast<std::int64_t>(entropy.next()) >> entropy.below(60)};
    ASSERT_EQ(parse_iso8601_duration(to_iso8601(duration)).or_throw(), duration) << duration.count();
  }
}

TEST(DurationText, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_duration("250ms").or_throw(), 250ms);
  EXPECT_EQ(parse_duration("1.5s").or_throw(), 1500ms);
  EXPECT_EQ(parse_duration("5min").or_throw(), 5min);
  EXPECT_EQ(parse_duration("7d").or_throw(), 7 * 24h);
  EXPECT_EQ(parse_duration("0").or_throw(), 0s);
  for (const auto* text : {"", "5", "s", "-5s", "5 years", "5.s", "99999999999d"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_EQ(to_text(90s), "90s");
  EXPECT_EQ(to_text(5min), "5min");
}

}  // namespace
}  // namespace tidings
