#include "log/background.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "tidings/base/forks.hpp"

namespace tidings::log {

Background::Background() : forks_(fork_count()) {}

Background::~Background() {
  if (fork_count() != forks_) {
    (void)thread_.release();  // it is not there to be joined
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    stops_ = true;
  }
  changed_.notify_all();
  if (thread_) thread_->join();
}

void Background::put(const void* owner, Duration delay, RepeatedJob job) {
  const auto due = std::chrono::steady_clock::now() + delay;
  const std::scoped_lock lock(mutex_);
  erase(owner);
  jobs_.push_back({owner, due, std::move(job)});
  try {
    if (!thread_) thread_ = std::make_unique<std::thread>([this] { work(); });
  } catch (const std::system_error&) {
    return;  // the system has no thread left for us now: the next that is posted tries again
  }
  changed_.notify_all();
}

void Background::post_after(Duration delay, const void* owner, Job job) {
  put(owner, delay, [job = std::move(job)]() -> std::optional<Duration> {
    job();
    return std::nullopt;
  });
}

void Background::forget(const void* owner) {
  std::unique_lock lock(mutex_);
  erase(owner);
  changed_.wait(lock, [&] { return running_ != owner; });
}

/// What runs is not repeated, either. Under the mutex.
void Background::erase(const void* owner) {
  std::erase_if(jobs_, [&](const auto& one) { return one.owner == owner; });
  if (running_ == owner) repeats_ = false;
}

void Background::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stops_ || !jobs_.empty(); });
    if (stops_) return;
    const auto first = std::ranges::min_element(jobs_, {}, &Posted::due);
    if (const auto due = first->due; due > std::chrono::steady_clock::now()) {
      changed_.wait_until(lock, due);
      continue;
    }
    auto posted = std::move(*first);
    jobs_.erase(first);
    running_ = posted.owner;
    repeats_ = true;
    lock.unlock();
    const auto again = posted.job();
    lock.lock();
    running_ = nullptr;
    if (again && repeats_) {
      posted.due = std::chrono::steady_clock::now() + *again;
      jobs_.push_back(std::move(posted));
    }
    changed_.notify_all();
  }
}

}  // namespace tidings::log
