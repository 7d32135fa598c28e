// A suite is worth what it finds: brokers with a fault each, and the cases that must find it.
#include <gtest/gtest.h>

#include "faulty_broker.hpp"
#include "tidings/testing/broker_conformance_gtest.hpp"

namespace tidings::testing {
namespace {

struct Mutant {
  const char* name;
  Fault fault;
  std::vector<const char*> found_by;
};

void PrintTo(const Mutant& mutant, std::ostream* out) {
  *out << mutant.name;
}

const std::vector<Mutant> mutants{
    {"drops", Fault::drops, {"delivers_every_acknowledged_publish"}},
    {"duplicates", Fault::duplicates, {"delivers_every_acknowledged_publish"}},
    {"publishes_twice", Fault::publishes_twice, {"delivers_every_acknowledged_publish", "lag_is_exact"}},
    {"reorders", Fault::reorders, {"orders_within_a_key_also_under_concurrent_publishers"}},
    {"acknowledges_early",
     Fault::acknowledges_early,
     {"an_unacknowledged_delivery_returns_after_its_deadline", "a_rebalance_resumes_from_the_committed_position"}},
    {"leaks", Fault::leaks, {"no_thread_or_descriptor_leaks"}},
    {"forgets_attempts", Fault::forgets_attempts, {"the_attempt_count_increases"}},
    {"ignores_rejections",
     Fault::ignores_rejections,
     {"a_negative_acknowledgement_redelivers", "groups_are_independent"}},
    {"truncates_payloads", Fault::truncates_payloads, {"preserves_bytes_empty_and_binary"}},
    {"loses_headers", Fault::loses_headers, {"preserves_headers_and_ids"}},
    {"writes_in_part", Fault::writes_in_part, {"rejects_oversize_without_a_partial_publish"}},
    {"ignores_the_limit", Fault::ignores_the_limit, {"the_in_flight_limit_holds"}},
    {"ignores_extend", Fault::ignores_extend, {"an_unacknowledged_delivery_returns_after_its_deadline"}},
    {"does_not_drain", Fault::does_not_drain, {"close_drains_within_its_deadline_also_under_a_blocked_handler"}},
    {"sleeps_through_wake", Fault::sleeps_through_wake, {"stopping_ends_new_deliveries"}},
    {"counts_wrong", Fault::counts_wrong, {"lag_is_exact", "acknowledging_twice_is_harmless"}},
    {"starts_at_the_earliest", Fault::starts_at_the_earliest, {"starts_from_earliest_latest_offset_and_time"}},
    {"ignores_seek", Fault::ignores_seek, {"seek_moves_a_group", "seek_moves_each_partition_to_its_own_place"}},
    {"keeps_groups", Fault::keeps_groups, {"a_deleted_group_begins_anew"}},
    {"deletes_under_members", Fault::deletes_under_members, {"a_deleted_group_begins_anew"}},
    {"forgets_positions", Fault::forgets_positions, {"what_was_acknowledged_stays_so_after_a_restart"}},
    {"stays_disconnected", Fault::stays_disconnected, {"reconnects_after_the_broker_restarts"}},
    {"calls_the_unknown_a_failure",
     Fault::calls_the_unknown_a_failure,
     {"an_unknown_outcome_is_told_apart_from_a_failure"}},
    {"acknowledges_in_any_order", Fault::acknowledges_in_any_order, {"acknowledges_a_window_of_publishes_in_order"}},
    {"ignores_producers",
     Fault::ignores_producers,
     {"what_a_producer_publishes_twice_is_there_once", "a_producer_is_fenced_by_its_successor"}},
    {"fences_nobody",
     Fault::fences_nobody,
     {"a_producer_is_fenced_by_its_successor", "a_producers_events_are_known_after_a_restart"}},
    {"forgets_producers",
     Fault::forgets_producers,
     {"what_a_producer_publishes_twice_is_there_once", "a_producers_events_are_known_after_a_restart"}},
    {"keeps_nothing", Fault::keeps_nothing, {"a_kept_partition_moves_once_it_is_let_go"}},
    {"lets_nothing_go", Fault::lets_nothing_go, {"a_kept_partition_moves_once_it_is_let_go"}},
    {"mixes_producers_up", Fault::mixes_producers_up, {"what_a_producer_publishes_twice_is_there_once"}},
    {"ignores_the_window", Fault::ignores_the_window, {"acknowledges_a_window_of_publishes_in_order"}},
};

class Mutants : public ::testing::TestWithParam<Mutant> {};

TEST_P(Mutants, AreFoundByACaseOfThatName) {
  for (const auto* name : GetParam().found_by) {
    const auto report = run_broker_case(name, with(GetParam().fault));
    EXPECT_EQ(report.verdict, Verdict::failed) << name << " does not see a broker that " << GetParam().name;
  }
  for (const auto descriptor : FaultyBroker::leaked) ::close(descriptor);
  FaultyBroker::leaked.clear();
}

INSTANTIATE_TEST_SUITE_P(BrokerConformance, Mutants, ::testing::ValuesIn(mutants),
                         [](const auto& mutant) { return mutant.param.name; });

constexpr auto over_a_crash = "attempts_survive_the_crash_of_their_process";

TEST(BrokerConformance, WhatIsForgottenInACrashIsFound) {
  const auto report = run_broker_case(over_a_crash, log_with(Fault::none));
  EXPECT_EQ(report.verdict, Verdict::passed) << to_text({&report, 1});
  for (const auto fault : {Fault::forgets_what_was_begun, Fault::forgets_what_ended, Fault::blames_what_was_fetched,
                           Fault::forgets_attempts})
    EXPECT_EQ(run_broker_case(over_a_crash, log_with(fault)).verdict, Verdict::failed) << static_cast<int>(fault);
}

TEST(BrokerConformance, ACaseThatIsNotThereFails) {
  EXPECT_EQ(run_broker_case("no_such_case", with(Fault::none)).verdict, Verdict::failed);
}

}  // namespace
}  // namespace tidings::testing

// Without a fault, the same broker passes them all.
TIDINGS_BROKER_CONFORMANCE(healthy, tidings::testing::with(tidings::testing::Fault::none),
                           {"attempts_survive_the_crash_of_their_process",
                            "back_pressure_is_reported_within_the_deadline"});
