#pragma once

#include <condition_variable>
#include <cstddef>
#include <list>
#include <mutex>

#include "tidings/base/time.hpp"

namespace tidings {

/// For stores: so many at a time, each in the order in which it came. A mutex lets who has just had it have it again,
/// and a busy writer would starve all others. Thread-safe.
class Turns {
 public:
  explicit Turns(std::size_t places = 1) : free_(places), places_(places) {}

  enum class Got { turn, nothing, closed };
  /// Waits until then (real time).
  Got take(SteadyTime until);
  void give_back();
  /// Nobody gets a turn any more. False: somebody has one by then still.
  bool close(SteadyTime until);

 private:
  struct Waiter {
    std::condition_variable changed;
    bool is_served = false;
  };

  std::mutex mutex_;
  std::condition_variable given_back_;
  std::list<Waiter*> waiters_;  // there are none while a place is free
  std::size_t free_;
  const std::size_t places_;
  bool is_closed_ = false;
};

}  // namespace tidings
