#pragma once

#include <atomic>

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

/// A clock that moves only when told to, for tests. Thread-safe; neither copied nor moved, since others hold on to it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimePoint start = TimePoint{std::chrono::seconds{1'700'000'000}}) : start_(start) {}
  ManualClock(const ManualClock&) = delete;
  ManualClock& operator=(const ManualClock&) = delete;
  [[nodiscard]] TimePoint now() const override { return start_ + Duration{passed_.load()}; }
  [[nodiscard]] SteadyTime steady_now() const override { return SteadyTime{Duration{passed_.load()}}; }
  /// Both times go on by `by`. Who waits in real time for this clock is not woken.
  void advance(Duration by) { passed_.fetch_add(by.count()); }

 private:
  const TimePoint start_;
  std::atomic<Duration::rep> passed_ = 0;
};

}  // namespace tidings
