#include "tidings/store/turns.hpp"

namespace tidings {

Turns::Got Turns::take(SteadyTime until) {
  std::unique_lock lock(mutex_);
  if (is_closed_) return Got::closed;
  if (free_ > 0) {
    --free_;
    return Got::turn;
  }
  Waiter own;
  const auto place = waiters_.insert(waiters_.end(), &own);
  own.changed.wait_until(lock, until, [&] { return own.is_served || is_closed_; });
  if (own.is_served) return Got::turn;
  waiters_.erase(place);
  return is_closed_ ? Got::closed : Got::nothing;
}

void Turns::give_back() {
  const std::scoped_lock lock(mutex_);
  if (waiters_.empty() || is_closed_) {
    ++free_;
    given_back_.notify_all();
    return;
  }
  auto& next = *waiters_.front();
  waiters_.pop_front();
  next.is_served = true;
  next.changed.notify_one();
}

bool Turns::close(SteadyTime until) {
  std::unique_lock lock(mutex_);
  is_closed_ = true;
  for (auto* waiter : waiters_) waiter->changed.notify_one();
  return given_back_.wait_until(lock, until, [&] { return free_ == places_; });
}

}  // namespace tidings
