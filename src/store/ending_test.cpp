#include "store/ending.hpp"

#include <gtest/gtest.h>

namespace tidings {
namespace {

TEST(EndingTest, StatementsThatEndATransactionAreToldFromThoseThatDoNot) {
  for (const auto* const ends :
       {"commit", "COMMIT;", " End transaction", "rollback", "Rollback Work", "rollback transaction;", "abort",
        "-- done\ncommit", "/* a */ /* b */;\n\tcommit and chain", "prepare transaction 'x'", "rollback prepared 'x'",
        "/* /* */ */ commit", "-- x\rcommit",
        "\xEF\xBB\xBF"
        "commit",
        "commit and chain"})
    EXPECT_TRUE(ends_transaction(ends)) << ends;
  for (const auto* const goes_on : {"", ";", "-- commit", "/* commit", "select 'commit'", "rollback to tidings",
                                    "ROLLBACK TRANSACTION TO x", "rollback /* all */ to savepoint x", "release x",
                                    "savepoint commit", "update t set a = 1", "create table commits(a int)",
                                    "committed", "end_of_day()", "prepare plan as select 1", "c", "explain select 1"})
    EXPECT_FALSE(ends_transaction(goes_on)) << goes_on;
}

}  // namespace
}  // namespace tidings
