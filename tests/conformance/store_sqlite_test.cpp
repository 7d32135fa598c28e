#include "testing/servers/sqlite_under_test.hpp"
#include "tidings/testing/store_conformance_gtest.hpp"

// It has no server.
TIDINGS_STORE_CONFORMANCE(sqlite, [] { return std::make_unique<tidings::testing::SqliteUnderTest>(); },
                          {"a_commit_whose_answer_is_lost_is_unknown", "a_database_that_was_away_is_found_again",
                           "what_was_acknowledged_survives_the_server"});
