#include "demo/victim.hpp"

#include <algorithm>

namespace tidings::cli {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t lag_min = 10;

}  // namespace

Victim::Victim(std::size_t service, std::uint64_t total, bool has_rate)
    : service_(service),
      total_(total),
      has_rate_(has_rate),
      state_(service < service_count ? State::alive : State::none),
      feed_until_(has_rate ? (total + 3) / 4 : (total + 1) / 2) {}

bool Victim::is_time_to_kill(const Seen& seen) {
  if (seen.victim.handled == 0) {
    if (seen.fed < feed_until_ || !seen.is_quiet) return false;
    // All that was fed gave it nothing to do: it gets more.
    feed_until_ = std::min(total_, feed_until_ + feed_step_);
    feed_step_ *= 2;
  }
  return seen.fed >= feed_until_;
}

/// Once enough waits for it that its catching up can be seen, or nothing more will come.
bool Victim::is_time_to_restart(const Seen& seen) const {
  const auto dead = seen.now - killed_at_;
  const bool all_is_fed = seen.fed >= total_;
  if (!has_rate_) return dead >= 300ms && (all_is_fed || seen.is_held_up || dead > dead_for);
  if (all_is_fed) return dead >= 2500ms;
  return dead >= dead_for && (seen.victim.lag >= lag_min || dead > dead_for_max);
}

std::optional<Victim::Step> Victim::next(const Seen& seen) {
  switch (state_) {
    case State::alive:
      if (!is_time_to_kill(seen)) break;
      state_ = State::dead;
      killed_at_ = seen.now;
      return Step::kill;
    case State::dead:
      if (!is_time_to_restart(seen)) break;
      state_ = State::catching_up;
      restarted_at_ = seen.now;
      lag_at_restart_ = seen.victim.lag;
      return Step::restart;
    case State::catching_up:
      if (!seen.victim.held || seen.victim.lag > 0) break;
      state_ = State::caught_up;
      caught_up_seconds_ = std::chrono::duration<double>(seen.now - restarted_at_).count();
      return Step::has_caught_up;
    case State::none:
    case State::caught_up:
      break;
  }
  return std::nullopt;
}

}  // namespace tidings::cli
