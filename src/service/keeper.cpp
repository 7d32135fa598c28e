#include "service/keeper.hpp"

namespace tidings::service {

namespace {
using namespace std::chrono_literals;
constexpr auto gather = 2ms;  // between wake and tick, so that one tick serves many
}  // namespace

void Keeper::start(std::chrono::nanoseconds every) {
  every_ = every;
  thread_ = std::thread([this] { loop(); });
}

void Keeper::wake() {
  // Read first: workers ask for it with nearly every event, and an exchange would take the line from one another. Who
  // sees an old `true` here has told what it is about before the keeper looks: both do under one mutex.
  if (woken_.load(std::memory_order_relaxed) || woken_.exchange(true)) return;
  const std::scoped_lock lock(mutex_);
  changed_.notify_one();
}

void Keeper::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Keeper::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, every_, [&] { return stopping_ || woken_; });
    if (woken_) changed_.wait_for(lock, gather, [&] { return stopping_; });
    if (stopping_) return;
    woken_ = false;
    lock.unlock();
    tick_();
    lock.lock();
  }
}

}  // namespace tidings::service
