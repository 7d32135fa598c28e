#include "service/gate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidings::service {

namespace {

constexpr double rounding = 1e-6;  // so little is missing where tokens flowed in several parts

double burst_of(const RateLimit& rate) {
  return static_cast<double>(rate.burst == 0 ? rate.events : rate.burst);
}

}  // namespace

/// A token bucket: `events` tokens flow in each `per`, `burst` at most are kept.
void Gate::refill(SteadyTime now) {
  if (!refilled_) tokens_ = burst_of(rate_);
  const auto since = refilled_ && now > *refilled_ ? now - *refilled_ : Duration::zero();
  const auto share = static_cast<double>(since.count()) / static_cast<double>(rate_.per.count());
  tokens_ = std::min(burst_of(rate_), tokens_ + share * static_cast<double>(rate_.events));
  refilled_ = refilled_ ? std::max(*refilled_, now) : now;
}

Gate::Opening Gate::opening(SteadyTime now, std::size_t wanted) {
  if (paused_) return {};
  if (broken_) {
    if (probing_) return {};
    if (now < probe_at_) return {.events = 0, .next = probe_at_};
  }
  std::size_t events = std::numeric_limits<std::size_t>::max();
  if (rate_.events > 0) {
    refill(now);
    const auto needed = broken_ ? 1.0 : std::clamp(static_cast<double>(wanted), 1.0, burst_of(rate_));
    if (tokens_ + rounding < needed) {
      const auto wait = (needed - tokens_) * static_cast<double>(rate_.per.count()) / static_cast<double>(rate_.events);
      return {.events = 0, .next = now + Duration{static_cast<Duration::rep>(std::ceil(wait))}};
    }
    events = static_cast<std::size_t>(tokens_ + rounding);
  }
  return {.events = broken_ ? 1 : events, .next = {}};
}

void Gate::began(std::size_t events, SteadyTime now) {
  if (rate_.events > 0) {
    refill(now);
    tokens_ -= static_cast<double>(events);
  }
  if (broken_) probing_ = true;
}

void Gate::remember(bool success) {
  window_.push_back(success);
  if (!success) ++failed_;
  if (window_.size() > breaker_.window) {
    if (!window_.front()) --failed_;
    window_.pop_front();
  }
}

Gate::Change Gate::break_open(SteadyTime now) {
  pause_ = broken_ ? std::min(breaker_.longest, pause_ * 2) : std::min(breaker_.pause, breaker_.longest);
  broken_ = true;
  probing_ = false;
  probe_at_ = now + pause_;
  return Change::opened;
}

Gate::Change Gate::ended(std::size_t succeeded, std::size_t failed, SteadyTime now) {
  if (breaker_.window == 0) return Change::none;
  if (broken_) {
    // Those that had begun before it opened, and end now, tell as much as a probe does.
    if (failed > 0) return probing_ || now >= probe_at_ ? break_open(now) : Change::none;
    if (succeeded == 0) {
      probing_ = false;  // it said nothing: the next is tried
      return Change::none;
    }
    broken_ = probing_ = false;
    window_.clear();
    failed_ = 0;
    return Change::closed;
  }
  for (; succeeded > 0; --succeeded) remember(true);
  for (; failed > 0; --failed) remember(false);
  const auto share = static_cast<double>(failed_) / static_cast<double>(breaker_.window);
  return window_.size() >= breaker_.window && share >= breaker_.share ? break_open(now) : Change::none;
}

}  // namespace tidings::service
