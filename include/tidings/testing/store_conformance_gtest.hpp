#pragma once

#include <string>
#include <vector>

#include "tidings/testing/conformance_gtest.hpp"
#include "tidings/testing/store_conformance.hpp"

namespace tidings::testing {

/// A test of GoogleTest for each case, `StoreConformance_<store>.<case>`, as `register_conformance` makes them. Call it
/// before `RUN_ALL_TESTS`, or use the macro below at namespace scope.
inline bool register_store_conformance(const std::string& store, const StoreFixture& make,
                                       const std::vector<std::string>& unsupported = {}) {
  return register_conformance(
      "StoreConformance_" + store, store_conformance_cases(),
      [make](const std::string& name) { return run_store_case(name, make); }, unsupported);
}

}  // namespace tidings::testing

/// Registers the suite for a store, in one line, with what it does not support where there is any:
/// `TIDINGS_STORE_CONFORMANCE(mine, tidings::testing::store_at(fresh_url), {"a_case", "another"});`
#define TIDINGS_STORE_CONFORMANCE(store, ...)              \
  [[maybe_unused]] static const bool store##_conformance = \
      ::tidings::testing::register_store_conformance(#store, __VA_ARGS__)
