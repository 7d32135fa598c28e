// The test kit, without a test framework.
#include <cstdio>

#include "tidings/testing/broker_conformance.hpp"

int main() {
  const auto fixture = tidings::testing::broker_at([] { return "memory:kit"; });
  const auto report = tidings::testing::run_broker_case("lag_is_exact", fixture);
  std::puts(tidings::testing::to_text({&report, 1}).c_str());
  return report.verdict == tidings::testing::Verdict::passed ? 0 : 1;
}
