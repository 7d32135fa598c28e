#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tidings/testing/broker_conformance.hpp"

namespace tidings::testing {

/// A test of GoogleTest for each case, `BrokerConformance_<broker>.<case>`. Those that `unsupported` names are skipped
/// with the reason; it is exact: one that is unsupported and not named fails, and so does one that is named and runs,
/// or that is no case. Call it before `RUN_ALL_TESTS`, or use the macro below at namespace scope.
inline bool register_broker_conformance(const std::string& broker, const BrokerFixture& make,
                                        const std::vector<std::string>& unsupported = {}) {
  class CaseTest : public ::testing::Test {
   public:
    CaseTest(std::string name, BrokerFixture make_broker, Verdict expected)
        : name_(std::move(name)), make_(std::move(make_broker)), expected_(expected) {}
    void TestBody() override {
      const auto report = run_broker_case(name_, make_);
      std::string reasons;
      for (const auto& reason : report.reasons) reasons += "\n  " + reason;
      EXPECT_EQ(to_string(report.verdict), to_string(expected_)) << reasons;
      if (report.verdict == Verdict::unsupported) GTEST_SKIP() << "unsupported:" << reasons;
    }

   private:
    std::string name_;
    BrokerFixture make_;
    Verdict expected_;
  };
  auto unknown = unsupported;
  const auto add = [&](const std::string& name, Verdict expected) {
    ::testing::RegisterTest(("BrokerConformance_" + broker).c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [=]() -> ::testing::Test* { return new CaseTest(name, make, expected); });
  };
  for (const auto& conformance_case : broker_conformance_cases()) {
    const std::string name(conformance_case.name);
    add(name, std::erase(unknown, name) > 0 ? Verdict::unsupported : Verdict::passed);
  }
  for (const auto& name : unknown) add(name, Verdict::unsupported);  // which fails: there is no such case
  return true;
}

}  // namespace tidings::testing

/// Registers the suite for a broker, in one line, with what it does not support where there is any:
/// `TIDINGS_BROKER_CONFORMANCE(mine, tidings::testing::broker_at(fresh_url), {"a_case", "another"});`
#define TIDINGS_BROKER_CONFORMANCE(broker, ...)             \
  [[maybe_unused]] static const bool broker##_conformance = \
      ::tidings::testing::register_broker_conformance(#broker, __VA_ARGS__)
