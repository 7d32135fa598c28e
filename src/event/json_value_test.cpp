#include "tidings/event/detail/json_value.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "tidings/event/json.hpp"

namespace tidings {
namespace {

using detail::JsonValue;
using detail::read_json;

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

TEST(JsonValue, WhatNobodyTakesIsCheckedAndPassedOver) {
  const auto read = [](std::string_view document) {
    return read_json(
        document,
        [](void*, JsonValue& value) {
          return value.object(
              [](void*, std::string_view name, JsonValue& member) {
                if (name != "list") return true;
                return member.array([](void*, JsonValue&) { return true; }, nullptr);
              },
              nullptr);
        },
        nullptr);
  };
  EXPECT_TRUE(read(R"({"a":{"b":[1]},"list":[1,"x",{},[]],"c":"\n"})"));
  for (const auto* bad : {R"({"a":tru})", R"({"a":{"b":01}})", R"({"list":[1,"\x"]})", R"({"list":[,1]})", R"({"a":})"})
    EXPECT_EQ(read(bad).error().code, "invalid_json") << bad;
}

TEST(JsonValue, AReaderMayReadAnotherDocument) {
  const auto read = read_json(
      R"(["[\"[3]\"]",2])",
      [](void*, JsonValue& value) {
        return value.array(
            [](void*, JsonValue& element) {
              if (!element.raw().starts_with('"')) return element.skip();
              std::string inner;
              return element.text(inner) && check_json(inner) && !check_json("[");
            },
            nullptr);
      },
      nullptr);
  EXPECT_TRUE(read);
}

}  // namespace
}  // namespace tidings
