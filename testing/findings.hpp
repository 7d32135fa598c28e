#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"
#include "tidings/testing/conformance.hpp"

namespace tidings::testing {

/// How long a case watches that nothing comes. Too short, it misses a fault; it never makes one up.
constexpr Duration glance = std::chrono::milliseconds{60};

/// What one run of a case finds: takes down what fails. For one thread; each other thread of a case has its own, which
/// is taken over.
class Findings {
 public:
  /// Thrown to end a case early; the failures stand here.
  struct Stop {};

  explicit Findings(Duration patience) : patience_(patience) {}

  /// How long a case waits for what must come. No test measures it: it ends runs that would hang.
  [[nodiscard]] Duration patience() const { return patience_; }

  /// Runs it, and takes down what comes out.
  template <class Run>
  void guard(Run run) {
    try {
      run();
    } catch (const Stop&) {
      // What ended it stands here already.
    } catch (const std::exception& error) {
      check(false, std::string("an exception came out: ") + error.what());
    }
  }
  /// Takes down another's failures, or what it lacks.
  void take_over(const Findings& other);

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
  /// Ends the case as unsupported, unless something has failed already.
  [[noreturn]] void unsupported(const std::string& why);

  [[nodiscard]] CaseReport report(std::string_view name) const;

 private:
  Duration patience_;
  std::vector<std::string> failures_;
  std::size_t failures_more_ = 0;
  std::string unsupported_;
};

}  // namespace tidings::testing
