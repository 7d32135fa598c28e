#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tidings/testing/conformance.hpp"

namespace tidings::testing {

/// A test of GoogleTest for each case, `<suite>.<case>`. Those that `unsupported` names are skipped with the reason; it
/// is exact: one that is unsupported and not named fails, and so does one that is named and runs, or that is no case.
inline bool register_conformance(const std::string& suite, std::span<const ConformanceCase> cases,
                                 const std::function<CaseReport(const std::string& name)>& run,
                                 const std::vector<std::string>& unsupported) {
  class CaseTest : public ::testing::Test {
   public:
    CaseTest(std::string name, std::function<CaseReport(const std::string&)> run_case, Verdict expected)
        : name_(std::move(name)), run_(std::move(run_case)), expected_(expected) {}
    void TestBody() override {
      const auto report = run_(name_);
      std::string reasons;
      for (const auto& reason : report.reasons) reasons += "\n  " + reason;
      EXPECT_EQ(to_string(report.verdict), to_string(expected_)) << reasons;
      if (report.verdict == Verdict::unsupported) GTEST_SKIP() << "unsupported:" << reasons;
    }

   private:
    std::string name_;
    std::function<CaseReport(const std::string&)> run_;
    Verdict expected_;
  };
  auto unknown = unsupported;
  const auto add = [&](const std::string& name, Verdict expected) {
    ::testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [=]() -> ::testing::Test* { return new CaseTest(name, run, expected); });
  };
  for (const auto& conformance_case : cases) {
    const std::string name(conformance_case.name);
    add(name, std::erase(unknown, name) > 0 ? Verdict::unsupported : Verdict::passed);
  }
  for (const auto& name : unknown) add(name, Verdict::unsupported);  // which fails: there is no such case
  return true;
}

}  // namespace tidings::testing
