#include "tidings/event/json_value.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "tidings/event/json.hpp"

namespace tidings {
namespace {

/// The first member's value as it stands in the document.
Result<std::string> copy_of_first(std::string_view document) {
  struct Copy {
    std::string text;
    bool is_first = true;
  } copy;
  auto read = read_json(
      document,
      [](void* context, JsonValue& value) {
        return value.object(
            [](void* inner, std::string_view, JsonValue& member) {
              auto& self = *static_cast<Copy*>(inner);
              return std::exchange(self.is_first, false) ? member.copy(self.text) : member.skip();
            },
            context);
      },
      &copy);
  if (!read) return read.error();
  return copy.text;
}

TEST(JsonValue, NumbersThatNobodyReadsMayBeOfAnySize) {
  const std::string digits(400, '9');
  for (const std::string& number : {std::string("1e999"), std::string("-1E+999"), std::string("1e-999"), digits,
                                    "-" + digits + ".5", std::string("0.1e99999999999")}) {
    for (const auto& [before, after] : std::initializer_list<std::pair<const char*, const char*>>{
             {"", ""}, {"[", "]"}, {"[1,", " ]"}, {"{\"a\":", " }"}, {"[[[", "]]]"}, {"{\"a\":1,\"b\":[{},", "]}"}}) {
      const auto value = before + number + after;
      EXPECT_TRUE(check_json(value)) << value;
      for (const auto& behind : {R"(})", R"( ,"c":1})", R"(,"c":[1e999]})"})
        EXPECT_EQ(copy_of_first("{\"first\": " + value + behind).or_throw(), value) << behind;
    }
  }
}

TEST(JsonValue, WhatNobodyReadsIsStillWellFormed) {
  for (const auto* value : {"1e", "1e+", "01e999", "1.e999", ".5", "+1", "-", "1e999x", "1e999 2", "[1e999 2]",
                            "[1e999,]", "{\"a\":1e999 \"b\":2}", "{\"a\":1e999,}", "[1e999", "1e999]"}) {
    EXPECT_FALSE(check_json(value)) << value;
    EXPECT_FALSE(copy_of_first(std::string("{\"first\":") + value + "}")) << value;
  }
}

}  // namespace
}  // namespace tidings
