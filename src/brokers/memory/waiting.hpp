#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "brokers/memory/group.hpp"

namespace tidings::brokers::memory {

/// A member's wait, at most `wait_max` of real time. What is due goes by the member's clock: one that is set by hand
/// tells nobody that it moved, so it is looked at again and again.
class Waiting {
 public:
  Waiting(Member& member, Duration wait_max)
      : member_(member), until_(deadline_after(std::chrono::steady_clock::now(), wait_max)) {}

  /// Returns at a notification, at `due`, or at the end. False: the end had come.
  bool wait(std::unique_lock<std::mutex>& lock, std::optional<SteadyTime> due) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= until_) return false;
    auto until = until_;
    if (due) until = std::min(until, deadline_after(now, *due - member_.clock->steady_now()));
    if (member_.clock != &system_clock()) until = std::min(until, now + std::chrono::milliseconds{2});
    ++member_.waiting;
    member_.wake.wait_until(lock, until);
    --member_.waiting;
    return true;
  }

 private:
  Member& member_;
  SteadyTime until_;
};

}  // namespace tidings::brokers::memory
