#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "tidings/testing/broker_fixture.hpp"
#include "tidings/testing/conformance.hpp"

namespace tidings::testing {

/// What every broker must pass, case by case, in the order in which they build on one another. With GoogleTest,
/// `broker_conformance_gtest.hpp` makes a test of each; with anything else, run them as they stand: nothing here needs
/// a test framework, failures are values.
[[nodiscard]] std::span<const ConformanceCase> broker_conformance_cases();

/// Runs one case on a fresh broker. Failed, too, where there is no case of that name. Takes seconds at most, unless the
/// broker hangs: each wait ends, but far out.
[[nodiscard]] CaseReport run_broker_case(std::string_view name, const BrokerFixture& make);

/// Runs them all.
[[nodiscard]] std::vector<CaseReport> broker_conformance(const BrokerFixture& make);

}  // namespace tidings::testing
