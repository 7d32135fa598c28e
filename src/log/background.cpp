#include "log/background.hpp"

#include <algorithm>
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

void Background::post(const void* owner, Job job) {
  const std::scoped_lock lock(mutex_);
  const auto same = std::ranges::find(jobs_, owner, &std::pair<const void*, Job>::first);
  if (same != jobs_.end())
    same->second = std::move(job);
  else
    jobs_.emplace_back(owner, std::move(job));
  if (!thread_) thread_ = std::make_unique<std::thread>([this] { work(); });
  changed_.notify_all();
}

void Background::forget(const void* owner) {
  std::unique_lock lock(mutex_);
  std::erase_if(jobs_, [&](const auto& one) { return one.first == owner; });
  changed_.wait(lock, [&] { return running_ != owner; });
}

void Background::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stops_ || !jobs_.empty(); });
    if (stops_) return;
    const auto [owner, job] = std::move(jobs_.front());
    jobs_.erase(jobs_.begin());
    running_ = owner;
    lock.unlock();
    job();
    lock.lock();
    running_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace tidings::log
