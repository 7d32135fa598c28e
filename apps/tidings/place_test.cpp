#include "place.hpp"

#include <gtest/gtest.h>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

TEST(Place, IsAlsoNowAndHowLongBefore) {
  const TimePoint now{100h};
  EXPECT_EQ(parse_place("now", now).or_throw(), Start::time(now));
  EXPECT_EQ(parse_place("-1h", now).or_throw(), Start::time(TimePoint{99h}));
  EXPECT_EQ(parse_place("-7d", TimePoint{1000h}).or_throw(), Start::time(TimePoint{832h}));
  EXPECT_EQ(parse_place("earliest", now).or_throw(), Start::earliest());
  EXPECT_EQ(parse_place("12", now).or_throw(), Start::offset(Offset{12}));
}

TEST(Place, SaysWhatItMayBe) {
  for (const auto* const text : {"", "noon", "-", "-1", "-1y", "--1h", "1h"}) {
    const auto place = parse_place(text, {});
    ASSERT_FALSE(place) << text;
    EXPECT_EQ(place.error().code, "invalid_start");
    EXPECT_NE(place.error().message.find("or how long ago, as -1h"), std::string::npos) << place.error().message;
  }
  EXPECT_NE(parse_place("99999999999999999999", {}).error().message.find("too large"), std::string::npos);
}

}  // namespace
}  // namespace tidings::cli
