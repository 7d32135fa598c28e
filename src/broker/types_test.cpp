#include "tidings/broker/types.hpp"

#include <gtest/gtest.h>

namespace tidings {
namespace {

TEST(Durability, IsReadAsItIsWritten) {
  for (const auto durability : {Durability::memory, Durability::interval, Durability::durable})
    EXPECT_EQ(parse_durability(to_string(durability)).or_throw(), durability);
}

TEST(Durability, NamesTheThreeWhereItIsNone) {
  for (const auto* text : {"", "Durable", "durable ", "fsync"}) {
    const auto read = parse_durability(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, "invalid_durability");
    for (const auto* name : {"memory", "interval", "durable"})
      EXPECT_NE(read.error().message.find(name), std::string::npos) << name;
  }
}

TEST(Start, ReadsEachOfItsForms) {
  EXPECT_EQ(parse_start("earliest").or_throw(), Start::earliest());
  EXPECT_EQ(parse_start("latest").or_throw(), Start::latest());
  EXPECT_EQ(parse_start("0").or_throw(), Start::offset(Offset{0}));
  EXPECT_EQ(parse_start("18446744073709551615").or_throw(), Start::offset(Offset{~std::uint64_t{0}}));
  EXPECT_EQ(parse_start("2010-12-01T08:26:00Z").or_throw(), Start::time(TimePoint{std::chrono::seconds{1291191960}}));
}

TEST(Start, SaysWhatItWantsWhereItIsNone) {
  for (const auto* text : {"", "first", "-1", "1.5", "12x", "18446744073709551616", "2010-13-01T08:26:00Z"}) {
    const auto read = parse_start(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, "invalid_start") << text;
  }
}

TEST(Start, SaysThatAnOffsetIsTooLarge) {
  EXPECT_NE(parse_start("99999999999999999999").error().message.find("too large"), std::string::npos);
}

TEST(Lag, CountsWhatIsKept) {
  GroupPartitionInfo one{.position = Offset{1}, .end = Offset{10}, .earliest = Offset{7}};
  EXPECT_EQ(one.lag(), 3U);
  EXPECT_EQ(one.lost(), 6U);
  one.position = Offset{8};
  EXPECT_EQ(one.lag(), 2U);
  EXPECT_EQ(one.lost(), 0U);
  one.position = one.earliest = one.end;
  EXPECT_EQ(one.lag() + one.lost(), 0U);
}

TEST(TopicOptions, AreCheckedBeforeATopicIsMade) {
  EXPECT_TRUE(validate(TopicOptions{}));
  EXPECT_EQ(validate(TopicOptions{.partitions = 100'000, .durability = {}}).error().code, "invalid_options");
}

TEST(ConsumerOptions, AreCheckedBeforeAGroupIsJoined) {
  ConsumerOptions options;
  EXPECT_TRUE(validate(options));
  options.group = "g";
  EXPECT_TRUE(validate(options));
  options.in_flight_max = 0;
  EXPECT_EQ(validate(options).error().code, "invalid_options");
  options = {};
  options.group = "g";
  options.settle_within = Duration{};
  EXPECT_EQ(validate(options).error().code, "invalid_options");
  options.group = "../g";
  EXPECT_EQ(validate(options).error().code, "invalid_name");
}

}  // namespace
}  // namespace tidings
