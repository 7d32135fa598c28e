#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "demo/services.hpp"

namespace tidings::cli {

/// Services killed at random, again and again, spread over what is fed, each started again at once or after a while.
/// Who, when and for how long is drawn from a seed. It says what is to be done; somebody else does it.
class Chaos {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Kill {
    std::size_t service = 0;
    std::uint64_t fed = 0;             ///< when so many are fed, and the kill before it has been done,
    std::chrono::microseconds wait{};  ///< and so much later: something is under way then, here or there
    std::chrono::milliseconds dead_for{};
    std::uint64_t feed_until = 0;  ///< no more is fed before it: more than `fed`, so that it meets services at work
  };
  struct Step {
    enum class Kind { kill, restart } kind = Kind::kill;
    std::size_t service = 0;
  };

  /// `total`: of what is fed; 1 at least.
  Chaos(std::uint64_t kills, std::uint64_t total, std::uint64_t seed);

  /// To be asked again until there is nothing. What it answers is taken as done. A service that is dead is not killed
  /// again before it is back.
  [[nodiscard]] std::optional<Step> next(Time now, std::uint64_t fed);

  /// So many may be fed before the next kill.
  [[nodiscard]] std::uint64_t feed_until() const { return done_ < kills_.size() ? kills_[done_].feed_until : total_; }
  /// All have been killed who were to be, and are back.
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] bool is_dead(std::size_t service) const { return restart_at_[service].has_value(); }
  [[nodiscard]] std::uint64_t killed(std::size_t service) const { return killed_[service]; }
  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] const std::vector<Kill>& kills() const { return kills_; }

 private:
  std::vector<Kill> kills_;
  std::uint64_t total_;
  std::size_t done_ = 0;
  std::optional<Time> due_{};  // the next kill's wait has begun
  std::optional<Time> restart_at_[service_count];
  std::uint64_t killed_[service_count] = {};
};

}  // namespace tidings::cli
