#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/testing/broker_fixture.hpp"

namespace tidings::testing {

/// What every broker must pass, case by case. With GoogleTest, `broker_conformance_gtest.hpp` makes a test of each;
/// with anything else, run them as they stand: nothing here needs a test framework, failures are values.
struct ConformanceCase {
  std::string_view name;     ///< `delivers_every_acknowledged_publish`
  std::string_view meaning;  ///< in a sentence
};

/// All of them, in the order in which they build on one another.
[[nodiscard]] std::span<const ConformanceCase> broker_conformance_cases();

enum class Verdict { passed, failed, unsupported };

[[nodiscard]] std::string_view to_string(Verdict verdict);

struct CaseReport {
  std::string name;
  Verdict verdict = Verdict::passed;
  std::vector<std::string> reasons;  ///< what failed; or what the broker or its fixture lacks
};

/// Runs one case on a fresh broker. Failed, too, where there is no case of that name. Takes seconds at most, unless the
/// broker hangs: each wait ends, but far out.
[[nodiscard]] CaseReport run_broker_case(std::string_view name, const BrokerFixture& make);

/// Runs them all.
[[nodiscard]] std::vector<CaseReport> broker_conformance(const BrokerFixture& make);

/// A line for each, and under it the reasons.
[[nodiscard]] std::string to_text(std::span<const CaseReport> reports);

}  // namespace tidings::testing
