#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tidings/base/clock.hpp"

namespace tidings::log {

/// One thread for what a log does behind its callers' backs; started with the first job. Thread-safe.
class Background {
 public:
  using Job = std::function<void()>;

  Background();
  /// In a child of a fork it does nothing: the thread is its parent's.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Runs `job` soon, which does not throw; one of the same owner that has not begun yet gives way to it.
  void post(const void* owner, Job job) { post_after(Duration{}, owner, std::move(job)); }
  /// The same, not before `delay` has passed.
  void post_after(Duration delay, const void* owner, Job job);
  /// Returns once no job of this owner runs, or will. Not from a job.
  void forget(const void* owner);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Posted {
    const void* owner = nullptr;
    Job job;
    Time due;
  };
  void work();

  const unsigned forks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Posted> jobs_;
  const void* running_ = nullptr;
  bool stops_ = false;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace tidings::log
