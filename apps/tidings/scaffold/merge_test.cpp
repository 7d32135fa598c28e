#include "scaffold/merge.hpp"

#include <gtest/gtest.h>

namespace tidings::scaffold {
namespace {

TEST(Merge, both_changes_are_there_where_they_do_not_touch) {
  const auto made = merge("a\nb\nc\nd\n", "a\nmine\nb\nc\nd\n", "a\nb\nc\nnew\n");
  EXPECT_EQ(made.text, "a\nmine\nb\nc\nnew\n");
  EXPECT_EQ(made.conflicts, 0U);
}

TEST(Merge, what_one_takes_out_is_gone) {
  EXPECT_EQ(merge("a\nb\nc\nd\n", "a\nc\nd\n", "a\nb\nc\nd\ne\n").text, "a\nc\nd\ne\n");
  EXPECT_EQ(merge("a\nb\nc\n", "a\nb\nc\nmine\n", "b\nc\n").text, "b\nc\nmine\n");
}

TEST(Merge, the_same_change_of_both_is_one) {
  const auto made = merge("a\nb\nc\n", "a\nx\nc\n", "a\nx\nc\n");
  EXPECT_EQ(made.text, "a\nx\nc\n");
  EXPECT_EQ(made.conflicts, 0U);
}

TEST(Merge, changes_of_the_same_lines_are_in_each_others_way) {
  const auto made = merge("a\nb\nc\nd\ne\n", "a\nmine\nc\nd\nmine too\n", "a\nnew\nc\nd\ne\nmore\n");
  EXPECT_EQ(made.conflicts, 2U);
  EXPECT_EQ(made.text, "a\nnew\nc\nd\ne\nmore\n");
}

TEST(Merge, so_are_two_texts_for_one_place) {
  EXPECT_EQ(merge("a\nb\n", "a\nmine\nb\n", "a\nnew\nb\n").conflicts, 1U);
}

TEST(Merge, of_what_is_empty_or_has_no_last_newline) {
  EXPECT_EQ(merge("", "", "new\n").text, "new\n");
  EXPECT_EQ(merge("a\nb\n", "", "a\nb\n").text, "");
  EXPECT_EQ(merge("a\nb\nc\n", "a\nb\nc", "new\na\nb\nc\n").text, "new\na\nb\nc");
}

}  // namespace
}  // namespace tidings::scaffold
