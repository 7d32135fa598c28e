#pragma once

#include <string>
#include <vector>

#include "tidings/testing/broker_conformance.hpp"
#include "tidings/testing/conformance_gtest.hpp"

namespace tidings::testing {

/// A test of GoogleTest for each case, `BrokerConformance_<broker>.<case>`, as `register_conformance` makes them. Call
/// it before `RUN_ALL_TESTS`, or use the macro below at namespace scope.
inline bool register_broker_conformance(const std::string& broker, const BrokerFixture& make,
                                        const std::vector<std::string>& unsupported = {}) {
  return register_conformance(
      "BrokerConformance_" + broker, broker_conformance_cases(),
      [make](const std::string& name) { return run_broker_case(name, make); }, unsupported);
}

}  // namespace tidings::testing

/// Registers the suite for a broker, in one line, with what it does not support where there is any:
/// `TIDINGS_BROKER_CONFORMANCE(mine, tidings::testing::broker_at(fresh_url), {"a_case", "another"});`
#define TIDINGS_BROKER_CONFORMANCE(broker, ...)             \
  [[maybe_unused]] static const bool broker##_conformance = \
      ::tidings::testing::register_broker_conformance(#broker, __VA_ARGS__)
