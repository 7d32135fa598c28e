#include <algorithm>

#include "log/partition_log.hpp"

namespace tidings::log {

/// Syncs what is committed now, and tells it to all.
Result<> PartitionLog::sync_committed() {
  auto& control = this->control();
  // The order matters: what was committed by now stands in the segment that is current after, or in one before it,
  // which was synced before that became current.
  const auto target = control.committed.load(std::memory_order_acquire);
  const auto first = control.segment.load(std::memory_order_acquire);
  if (target > first) {
    auto segment = written_segment(first, true);
    if (!segment) return segment.error();
    if (auto done = (*segment)->file().sync_data(); !done) {
      control.poisoned.store(1);  // never tried again on this file: the kernel has dropped what it could not write
      return done;
    }
  }
  // The failure of another process is told to descriptors that were open then; ours may be younger.
  if (control.poisoned.load() != 0) return Error{"poisoned", "a sync failed", Retry::reopen};
  auto before = control.durable.load();
  while (before < target && !control.durable.compare_exchange_weak(before, target)) {
  }
  wake_->announce();
  return {};
}

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
    auto done = sync_committed();
    lock.lock();
    syncing_ = false;
    synced_.notify_all();
    if (!done) return unknown(done.error().message);
  }
  return {};
}

}  // namespace tidings::log
