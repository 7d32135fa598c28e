// The examples of docs/testing.md, as they stand there.
#include <iostream>
#include <string>

#include "tidings/testing/broker_conformance_gtest.hpp"

namespace {

std::string fresh_url() {
  static int number = 0;
  return "memory:example-" + std::to_string(number++);
}

}  // namespace

TIDINGS_BROKER_CONFORMANCE(mine, tidings::testing::broker_at([] { return fresh_url(); }),
                           {"attempts_survive_the_crash_of_their_process",
                            "back_pressure_is_reported_within_the_deadline",
                            "an_unknown_outcome_is_told_apart_from_a_failure",
                            "what_was_acknowledged_stays_so_after_a_restart",
                            "a_producers_events_are_known_after_a_restart", "reconnects_after_the_broker_restarts"});

TEST(BrokerConformance, RunsWithoutATestFrameworkToo) {
  const auto fixture = tidings::testing::broker_at(fresh_url);
  const auto report = tidings::testing::run_broker_case("lag_is_exact", fixture);
  std::cout << tidings::testing::to_text({&report, 1});
  EXPECT_EQ(report.verdict, tidings::testing::Verdict::passed);
}

TEST(BrokerConformance, ReportsWhatIsUnsupportedWithTheReason) {
  const auto fixture = tidings::testing::broker_at(fresh_url);
  for (const auto* name : {"what_was_acknowledged_stays_so_after_a_restart",
                           "a_producers_events_are_known_after_a_restart", "reconnects_after_the_broker_restarts"}) {
    const auto report = tidings::testing::run_broker_case(name, fixture);
    EXPECT_EQ(report.verdict, tidings::testing::Verdict::unsupported) << name;
    ASSERT_EQ(report.reasons.size(), 1u) << name;
    EXPECT_NE(tidings::testing::to_text({&report, 1}).find(report.reasons[0]), std::string::npos) << name;
  }
}
