#include <algorithm>

#include "log/partition_log.hpp"

namespace tidings::log {

Result<> PartitionLog::sync_to(std::uint64_t end, Duration wait_max) {
  auto& control = this->control();
  const auto unknown = [&](std::string_view why) {
    return Error{
        "outcome_unknown",
        path() + ": " + std::string(why) + "; the events may or may not be kept. Publish them again under the same ids",
        Retry::same_call};
  };
  const auto until = std::chrono::steady_clock::now() + std::min<Duration>(wait_max, std::chrono::hours{24});
  std::unique_lock lock(sync_mutex_);
  while (control.durable.load(std::memory_order_acquire) < end) {
    if (control.poisoned.load() != 0) return unknown("a sync failed");
    if (syncing_) {
      if (synced_.wait_until(lock, until) == std::cv_status::timeout && std::chrono::steady_clock::now() >= until)
        return unknown("the sync did not end in time");
      continue;
    }
    syncing_ = true;
    lock.unlock();
    // The order matters: what was committed by now stands in the segment that is current after, or in one that was
    // synced when it was sealed.
    const auto target = control.committed.load(std::memory_order_acquire);
    const auto first = control.segment.load(std::memory_order_acquire);
    Result<> done;
    auto segment = segment_of(first);
    if (!segment)
      done = segment.error();
    else
      done = (*segment)->file().sync_data();
    if (done) {
      auto before = control.durable.load();
      while (before < target && !control.durable.compare_exchange_weak(before, target)) {
      }
      wake_->announce();
    } else if (segment) {
      control.poisoned.store(1);  // never tried again on this file: the kernel has dropped what it could not write
    }
    lock.lock();
    syncing_ = false;
    synced_.notify_all();
    if (!done) return unknown(done.error().message);
  }
  return {};
}

}  // namespace tidings::log
