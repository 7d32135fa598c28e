#include "event/json_number.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "tidings/base/entropy.hpp"

namespace tidings {
namespace {

/// As it stands in a document: something behind it.
std::optional<std::uint64_t> digits_of(const std::string& text, std::string_view behind) {
  const std::string padded = text + std::string(behind) + std::string(8, '\0');
  const auto digits = json_digits(padded.data());
  if (digits.end == nullptr) return std::nullopt;
  EXPECT_EQ(digits.end - padded.data(), static_cast<std::ptrdiff_t>(text.size())) << text;
  return digits.value;
}

TEST(JsonNumber, ReadsEveryCountOfDigits) {
  for (const std::string_view behind :
       {"", ",", "]", "}", " ", ".5", "e1", "x", "/", ":", "\xb0\xb9", "\xff,9", ",99999999"}) {
    EXPECT_EQ(digits_of("0", behind), 0U);
    std::uint64_t value = 0;
    std::string text;
    for (std::uint64_t digit = 1; digit <= 19; ++digit) {
      value = value * 10 + digit % 10;
      text += static_cast<char>('0' + digit % 10);
      EXPECT_EQ(digits_of(text, behind), value);
    }
  }
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    SeededEntropy chance(seed);
    const auto value = chance.next() >> chance.below(64);
    EXPECT_EQ(digits_of(std::to_string(value), ","), value);
  }
}

TEST(JsonNumber, KnowsItsBounds) {
  EXPECT_EQ(digits_of("18446744073709551615", ","), std::numeric_limits<std::uint64_t>::max());
  for (const auto* text :
       {"18446744073709551616", "18446744073709551625", "99999999999999999999", "184467440737095516150", "00", "01",
        "007", "00000000", "012345678", "", "-1", "+1", " 1", "x", ".5", "/", ":"})
    EXPECT_FALSE(digits_of(text, ",")) << text;
}

TEST(JsonNumber, IsTheNearestDouble) {
  for (const auto* text : {"0", "-0", "0.0", "1", "-1.5", "1e3", "1E+3", "123456789012345678901234567890", "0.1",
                           "5e-324", "2.5e-324", "2.2250738585072011e-308", "1.7976931348623157e308",
                           "9007199254740993", "0e999", "-0.000e-999", "0.000001e309"}) {
    ASSERT_TRUE(is_json_number(text)) << text;
    const auto value = json_double(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(*value, std::strtod(text, nullptr)) << text;
    EXPECT_EQ(std::signbit(*value), text[0] == '-') << text;
  }
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    SeededEntropy chance(seed);
    auto text = std::to_string(chance.next() >> chance.below(64));
    text.insert(1 + static_cast<std::size_t>(chance.below(text.size())), ".5");
    text += "e" + std::to_string(static_cast<std::int64_t>(chance.below(620)) - 310);
    const auto wanted = std::strtod(text.c_str(), nullptr);
    const auto value = json_double(text);
    ASSERT_EQ(value.has_value(), std::isfinite(wanted)) << text;
    EXPECT_EQ(value.value_or(wanted), wanted) << text;
  }
}

TEST(JsonNumber, WhatIsTooSmallIsZeroAndWhatIsTooLargeIsNone) {
  for (const auto* text : {"1e-400", "-1e-400", "0.00001e-320", "123456789e-340", "1e-999999999999999999"}) {
    const auto value = json_double(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(*value, 0) << text;
    EXPECT_EQ(std::signbit(*value), text[0] == '-') << text;
  }
  EXPECT_EQ(json_double("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(json_double("0." + std::string(400, '0') + "1e401"), 1.0);
  EXPECT_EQ(json_double("1" + std::string(400, '0') + "e-400"), 1.0);
  EXPECT_FALSE(json_double("1" + std::string(400, '0')));
  for (const auto* text : {"1e400", "-1e400", "1.8e308", "0.00001e320", "1e999999999999999999",
                           "1e18446744073709551617", "1e-18446744073709551617", "0e9999999999999999999"})
    EXPECT_FALSE(json_double(text)) << text;
  EXPECT_EQ(json_double("1e0000000000000000000000000001"), 10.0);
}

}  // namespace
}  // namespace tidings
