#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "tidings/base/result.hpp"
#include "tidings/service/options.hpp"

namespace tidings::service {

/// Whether a handler may begin something now: somebody has paused it, its rate is used up, or its circuit breaker has
/// opened. What has been fetched waits in its lanes meanwhile, in order. Not thread-safe: under the handling's mutex.
class Gate {
 public:
  Gate(const RateLimit& rate, const CircuitBreaker& breaker) : rate_(rate), breaker_(breaker) {}

  /// Without a limit and a breaker, and not paused: nothing needs to be asked or told.
  [[nodiscard]] bool is_plain() const { return rate_.events == 0 && breaker_.window == 0 && !paused_; }

  struct Opening {
    std::size_t events = 0;          ///< may begin now, as one turn
    std::optional<SteadyTime> next;  ///< where none may: when to ask again; none: when something has changed
  };
  /// The next turn has `wanted` events. The rate lets it begin when there is room for all of them, or for a whole
  /// burst: what began with the first of them would cut a batch to pieces as small as the rate.
  [[nodiscard]] Opening opening(SteadyTime now, std::size_t wanted = 1);
  /// A turn of so many begins, which `opening` allowed.
  void began(std::size_t events, SteadyTime now);

  enum class Change { none, opened, closed };
  /// The turn is over: so many of its attempts have succeeded, and have failed in a way that trying again may mend.
  /// What is wrong with the event alone counts as neither. `at` is asked at `now`.
  Change ended(std::size_t succeeded, std::size_t failed, SteadyTime now);
  /// For how long the breaker is open, and of its window how many have failed, for people.
  [[nodiscard]] Duration pause() const { return pause_; }
  [[nodiscard]] std::size_t failed() const { return failed_; }
  [[nodiscard]] std::size_t attempts() const { return window_.size(); }

  void set_paused(bool paused) { paused_ = paused; }
  [[nodiscard]] bool is_paused() const { return paused_; }
  [[nodiscard]] bool is_broken() const { return broken_; }

 private:
  void refill(SteadyTime now);
  void remember(bool success);
  Change break_open(SteadyTime now);

  const RateLimit rate_;
  const CircuitBreaker breaker_;
  bool paused_ = false;

  double tokens_ = 0;  // below nothing after a batch of more than there were: its debt is waited for
  std::optional<SteadyTime> refilled_;

  std::deque<bool> window_;  // of the last attempts, whether each succeeded
  std::size_t failed_ = 0;   // in it
  bool broken_ = false;
  bool probing_ = false;  // one turn runs while it is open, to see
  SteadyTime probe_at_{};
  Duration pause_{};
};

}  // namespace tidings::service
