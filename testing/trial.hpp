#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tidings/testing/broker_conformance.hpp"

namespace tidings::testing {

/// How long a case watches that nothing comes. Too short, it misses a fault; it never makes one up.
constexpr Duration glance = std::chrono::milliseconds{60};

/// One run of a case: makes handles, takes down what fails.
class Trial {
 public:
  /// Thrown to end a case early; the failures stand in the trial.
  struct Stop {};

  explicit Trial(const BrokerFixture& make) : under_test_(make()), patience_(under_test_->patience()) {}
  /// Without a broker: for the threads of a case.
  explicit Trial(Duration patience) : patience_(patience) {}

  /// How long a case waits for what must come. No test measures it: it ends runs that would hang.
  [[nodiscard]] Duration patience() const { return patience_; }

  /// Runs it, and takes down what comes out.
  template <class Run>
  void guard(Run run) {
    try {
      run(*this);
    } catch (const Stop&) {
      // What ended it stands here already.
    } catch (const std::exception& error) {
      check(false, std::string("an exception came out of the broker: ") + error.what());
    }
  }
  /// Takes down another's failures.
  void take_over(const Trial& other);

  [[nodiscard]] BrokerUnderTest& under_test() { return *under_test_; }
  [[nodiscard]] std::unique_ptr<Broker> open();

  /// Takes down `what` if it is not so.
  bool check(bool holds, const std::string& what);
  /// And ends the case.
  void require(bool holds, const std::string& what);
  /// The call must have worked.
  template <class T>
  T need(Result<T> result, const std::string& what) {
    require(result.has_value(), what + (result ? "" : " failed: " + to_string(result.error())));
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }
  /// The call must have failed so.
  template <class T>
  void check_error(const Result<T>& result, std::string_view code, Retry retry, const std::string& what) {
    if (!check(!result.has_value(), what + " went through; it should answer " + std::string(code))) return;
    check(result.error().code == code,
          what + " answered " + to_string(result.error()) + "; it should be " + std::string(code));
    check(result.error().retry == retry, what + " answered " + std::string(code) + ", but is wrong about trying again");
  }
  /// What the broker does not claim must answer `unsupported`; then the case ends as unsupported.
  template <class T>
  void lacks(const std::string& capability, const Result<T>& result) {
    check_error(result, "unsupported", Retry::never, "a broker without " + capability);
    unsupported("the broker's capabilities do not claim " + capability);
  }
  /// Ends the case as unsupported, unless something has failed already.
  [[noreturn]] void unsupported(const std::string& why);

  [[nodiscard]] CaseReport report(std::string_view name) const;

 private:
  std::unique_ptr<BrokerUnderTest> under_test_;
  Duration patience_;
  std::vector<std::string> failures_;
  std::size_t failures_more_ = 0;
  std::string unsupported_;
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
