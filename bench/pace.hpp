#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "table.hpp"

namespace bench {

/// How fast events pass: the median of the times that each next `step` of them take. A moment in which the machine does
/// something else makes a few of those long, and does not count.
class Pace {
 public:
  explicit Pace(std::uint64_t step) : step_(step) {
    times_.reserve(times_max);
    note();
  }

  /// One event.
  void pass() {
    if (++passed_ % step_ == 0) note();
  }
  /// So many that `step` of them have passed since the last call.
  void pass_step() {
    passed_ += step_;
    note();
  }
  [[nodiscard]] std::uint64_t passed() const { return passed_; }

  /// Of one event. 0 where fewer than a step passed.
  [[nodiscard]] double nanoseconds() const {
    std::vector<double> each;
    for (std::size_t i = 1; i < times_.size(); ++i)
      each.push_back(std::chrono::duration<double, std::nano>(times_[i] - times_[i - 1]).count() /
                     static_cast<double>(step_));
    return figure_of(std::move(each)).median;
  }

 private:
  static constexpr std::size_t times_max = 1 << 17;  // the later ones are as good; nothing is allocated on the way

  void note() {
    if (times_.size() < times_max) times_.push_back(std::chrono::steady_clock::now());
  }

  std::uint64_t step_;
  std::uint64_t passed_ = 0;
  std::vector<std::chrono::steady_clock::time_point> times_;
};

}  // namespace bench
