#include "describe/words.hpp"

#include <gtest/gtest.h>

namespace tidings::cli {
namespace {

TEST(Words, AreBrokenAtEightyColumns) {
  EXPECT_EQ(wrapped("  a: ", "b c"), "  a: b c\n");
  EXPECT_EQ(wrapped("x ", ""), "x\n");
  const std::string word(30, 'w');
  EXPECT_EQ(wrapped("- ", word + " " + word + " " + word), "- " + word + " " + word + "\n  " + word + "\n");
  EXPECT_EQ(wrapped("- ", word + " " + word + " " + word, 4), "- " + word + " " + word + "\n    " + word + "\n");
  const std::string umlauts = "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4";
  const auto line =
      umlauts + " " + umlauts + " " + umlauts + " " + umlauts + " " + umlauts + " " + umlauts + " " + umlauts;
  EXPECT_EQ(wrapped("", line), line + "\n") << "76 columns, and twice as many bytes";
  EXPECT_EQ(wrapped("", std::string(90, 'x')), std::string(90, 'x') + "\n");
}

TEST(Words, NamesThatAsyncApiAllows) {
  EXPECT_EQ(plain_name("shop.order-placed/1"), "shop.order-placed_1");
  EXPECT_EQ(plain_name(""), "_");
}

}  // namespace
}  // namespace tidings::cli
