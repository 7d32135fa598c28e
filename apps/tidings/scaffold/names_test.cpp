#include "scaffold/names.hpp"

#include <gmock/gmock.h>

namespace tidings::scaffold {
namespace {

TEST(Names, have_the_forms_that_code_takes) {
  const auto names = names_of("stock-keeper2").or_throw();
  EXPECT_EQ(names.snake, "stock_keeper2");
  EXPECT_EQ(names.pascal, "StockKeeper2");
  EXPECT_EQ(names.name_space, "stock_keeper2_service");
  EXPECT_EQ(names_of("mail-service").or_throw().name_space, "mail_service");
  EXPECT_TRUE(names_of(std::string(63, 'a')));
}

TEST(Names, that_something_cannot_take_are_refused_with_the_reason) {
  const std::pair<std::string, const char*> cases[] = {{"", "empty"},
                                                       {std::string(64, 'a'), "63"},
                                                       {"../up", "only a to z"},
                                                       {"a/b", "only a to z"},
                                                       {"a b", "only a to z"},
                                                       {"a\"b", "only a to z"},
                                                       {"a'b", "only a to z"},
                                                       {"a;b", "only a to z"},
                                                       {"${x}", "only a to z"},
                                                       {"$(id)", "only a to z"},
                                                       {"a\nb", "only a to z"},
                                                       {"Orders", "only a to z"},
                                                       {"a_b", "only a to z"},
                                                       {"bücher", "only a to z"},
                                                       {std::string("a\0b", 3), "only a to z"},
                                                       {"7up", "begin with a letter"},
                                                       {"-a", "where a word must begin"},
                                                       {"a--b", "where a word must begin"},
                                                       {"a-", "ends with '-'"},
                                                       {"class", "a word of C++"},
                                                       {"test", "target"},
                                                       {"all", "target"},
                                                       {"format", "target"},
                                                       {"postgres", "server"},
                                                       {"pthread", "library"}};
  for (const auto& [name, why] : cases) {
    const auto refused = names_of(name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, "invalid_name");
    EXPECT_THAT(refused.error().message, ::testing::HasSubstr(why)) << name;
    EXPECT_THAT(refused.error().message, ::testing::Not(::testing::HasSubstr("\n")));
  }
}

}  // namespace
}  // namespace tidings::scaffold
