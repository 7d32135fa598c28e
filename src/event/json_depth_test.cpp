// How deep values nest: what is written can be read, and what could not be read is not written.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "tidings/event/cloud_events.hpp"
#include "tidings/event/context.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/event/make_envelope.hpp"

namespace assembly {

struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};
/// Two levels each, an object and an array.
struct Part {
  std::vector<Part> parts;
};
struct Branch {
  std::map<std::string, Branch> by_name;
};
/// Three levels each.
struct Choice {
  std::vector<std::variant<int, Choice>> of;
};
/// One level more.
template <class Deep>
struct Around {
  Deep deep;
};
struct Product {
  Part part;
  static constexpr tidings::traits<Product> event{.name = "assembly.product"};
};

}  // namespace assembly

namespace tidings {
namespace {

using assembly::Around;
using assembly::Part;

Part nested(int parts) {
  Part part;
  for (int i = 1; i < parts; ++i) {
    Part outer;
    outer.parts.push_back(std::move(part));
    part = std::move(outer);
  }
  return part;
}

template <class T>
std::string code_of(const T& value) {
  std::string out = "kept";
  const auto written = JsonCodec::encode(value, out);
  if (!written) {
    EXPECT_EQ(out, "kept");
    EXPECT_EQ(written.error().retry, Retry::never);
    return written.error().code;
  }
  EXPECT_TRUE(JsonCodec::decode<T>(std::string_view(out).substr(4))) << "what was written is not read";
  return {};
}

TEST(JsonDepth, TheBoundOfWritersIsThatOfReaders) {
  static_assert(json_depth_max == 500);
  EXPECT_EQ(code_of(nested(250)), "");
  EXPECT_EQ(code_of(Around<Part>{nested(249)}), "");
  EXPECT_EQ(code_of(Around<Part>{nested(250)}), "too_deep");
  EXPECT_EQ(code_of(nested(251)), "too_deep");
  const auto read = [](int levels) {
    return JsonCodec::decode<assembly::Nothing>(R"({"later":)" +
                                                std::string(static_cast<std::size_t>(levels - 1), '[') +
                                                std::string(static_cast<std::size_t>(levels - 1), ']') + "}");
  };
  EXPECT_TRUE(read(500));
  EXPECT_EQ(read(501).error().code, "too_deep");
}

TEST(JsonDepth, EveryKindOfNestingCounts) {
  assembly::Branch branch;
  assembly::Choice choice;
  for (int i = 1; i < 250; ++i) branch = assembly::Branch{.by_name = {{"a", std::move(branch)}}};
  for (int i = 1; i < 166; ++i) choice = assembly::Choice{.of = {std::move(choice)}};
  EXPECT_EQ(code_of(branch), "");                                                                       // 500
  EXPECT_EQ(code_of(Around<assembly::Branch>{branch}), "too_deep");                                     // 501
  EXPECT_EQ(code_of(Around<Around<Around<assembly::Choice>>>{{{choice}}}), "");                         // 500
  EXPECT_EQ(code_of(std::vector{std::array{Around<Around<assembly::Choice>>{{choice}}}}), "too_deep");  // 501
}

TEST(JsonDepth, ManyNeighboursAreNotDeep) {
  Part wide;
  wide.parts.resize(2'000);
  EXPECT_EQ(code_of(wide), "");
  EXPECT_EQ(code_of(std::vector<assembly::Nothing>(2'000)), "");
}

TEST(JsonDepth, ErrorHasAShortPathAndNoStackOverflows) {
  std::string out;
  const auto written = JsonCodec::encode(nested(20'000), out);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, "too_deep");
  EXPECT_TRUE(written.error().message.starts_with("$.parts[0].parts[0]")) << written.error().message;
  EXPECT_TRUE(written.error().message.ends_with("[0]: nested deeper than 500 levels, which no reader takes"));
  EXPECT_LT(written.error().message.size(), 400U);
}

TEST(JsonDepth, WhatIsTooDeepIsNotPublished) {
  struct Published : detail::Outlet {
    Result<> publish(std::string_view, Envelope) override {
      ++count;
      return {};
    }
    int count = 0;
  } published;
  const auto first = make_envelope(assembly::Product{}).or_throw();
  const auto view = first.view();
  Context context(view, {.topic = "products", .partition = {}, .offset = {}}, "assembly", published);
  const auto refused = context.publish(assembly::Product{nested(250)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "too_deep");
  EXPECT_EQ(published.count, 0);
  EXPECT_TRUE(context.publish(assembly::Product{nested(249)}));
  EXPECT_EQ(published.count, 1);
}

TEST(JsonDepth, EnvelopeOfTheDeepestEventIsRead) {
  auto envelope = make_envelope(assembly::Product{}).or_throw();
  envelope.payload.clear();
  ASSERT_TRUE(JsonCodec::encode(nested(250), envelope.payload));
  const auto json = to_cloud_event_json(envelope.view());
  EXPECT_NE(json.find(R"("data":{)"), json.npos);
  const auto read = from_cloud_event_json(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->payload, envelope.payload);
}

}  // namespace
}  // namespace tidings
