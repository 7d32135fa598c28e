#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "tidings/testing/conformance.hpp"
#include "tidings/testing/store_fixture.hpp"

namespace tidings::testing {

/// What every store must pass, case by case. With GoogleTest, `store_conformance_gtest.hpp` makes a test of each; with
/// anything else, run them as they stand.
[[nodiscard]] std::span<const ConformanceCase> store_conformance_cases();

/// Runs one case on a fresh store. Failed, too, where there is no case of that name. Takes seconds at most, unless the
/// store hangs: each wait ends, but far out.
[[nodiscard]] CaseReport run_store_case(std::string_view name, const StoreFixture& make);

/// Runs them all.
[[nodiscard]] std::vector<CaseReport> store_conformance(const StoreFixture& make);

}  // namespace tidings::testing
