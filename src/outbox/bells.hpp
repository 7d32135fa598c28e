#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>

#include "tidings/base/time.hpp"
#include "tidings/outbox/tables.hpp"

namespace tidings::outbox {

/// Wakes a relay of this process. There as long as the relay is. Thread-safe.
class Bell {
 public:
  explicit Bell(const Tables& tables);
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring();
  /// Something is to be expected for a while.
  void announce();
  /// Until it rings, which it says, it is asked to stop, or the time is over; at most a millisecond where something was
  /// announced.
  bool wait(Duration wait_max, const std::stop_token& stop);

  /// Those of the relays of an outbox so called.
  static void ring(const std::string& name);
  static void announce(const std::string& name);
  [[nodiscard]] static bool is_any() { return count_.load(std::memory_order_relaxed) != 0; }

 private:
  static inline std::atomic<int> count_ = 0;

  const std::string name_;
  std::mutex mutex_;
  std::condition_variable_any rung_;
  bool is_rung_ = false;
  std::atomic<std::int64_t> expected_until_ = 0;  // of the steady clock
};

}  // namespace tidings::outbox
