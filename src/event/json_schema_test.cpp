#include "tidings/event/json_schema.hpp"

#include <gtest/gtest.h>

#include "tidings/event/json.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings {
namespace schema_test {

enum class Colour { red, dark_green };
struct Line {
  std::string item;
  std::uint8_t count = 1;
};
struct OrderId {
  std::string value;
  static constexpr strong_type strong{};
};
struct Money {
  std::int64_t to_event_data() const { return minor; }
  static Money from_event_data(std::int64_t minor) {
    Money made;
    made.minor = minor;
    return made;
  }
  std::int64_t minor = 0;
};
struct Tree {
  std::string name;
  std::vector<Tree> below;
};
struct All {
  OrderId id;
  std::vector<Line> lines;
  std::optional<Line> first;
  std::map<std::string, bool> flags;
  std::variant<Colour, Line> one;
  std::array<double, 2> place{};
  TimePoint at{};
  Duration lasts{};
  std::vector<std::byte> bytes;
  Money price;
};
struct Nothing {};

}  // namespace schema_test
namespace {

using namespace schema_test;

TEST(JsonSchema, MembersAreAsTheyAreWritten) {
  const auto schema = json_schema<All>();
  ASSERT_TRUE(check_json(schema)) << schema;
  const auto expected =
      R"({"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"#/$defs/tidings.schema_test.All","$defs":{)"
      R"("tidings.schema_test.All":{"type":"object","properties":{"id":{"type":"string"},)"
      R"("lines":{"type":"array","items":{"$ref":"#/$defs/tidings.schema_test.Line"}},)"
      R"("first":{"anyOf":[{"$ref":"#/$defs/tidings.schema_test.Line"},{"type":"null"}]},)"
      R"("flags":{"type":"object","additionalProperties":{"type":"boolean"}},)"
      R"("one":{"oneOf":[{"type":"object","properties":{"type":{"const":"tidings.schema_test.Colour"},)"
      R"("value":{"enum":["red","dark_green"]}},"required":["type","value"]},)"
      R"({"type":"object","properties":{"type":{"const":"tidings.schema_test.Line"},)"
      R"("value":{"$ref":"#/$defs/tidings.schema_test.Line"}},"required":["type","value"]}]},)"
      R"("place":{"type":"array","items":{"type":"number"},"minItems":2,"maxItems":2},)"
      R"("at":{"type":"string","format":"date-time"},"lasts":{"type":"string","format":"duration"},)"
      R"("bytes":{"type":"string","contentEncoding":"base64"},)"
      R"("price":{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}},)"
      R"("required":["id","lines","flags","one","place","at","lasts","bytes","price"]},)"
      R"("tidings.schema_test.Line":{"type":"object","properties":{"item":{"type":"string"},)"
      R"("count":{"type":"integer","minimum":0,"maximum":255}},"required":["item","count"]}}})";
  EXPECT_EQ(schema, expected);
}

TEST(JsonSchema, AStructWithinItselfEnds) {
  const auto schema = json_schema<Tree>();
  ASSERT_TRUE(check_json(schema)) << schema;
  EXPECT_NE(schema.find(R"("below":{"type":"array","items":{"$ref":"#/$defs/tidings.schema_test.Tree"}})"), schema.npos)
      << schema;
}

TEST(JsonSchema, WhatIsNoStructAndAStructOfNothing) {
  EXPECT_EQ(json_schema<bool>(), R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"boolean"})");
  EXPECT_NE(json_schema<Nothing>().find(R"({"type":"object","properties":{},"required":[]})"), std::string::npos);
}

}  // namespace
}  // namespace tidings
