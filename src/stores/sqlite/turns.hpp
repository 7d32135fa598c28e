#pragma once

#include <condition_variable>
#include <list>
#include <mutex>

#include "tidings/base/time.hpp"

namespace tidings::stores::sqlite {

/// One at a time, each in the order in which it came: a mutex lets who has just had it have it again, and a busy writer
/// would starve all others. Thread-safe.
class Turns {
 public:
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
  std::condition_variable free_;
  std::list<Waiter*> waiters_;
  bool is_taken_ = false;
  bool is_closed_ = false;
};

}  // namespace tidings::stores::sqlite
