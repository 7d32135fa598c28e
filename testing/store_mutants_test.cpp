// A suite is worth what it finds: stores with a fault each, and the cases that must find it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "faulty_store.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/postgres_under_test.hpp"
#include "testing/servers/sqlite_under_test.hpp"
#include "tidings/testing/store_conformance_gtest.hpp"

namespace tidings::testing {
namespace {

struct StoreMutant {
  const char* name;
  StoreFault fault;
  std::vector<const char*> found_by;
};

void PrintTo(const StoreMutant& mutant, std::ostream* out) {
  *out << mutant.name;
}

std::unique_ptr<StoreUnderTest> on_sqlite() {
  return std::make_unique<SqliteUnderTest>();
}

std::unique_ptr<StoreUnderTest> on_postgres() {
  return std::make_unique<PostgresUnderTest>();
}

const std::vector<StoreMutant> mutants{
    {"rounds_integers", StoreFault::rounds_integers, {"every_value_comes_back_as_it_was"}},
    {"makes_the_empty_null", StoreFault::makes_the_empty_null, {"every_value_comes_back_as_it_was"}},
    {"cuts_text_at_a_nul", StoreFault::cuts_text_at_a_nul, {"text_with_a_nul_comes_back_whole_or_is_refused"}},
    {"cuts_large_values", StoreFault::cuts_large_values, {"large_values_come_back"}},
    {"swaps_parameters", StoreFault::swaps_parameters, {"parameters_stand_where_their_number_says"}},
    {"counts_wrong", StoreFault::counts_wrong, {"rows_are_counted", "one_of_several_that_insert_a_key_does"}},
    {"spoils_a_transaction_that_reads_wrongly",
     StoreFault::spoils_a_transaction_that_reads_wrongly,
     {"what_does_not_fit_is_told_and_the_transaction_goes_on"}},
    {"calls_a_constraint_a_mistake", StoreFault::calls_a_constraint_a_mistake, {"constraints_are_told"}},
    {"overlooks_mistakes", StoreFault::overlooks_mistakes, {"mistakes_are_told"}},
    {"goes_on_after_a_failure",
     StoreFault::goes_on_after_a_failure,
     {"a_failed_transaction_can_only_be_rolled_back", "a_statement_does_not_end_it"}},
    {"keeps_its_turn_after_a_failure",
     StoreFault::keeps_its_turn_after_a_failure,
     {"a_failed_statement_leaves_nothing_behind"}},
    {"keeps_old_columns", StoreFault::keeps_old_columns, {"statements_see_a_schema_that_changed"}},
    {"wears_out", StoreFault::wears_out, {"many_statements_are_of_use"}},
    {"loses_a_commit", StoreFault::loses_a_commit, {"what_is_committed_is_there_for_others"}},
    {"commits_a_rollback", StoreFault::commits_a_rollback, {"what_is_rolled_back_is_not_there"}},
    {"commits_what_nobody_ended", StoreFault::commits_what_nobody_ended, {"what_nobody_ended_is_rolled_back"}},
    {"commits_each_statement",
     StoreFault::commits_each_statement,
     {"what_is_rolled_back_is_not_there", "what_nobody_ended_is_rolled_back",
      "tables_are_made_and_dropped_within_transactions", "sums_stay_what_they_are"}},
    {"goes_on_after_its_end", StoreFault::goes_on_after_its_end, {"what_is_committed_is_there_for_others"}},
    {"takes_all_back_to_a_savepoint", StoreFault::takes_all_back_to_a_savepoint, {"a_savepoint_takes_back_alone"}},
    {"takes_nothing_back_to_a_savepoint",
     StoreFault::takes_nothing_back_to_a_savepoint,
     {"a_savepoint_takes_back_alone", "a_savepoint_lets_a_failed_transaction_go_on"}},
    {"stays_failed_after_a_savepoint",
     StoreFault::stays_failed_after_a_savepoint,
     {"a_savepoint_lets_a_failed_transaction_go_on"}},
    {"keeps_the_first_savepoint",
     StoreFault::keeps_the_first_savepoint,
     {"a_second_savepoint_takes_the_place_of_the_first"}},
    {"loses_updates", StoreFault::loses_updates, {"concurrent_writers_lose_no_update"}},
    {"acknowledges_before_it_commits",
     StoreFault::acknowledges_before_it_commits,
     {"what_was_acknowledged_survives_its_process"}},
    {"serves_the_last_first", StoreFault::serves_the_last_first, {"who_comes_first_is_served_first"}},
    {"starves_others", StoreFault::starves_others, {"a_busy_writer_starves_nobody"}},
    {"does_not_wait", StoreFault::does_not_wait, {"who_waits_too_long_is_told"}},
    {"does_not_wait_to_close", StoreFault::does_not_wait_to_close, {"close_waits_for_what_is_open"}},
    {"begins_after_close", StoreFault::begins_after_close, {"close_waits_for_what_is_open"}},
    {"calls_closed_busy", StoreFault::calls_closed_busy, {"close_ends_who_waits"}},
    {"leaks", StoreFault::leaks, {"no_thread_or_descriptor_leaks"}},
};

/// Those of a store with a server, or with several transactions at once.
const std::vector<StoreMutant> mutants_of_a_server{
    {"allows_more_at_once", StoreFault::allows_more_at_once, {"there_are_as_many_at_once_as_allowed"}},
    {"commits_each_statement", StoreFault::commits_each_statement, {"nobody_sees_what_is_not_committed"}},
    {"calls_a_conflict_final",
     StoreFault::calls_a_conflict_final,
     {"those_that_wait_for_one_another_are_told", "concurrent_writers_lose_no_update"}},
    {"calls_the_unknown_a_failure",
     StoreFault::calls_the_unknown_a_failure,
     {"a_commit_whose_answer_is_lost_is_unknown"}},
    {"calls_a_failure_unknown", StoreFault::calls_a_failure_unknown, {"a_commit_whose_answer_is_lost_is_unknown"}},
    {"calls_a_commit_a_failure", StoreFault::calls_a_commit_a_failure, {"what_was_acknowledged_survives_the_server"}},
    {"stays_disconnected", StoreFault::stays_disconnected, {"a_database_that_was_away_is_found_again"}},
};

void expect_found(const StoreMutant& mutant, const StoreFixture& good) {
  for (const auto* name : mutant.found_by) {
    auto report = run_store_case(name, faulty(good, mutant.fault));
    // Who starves whom is up to the scheduler: now and then it is the busy one that waits.
    for (int again = 0; again < 4 && mutant.fault == StoreFault::starves_others && report.verdict != Verdict::failed;
         ++again)
      report = run_store_case(name, faulty(good, mutant.fault));
    EXPECT_EQ(report.verdict, Verdict::failed) << name << " does not see a store that " << mutant.name;
  }
  for (const auto descriptor : std::exchange(FaultyStore::leaked, {})) ::close(descriptor);
}

class StoreMutants : public ::testing::TestWithParam<StoreMutant> {};
TEST_P(StoreMutants, AreFoundByACaseOfThatName) {
  expect_found(GetParam(), on_sqlite);
}

class StoreMutantsOfAServer : public ::testing::TestWithParam<StoreMutant> {};
TEST_P(StoreMutantsOfAServer, AreFoundByACaseOfThatName) {
  TIDINGS_NEEDS_SERVER(postgres_is_there());
  expect_found(GetParam(), on_postgres);
}

const auto name_of = [](const auto& mutant) { return mutant.param.name; };
INSTANTIATE_TEST_SUITE_P(StoreConformance, StoreMutants, ::testing::ValuesIn(mutants), name_of);
INSTANTIATE_TEST_SUITE_P(StoreConformance, StoreMutantsOfAServer, ::testing::ValuesIn(mutants_of_a_server), name_of);

// Settings of PostgreSQL's that a program may wish for, and what they cost.

TEST(StoreConformance, WhatReadCommittedLosesIsFound) {
  TIDINGS_NEEDS_SERVER(postgres_is_there());
  const auto report = run_store_case("concurrent_writers_lose_no_update", [] {
    return std::make_unique<PostgresUnderTest>("", "&isolation=read-committed");
  });
  EXPECT_EQ(report.verdict, Verdict::failed);
  EXPECT_NE(to_text({&report, 1}).find(" updates are lost"), std::string::npos) << to_text({&report, 1});
}

TEST(StoreConformance, WhatIsNotSyncedIsFoundToBeLost) {
  TIDINGS_NEEDS_SERVER(postgres_is_there());
  const auto report = run_store_case("what_was_acknowledged_survives_the_server", [] {
    return std::make_unique<PostgresUnderTest>("%20-csynchronous_commit%3Doff");
  });
  EXPECT_EQ(report.verdict, Verdict::failed);
  EXPECT_NE(to_text({&report, 1}).find(" commits are lost"), std::string::npos) << to_text({&report, 1});
}

TEST(StoreConformance, EachCaseFindsAMutant) {
  std::set<std::string_view> finding{"what_was_acknowledged_survives_the_server"};
  for (const auto& some : {mutants, mutants_of_a_server})
    for (const auto& mutant : some) finding.insert(mutant.found_by.begin(), mutant.found_by.end());
  for (const auto& known : store_conformance_cases())
    EXPECT_TRUE(finding.contains(known.name)) << known.name << " finds no mutant";
}

TEST(StoreConformance, ACaseThatIsNotThereFails) {
  EXPECT_EQ(run_store_case("no_such_case", on_sqlite).verdict, Verdict::failed);
}

}  // namespace
}  // namespace tidings::testing

// Without a fault, the same store passes them all.
TIDINGS_STORE_CONFORMANCE(healthy,
                          tidings::testing::faulty([] { return std::make_unique<tidings::testing::SqliteUnderTest>(); },
                                                   tidings::testing::StoreFault::none),
                          {"a_commit_whose_answer_is_lost_is_unknown", "a_database_that_was_away_is_found_again",
                           "what_was_acknowledged_survives_the_server"});
