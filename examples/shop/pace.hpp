#pragma once

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

namespace shop {

/// Holds a service to so many events a second, as the work of a real one would: what takes no time at all cannot be
/// watched. Thread-safe; the workers of a service share one.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  /// `per_second` 0: as fast as it goes.
  explicit Pace(double per_second)
      : each_(per_second > 0 ? std::chrono::duration<double>(1 / per_second) : std::chrono::duration<double>(0)) {}

  /// From the setting `pace`; ends the program, as wrong settings do, where it is no number from 0 to a million.
  static Pace from_setting(std::string_view text) {
    double per_second = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), per_second);
    if (error == std::errc{} && end == text.data() + text.size() && per_second >= 0 && per_second <= 1e6)
      return Pace(per_second);
    std::fprintf(stderr, "--pace is a number of events a second, at most a million, or 0 for no limit\n");
    std::exit(2);
  }

  /// Returns when so many more events may be done.
  void take(std::size_t events) {
    if (each_.count() <= 0) return;
    std::unique_lock lock(mutex_);
    next_ = std::max(next_, Clock::now()) +
            std::chrono::duration_cast<Clock::duration>(each_ * static_cast<double>(events));
    const auto until = next_;
    lock.unlock();
    // tidings: allow(blocking-in-handler): to hold the handler back is what this is for
    std::this_thread::sleep_until(until);
  }

 private:
  std::chrono::duration<double> each_;
  std::mutex mutex_;
  Clock::time_point next_{};
};

}  // namespace shop
