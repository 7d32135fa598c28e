#include "tidings/event/trace_parent.hpp"

#include <gtest/gtest.h>

namespace tidings {
namespace {

constexpr std::string_view good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceParentTest, is_read_and_written) {
  const auto parsed = parse_trace_parent(good);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->trace_high, 0x4bf92f3577b34da6U);
  EXPECT_EQ(parsed->trace_low, 0xa3ce929d0e0e4736U);
  EXPECT_EQ(parsed->span, 0x00f067aa0ba902b7U);
  EXPECT_TRUE(parsed->is_sampled());
  EXPECT_EQ(to_string(*parsed), good);
  EXPECT_FALSE(parse_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")->is_sampled());
  EXPECT_TRUE(parse_trace_parent("cc" + std::string(good.substr(2)) + "-what-the-future-has"));
}

TEST(TraceParentTest, what_is_none_is_refused) {
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(parse_trace_parent(good.substr(0, size)));
  const std::string_view wrong[] = {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                                    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
                                    "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
                                    "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
  for (const auto text : wrong) EXPECT_FALSE(parse_trace_parent(text)) << text;
}

}  // namespace
}  // namespace tidings
