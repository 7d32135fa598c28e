#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "tidings/base/time.hpp"

namespace tidings::log {

/// One thread for what a log does behind its callers' backs; started with the first job. Thread-safe.
class Background {
 public:
  using Job = std::function<void()>;
  using RepeatedJob = std::function<std::optional<Duration>()>;

  Background();
  /// In a child of a fork it does nothing: the thread is its parent's.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Runs `job` soon, which does not throw; one of the same owner that has not begun yet gives way to it. Where
  /// the system has no thread it waits for the next call.
  void post(const void* owner, Job job) { post_after(Duration{}, owner, std::move(job)); }
  /// The same, not before `delay` has passed.
  void post_after(Duration delay, const void* owner, Job job);
  /// The same, and again after what it returned, until that is nothing.
  void repeat(const void* owner, Duration delay, RepeatedJob job) { put(owner, delay, std::move(job)); }
  /// Returns once no job of this owner runs, or will. Not from a job.
  void forget(const void* owner);

 private:
  struct Posted {
    const void* owner = nullptr;
    SteadyTime due{};
    RepeatedJob job{};
  };
  void put(const void* owner, Duration delay, RepeatedJob job);
  void erase(const void* owner);
  void work();

  const unsigned forks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Posted> jobs_;
  const void* running_ = nullptr;
  bool repeats_ = false;  // what runs, where it says so
  bool stops_ = false;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace tidings::log
