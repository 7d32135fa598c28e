#pragma once

#include <memory>
#include <string>
#include <vector>

#include "findings.hpp"
#include "tidings/testing/broker_conformance.hpp"

namespace tidings::testing {

/// One run of a case over a broker.
class Trial : public Findings {
 public:
  explicit Trial(const BrokerFixture& make) : Trial(make()) {}
  /// Without a broker: for the threads of a case.
  explicit Trial(Duration patience) : Findings(patience) {}

  template <class Run>
  void guard(Run run) {
    Findings::guard([&] { run(*this); });
  }

  [[nodiscard]] BrokerUnderTest& under_test() { return *under_test_; }
  [[nodiscard]] std::unique_ptr<Broker> open();

  /// What the broker does not claim must answer `unsupported`; then the case ends as unsupported.
  template <class T>
  void lacks(const std::string& capability, const Result<T>& result) {
    check_error(result, "unsupported", Retry::never, "a broker without " + capability);
    unsupported("the broker's capabilities do not claim " + capability);
  }

 private:
  explicit Trial(std::unique_ptr<BrokerUnderTest> made) : Findings(made->patience()), under_test_(std::move(made)) {}

  std::unique_ptr<BrokerUnderTest> under_test_;
};

using CaseRun = void (*)(Trial&);
struct CaseEntry {
  ConformanceCase about;
  CaseRun run;
};

/// Parts of cases that need the service runtime.
void check_service_stops(Trial& trial, Broker& broker);
void check_service_ends_under_a_blocked_handler(Trial& trial);

// The cases, by subject.
[[nodiscard]] std::vector<CaseEntry> publish_cases();
[[nodiscard]] std::vector<CaseEntry> producer_cases();
[[nodiscard]] std::vector<CaseEntry> group_cases();
[[nodiscard]] std::vector<CaseEntry> acknowledge_cases();
[[nodiscard]] std::vector<CaseEntry> position_cases();
[[nodiscard]] std::vector<CaseEntry> lifecycle_cases();
[[nodiscard]] std::vector<CaseEntry> crash_cases();
[[nodiscard]] std::vector<CaseEntry> service_cases();
[[nodiscard]] std::vector<CaseEntry> load_cases();

}  // namespace tidings::testing
