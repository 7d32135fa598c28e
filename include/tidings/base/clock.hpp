#pragma once

#include "tidings/base/time.hpp"

namespace tidings {

/// The seam to time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, for stamps only.
  [[nodiscard]] virtual TimePoint now() const = 0;
  /// Time that never goes back, for deadlines and delays.
  [[nodiscard]] virtual SteadyTime steady_now() const = 0;
};

/// The machine's clocks; lives as long as the process.
[[nodiscard]] Clock& system_clock();

/// A clock that moves only when told to, for tests. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimePoint start = TimePoint{std::chrono::seconds{1'700'000'000}});
  ~ManualClock() override;
  [[nodiscard]] TimePoint now() const override;
  [[nodiscard]] SteadyTime steady_now() const override;
  void advance(Duration by);

 private:
  struct State;
  State* state_;
};

}  // namespace tidings
