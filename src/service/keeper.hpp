#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace tidings::service {

/// A thread that calls `tick` every so often, and within milliseconds after `wake`; however often that is called, no
/// more than a few hundred times a second. Thread-safe.
class Keeper {
 public:
  explicit Keeper(std::function<void()> tick) : tick_(std::move(tick)) {}
  ~Keeper() { stop(); }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void start(std::chrono::nanoseconds every);
  void wake();
  /// Returns when no tick runs any more.
  void stop();

 private:
  void loop();

  std::function<void()> tick_;
  std::chrono::nanoseconds every_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tidings::service
