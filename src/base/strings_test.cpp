#include "tidings/base/strings.hpp"

#include <gtest/gtest.h>

#include "tidings/base/text.hpp"

namespace tidings {
namespace {

TEST(Strings, are_cut_between_characters_and_take_as_much_as_they_may) {
  const std::string_view text = "a\u00e4\u20ac\U0001f600b";  // of 1, 2, 3, 4 and 1 bytes
  const std::size_t wanted[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (std::size_t most = 0; most < std::size(wanted); ++most) {
    const auto cut = cut_at_character(text, most);
    EXPECT_EQ(cut.size(), wanted[most]) << most;
    EXPECT_TRUE(is_utf8(cut)) << most;
  }
  EXPECT_EQ(cut_at_character("\x80\x80\x80\x80", 2), "") << "no character begins there";
  EXPECT_EQ(cut_at_character("", 0), "");
}

TEST(Strings, are_trimmed_at_both_ends_and_nowhere_else) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \r\n\t"), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" a\r", " \t"), "a\r") << "of the blanks that were named";
}

TEST(Strings, have_only_the_letters_of_ascii_changed) {
  EXPECT_EQ(in_lower_case("AZaz[@`{19\u00c4\n"), "azaz[@`{19\u00c4\n");
}

}  // namespace
}  // namespace tidings
