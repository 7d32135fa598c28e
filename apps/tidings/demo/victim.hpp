#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "demo/lags.hpp"

namespace tidings::cli {

/// The one service that is killed midway, is dead for a while, and catches up. It says what is to be done; somebody
/// else does it.
class Victim {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class State { none, alive, dead, catching_up, caught_up };
  enum class Step { kill, restart, has_caught_up };

  // At a rate that is watched, it is dead for so long: catching up would be over in a blink otherwise.
  static constexpr std::chrono::seconds dead_for{4}, dead_for_max{30};

  /// `service`: one that there is, or none. `total`: of what is fed. `has_rate`: the others are to be seen going on.
  Victim(std::size_t service, std::uint64_t total, bool has_rate);

  struct Seen {
    Time now{};
    std::uint64_t fed = 0;
    bool is_held_up = false;  ///< no more is fed before the services have done more
    bool is_quiet = false;    ///< nothing waits for any service
    Progress victim;
  };
  /// To be asked again and again. What it answers is taken as done.
  [[nodiscard]] std::optional<Step> next(const Seen& seen);

  /// The rest is fed once it is dead, as far as it has something to do before.
  [[nodiscard]] std::uint64_t feed_until() const { return state_ == State::alive ? feed_until_ : total_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool is(std::size_t service) const { return state_ != State::none && service == service_; }
  [[nodiscard]] bool is_dead(std::size_t service) const { return state_ == State::dead && service == service_; }
  /// Nothing more is to be done to it.
  [[nodiscard]] bool is_over() const { return state_ == State::none || state_ == State::caught_up; }
  [[nodiscard]] std::uint64_t lag_at_restart() const { return lag_at_restart_; }
  [[nodiscard]] double caught_up_seconds() const { return caught_up_seconds_; }

 private:
  [[nodiscard]] bool is_time_to_kill(const Seen& seen);
  [[nodiscard]] bool is_time_to_restart(const Seen& seen) const;

  std::size_t service_;
  std::uint64_t total_;
  bool has_rate_;
  State state_;
  std::uint64_t feed_until_, feed_step_ = 1;  // while it lives
  Time killed_at_{}, restarted_at_{};
  std::uint64_t lag_at_restart_ = 0;
  double caught_up_seconds_ = 0;
};

}  // namespace tidings::cli
