#include "describe/json_tree.hpp"

#include <gtest/gtest.h>

namespace tidings::cli {
namespace {

std::string again(std::string_view document) {
  const auto tree = parse_json_tree(document);
  return tree ? to_json(*tree) : tree.error().code;
}

TEST(JsonTree, WhatItReadsItWrites) {
  EXPECT_EQ(again(R"({"a":[1,-2.5e3,true,null,{}],"b":{"c":[]},"d":"x"})"),
            R"({"a":[1,-2.5e3,true,null,{}],"b":{"c":[]},"d":"x"})");
  EXPECT_EQ(again(" { \"a\" : [ 1 , 2 ] ,\n \"b\" : [ ] } "), R"({"a":[1,2],"b":[]})");
  EXPECT_EQ(again(" 7 "), "7");
  EXPECT_EQ(again("[]"), "[]");
}

TEST(JsonTree, TextsAreReadAsTheyMean) {
  const auto tree = parse_json_tree(R"({"a\"}b":"x\\\"{[,\u00e9\ud83d\ude00"})").or_throw();
  EXPECT_EQ(tree.members.at(0).first, "a\"}b");
  EXPECT_EQ(tree.members.at(0).second.scalar, "x\\\"{[,\u00e9\U0001F600");
  EXPECT_EQ(tree.find("a\"}b"), &tree.members[0].second);
  EXPECT_EQ(tree.find("b"), nullptr);
}

TEST(JsonTree, WhatIsNotJsonIsRefused) {
  EXPECT_EQ(again("{\"a\":}"), "invalid_json");
  EXPECT_EQ(again(""), "invalid_json");
  EXPECT_EQ(again(std::string(100'000, '[')), "too_deep");
}

}  // namespace
}  // namespace tidings::cli
