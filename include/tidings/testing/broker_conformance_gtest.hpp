#pragma once

#include <gtest/gtest.h>

#include "tidings/testing/broker_conformance.hpp"

namespace tidings::testing {

/// A test of GoogleTest for each case, `BrokerConformance_<broker>.<case>`. Unsupported ones are skipped with the
/// reason, and listed at the end of the run. Call it before `RUN_ALL_TESTS`, or use the macro below at namespace scope.
inline bool register_broker_conformance(const std::string& broker, const BrokerFixture& make) {
  class CaseTest : public ::testing::Test {
   public:
    CaseTest(std::string_view name, BrokerFixture make_broker) : name_(name), make_(std::move(make_broker)) {}
    void TestBody() override {
      const auto report = run_broker_case(name_, make_);
      std::string reasons;
      for (const auto& reason : report.reasons) reasons += "\n  " + reason;
      if (report.verdict == Verdict::unsupported) GTEST_SKIP() << "unsupported:" << reasons;
      EXPECT_EQ(to_string(report.verdict), "passed") << reasons;
    }

   private:
    std::string_view name_;
    BrokerFixture make_;
  };
  for (const auto& conformance_case : broker_conformance_cases()) {
    ::testing::RegisterTest(
        ("BrokerConformance_" + broker).c_str(), std::string(conformance_case.name).c_str(), nullptr, nullptr, __FILE__,
        __LINE__, [name = conformance_case.name, make]() -> ::testing::Test* { return new CaseTest(name, make); });
  }
  return true;
}

}  // namespace tidings::testing

/// Registers the suite for a broker, in one line: `TIDINGS_BROKER_CONFORMANCE(mine,
/// tidings::testing::broker_at(fresh_url));`
#define TIDINGS_BROKER_CONFORMANCE(broker, ...)             \
  [[maybe_unused]] static const bool broker##_conformance = \
      ::tidings::testing::register_broker_conformance(#broker, __VA_ARGS__)
