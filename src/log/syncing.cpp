#include <algorithm>
#include <utility>

#include "log/partition_log.hpp"

namespace tidings::log {

/// Never tried again on this file: the kernel has dropped what it could not write.
Error PartitionLog::poison(const Error& error) {
  control().poisoned.store(1);
  return {"poisoned",
          error.message +
              "; what is not synced may be lost in a power cut. Stop the services, look at the disk, start again after "
              "a reboot",
          Retry::reopen};
}

/// In topics that are not durable: what is sealed and not synced yet, and the names of all.
Result<> PartitionLog::sync_sealed() {
  auto& control = this->control();
  const std::scoped_lock one(sealed_mutex_);
  const auto from = control.unsynced.load(std::memory_order_acquire);
  const auto current = control.segment.load(std::memory_order_acquire);
  if (from >= current) return {};
  Sealed mine;
  {
    const std::scoped_lock lock(segments_mutex_);
    mine = std::exchange(sealed_, {});
  }
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  for (const auto first : *firsts) {
    if (first < from || first >= current) continue;
    if (!mine.file || mine.first != first) {
      auto segment = Segment::open(*directory_, first, Segment::Access::read);
      if (!segment) return segment.error();
      mine = {first, (*segment)->shared_file()};
    }
    if (auto done = mine.file->sync_data(); !done) return poison(done.error());
  }
  if (auto done = directory_->sync(); !done) return poison(done.error());
  return tell_synced(current, current);
}

/// Unless a sync of another process failed: that is told to descriptors that were open then; ours may be younger.
Result<> PartitionLog::tell_synced(std::uint64_t end, std::uint64_t segment) {
  auto& control = this->control();
  if (control.poisoned.load() != 0) return Error{"poisoned", "a sync failed", Retry::reopen};
  const auto raise = [](std::atomic<std::uint64_t>& word, std::uint64_t to) {
    auto before = word.load();
    while (before < to && !word.compare_exchange_weak(before, to)) {
    }
  };
  raise(control.unsynced, segment);
  raise(control.durable, end);
  return {};
}

/// Syncs what is committed now, and tells it to all.
Result<> PartitionLog::sync_committed() {
  auto& control = this->control();
  // The order matters: what was committed by now stands in the segment that is current after, or in one before it: in a
  // durable topic that was synced before this became current.
  const auto target = control.committed.load(std::memory_order_acquire);
  const auto first = control.segment.load(std::memory_order_acquire);
  if (!setting_.durable)
    if (auto done = sync_sealed(); !done) return done;
  if (target > first) {
    auto segment = written_segment(first, true);
    if (!segment) return segment.error();
    if (auto done = (*segment)->file().sync_data(); !done) return poison(done.error());
    if (!setting_.durable)
      if (auto done = directory_->sync(); !done) return poison(done.error());
  }
  if (auto done = tell_synced(target, first); !done) return done;
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
