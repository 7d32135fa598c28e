#include <algorithm>
#include <bit>

#include "log/partition_log.hpp"

// Retention by age where nothing is published: the segment that is written gives way once it is old enough, and what
// stands before one without an event goes too.
namespace tidings::log {

Result<bool> PartitionLog::has_older(TimePoint oldest) {
  auto first = earliest();
  if (!first) return first.error();
  if (*first >= visible_end()) return false;
  const std::scoped_lock lock(sizes_mutex_);
  if (!oldest_ || oldest_->segment != *first) {
    auto segment = segment_of(*first);
    if (!segment && segment.error().code == "removed") return true;  // just now
    if (!segment) return segment.error();
    const auto frame = (*segment)->frame_at(sizeof(SegmentHeader));
    if (!frame) return false;
    oldest_ = {*first, frame->header->time};
  }
  return TimePoint{Duration{oldest_->time}} < oldest;
}

Result<> PartitionLog::roll_old(Duration age) {
  auto& control = this->control();
  const auto is_due = [&]() -> Result<bool> {
    if (has_no_event()) return false;
    auto segment = segment_of(control.segment.load());
    if (!segment) return segment.error();
    const auto frame = (*segment)->frame_at(sizeof(SegmentHeader));
    return frame && frame->header->type != FrameType::seal &&
           TimePoint{Duration{frame->header->time}} < setting_.clock->now() - age;
  };
  auto due = is_due();
  if (!due) return due.error();
  if (!*due) return {};
  auto done = do_as_writer([&]() -> Result<> {
    due = is_due();
    if (!due) return due.error();
    if (!*due) return {};
    if (auto room = segment_with_room(0); !room) return room.error();
    // It may have begun one.
    if (has_no_event()) return {};
    // So large that it would have been full of what came in that time.
    const auto size = std::max(setting_.segment_bytes_first, std::bit_ceil(control.position.load()));
    if (auto rolled = roll(state_bytes(), std::min(size, setting_.segment_bytes_max)); !rolled) return rolled.error();
    seen_ = place();
    return {};
  });
  if (has_rolled_.load(std::memory_order_relaxed)) work_behind();
  return done;
}

/// Nobody appends meanwhile. The first event of a segment tells who published before it; where somebody is to be
/// remembered, who may come with the next event, the segment before has to stay until then.
Result<bool> PartitionLog::remove_before_empty(std::uint64_t first, std::uint64_t next, TimePoint oldest) {
  // By the frames, not by the time that `control` has.
  auto since = first_at(oldest);
  if (!since) return since.error();
  if (*since < next) return false;
  bool is_gone = false;
  auto done = do_as_writer([&]() -> Result<> {
    auto& control = this->control();
    if (control.segment.load() != next || !has_no_event()) return {};
    producers_.forget_before((setting_.clock->now() - ProducerTable::kept_for).time_since_epoch().count());
    if (!producers_.is_empty()) return {};
    // From here on it alone says where the partition stands.
    auto empty = written_segment(next, false);
    if (!empty) return empty.error();
    if (auto synced = sync_segment((*empty)->file(), next, sync_deadline()); !synced) return synced;
    if (auto synced = directory_->sync(); !synced) return synced;
    auto before = control.earliest.load();
    while (before < next && !control.earliest.compare_exchange_weak(before, next)) {
    }
    if (auto removed = remove_segment(first); !removed && removed.error().code != "not_found") return removed;
    is_gone = true;
    return directory_->sync();
  });
  // Whoever writes now does not leave it without an event.
  if (!done && done.error().code == "busy") return false;
  if (!done) return done.error();
  return is_gone;
}

}  // namespace tidings::log
