#include <algorithm>
#include <thread>
#include <utility>

#include "log/partition_log.hpp"

namespace tidings::log {

/// From now on nothing is written, and nothing counts as synced, until it was written anew.
Error PartitionLog::poison(std::string_view why) {
  // Odd, and another number each time: who writes anew what an earlier one lost does not end this one.
  auto faults = control().faults.load();
  while (!control().faults.compare_exchange_weak(faults, faults + (is_fault(faults) ? 2 : 1))) {
  }
  return {"poisoned", std::string(why), Retry::same_call};
}

/// Syncs the file of the segment that begins so. A sync that failed is never tried again on it: the kernel has dropped
/// what it could not write. Error `poisoned` where it failed, or where another did of which this descriptor may not
/// have been told.
Result<> PartitionLog::sync_segment(File& file, std::uint64_t first, SteadyTime until) {
  auto& control = this->control();
  const auto before = syncs_under_way(control);
  {
    auto mark = SyncMark::set(control, *slots_, first, until);
    if (!mark) return mark.error().code == "poisoned" ? poison(path() + ": " + mark.error().message) : mark.error();
    if (auto done = file.sync_data(); !done) return poison(done.error().message);
  }
  if (auto sure = be_sure(until); !sure) return sure;
  // Our descriptor was open before they began, and all is well: whoever died in one of this file lost nothing.
  for (const auto& one : before) {
    if (!is_under_way(control, one)) continue;
    auto dead = slots_->is_dead(one.word);
    if (!dead) return dead.error();
    if (*dead && is_harmless(control, one, first)) end_sync(control, one);
  }
  return {};
}

/// Of the partition's folder. Where it could not even be opened no sync has failed.
Result<> PartitionLog::sync_names() {
  auto done = directory_->sync();
  if (done || done.error().code == "too_many_files" || done.error().code == "folder_replaced") return done;
  return poison(done.error().message);
}

std::uint32_t PartitionLog::files_of() const {
  const auto told = control().faults.load() & ~1U;
  const auto mine = replaced_for_.load();
  return is_of_before(told, mine) ? mine : told;
}

/// Since when the one is seen that is under way for longest; none where all are over. Error `poisoned` where one will
/// never be.
Result<std::optional<SteadyTime>> PartitionLog::look_at_unsure() {
  auto& control = this->control();
  const std::scoped_lock lock(segments_mutex_);
  const auto faults = files_of();
  std::erase_if(unsure_,
                [&](const SeenSync& one) { return is_of_before(one.faults, faults) || !is_under_way(control, one); });
  for (const auto& one : unsure_) {
    auto dead = slots_->is_dead(one.word);
    if (!dead) return dead.error();
    if (*dead) return poison(path() + ": a process died while it synced");
  }
  has_unsure_.store(!unsure_.empty());
  if (unsure_.empty()) return std::optional<SteadyTime>{};
  return std::optional{std::ranges::min(unsure_, {}, &SeenSync::since).since};
}

/// What is appended to a durable topic is to be synced next. While that may have to wait for another process, nothing
/// is written: who gives up then, and tries again, would leave copies.
Result<> PartitionLog::look_before_writing() {
  auto since = look_at_unsure();
  if (!since) return since.error();
  if (!*since || !setting_.durable) return {};
  return Error{std::string(unsure_code), path() + ": another process syncs", Retry::same_call};
}

/// What was opened while others synced: they may have been told what our descriptors are not. One that does not end,
/// since it is stopped, or the disk is slow, is as one that died: it finds other faults when it goes on.
Result<> PartitionLog::be_sure(SteadyTime until) {
  const auto patience = setting_.stopped_after * (setting_.durable ? 1 : 4);
  for (auto pause = std::chrono::microseconds{50}; has_unsure_.load(std::memory_order_relaxed);
       pause = std::min(2 * pause, std::chrono::microseconds{1000})) {
    const auto faults = control().faults.load();  // before: others may be about it
    auto since = look_at_unsure();
    if (!since) return since.error();
    if (!*since) return {};
    const auto now = std::chrono::steady_clock::now();
    if (now - **since >= patience) return give_up_waiting(faults);
    if (now >= until)
      return Error{
          "busy", path() + ": another process has been syncing all the while; try again, or look whether it is stopped",
          Retry::same_call};
    std::this_thread::sleep_for(pause);
  }
  return {};
}

/// Where a sync failed, or others have given up already, once is enough.
Error PartitionLog::give_up_waiting(std::uint32_t faults) {
  if (!is_fault(faults)) control().faults.compare_exchange_strong(faults, faults + 1);
  return {"poisoned", path() + ": another process has not ended its sync", Retry::same_call};
}

/// In topics that are not durable: what is sealed and not synced yet, and the names of all.
Result<> PartitionLog::sync_sealed(SteadyTime until) {
  auto& control = this->control();
  const std::scoped_lock one(sealed_mutex_);
  const auto faults = control.faults.load();
  const auto from = control.unsynced.load(std::memory_order_acquire);
  const auto current = control.segment.load(std::memory_order_acquire);
  if (from >= current) return {};
  Sealed mine;
  {
    const std::scoped_lock lock(segments_mutex_);
    forget_replaced(faults);
    mine = std::exchange(sealed_, {});
  }
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  for (const auto first : *firsts) {
    if (first < from || first >= current) continue;
    if (!mine.file || mine.first != first) {
      auto segment = open_written(first);
      if (!segment) return segment.error();
      mine = {first, (*segment)->shared_file()};
    }
    if (auto done = sync_segment(*mine.file, first, until); !done) return done;
  }
  if (auto done = sync_names(); !done) return done;
  return tell_synced(current, current, faults);
}

/// Unless another's sync failed since `faults` were looked at: our files may not be those that count any more.
Result<> PartitionLog::tell_synced(std::uint64_t end, std::uint64_t segment, std::uint32_t faults) {
  auto& control = this->control();
  if (is_fault(faults) || control.faults.load() != faults)
    return Error{"poisoned", path() + ": a sync failed", Retry::same_call};
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
Result<> PartitionLog::sync_committed(SteadyTime until) {
  auto& control = this->control();
  const auto faults = control.faults.load();
  if (is_fault(faults)) return Error{"poisoned", path() + ": a sync failed", Retry::same_call};
  // The order matters: what was committed by now stands in the segment that is current after, or in one before it: in a
  // durable topic that was synced before this became current.
  const auto target = control.committed.load(std::memory_order_acquire);
  const auto first = control.segment.load(std::memory_order_acquire);
  if (!setting_.durable)
    if (auto done = sync_sealed(until); !done) return done;
  if (target > first) {
    auto segment = written_segment(first, true);
    if (!segment) return segment.error();
    if (auto done = sync_segment((*segment)->file(), first, until); !done) return done;
    if (!setting_.durable)
      if (auto done = sync_names(); !done) return done;
  }
  if (auto done = tell_synced(target, first, faults); !done) return done;
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
    if (syncing_) {
      if (synced_.wait_until(lock, until) == std::cv_status::timeout && std::chrono::steady_clock::now() >= until)
        return unknown("the sync did not end in time");
      continue;
    }
    syncing_ = true;
    lock.unlock();
    auto done = sync_committed(until);
    if (!done && done.error().code == "poisoned") done = write_anew_where_needed(until);
    lock.lock();
    syncing_ = false;
    synced_.notify_all();
    if (!done) return unknown(done.error().message);
  }
  return {};
}

}  // namespace tidings::log
