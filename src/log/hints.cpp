#include "log/partition_log.hpp"

namespace tidings::log {

/// Whether the hints fit the segments: whole frames lead to where the next one goes, and nothing stands there.
bool PartitionLog::is_plausible() {
  const auto now = place();
  if (durable() > now.committed || now.segment > now.committed) return false;
  if (now.position == 0) {
    producers_.clear();
    const auto firsts = list_segments();
    return firsts && firsts->empty() && now.committed == 0;
  }
  auto segment = written_segment(now.segment, now.position > sizeof(SegmentHeader));
  if (!segment) return false;
  if ((*segment)->epoch() > epoch()) return false;
  if (now.position % 8 != 0 || now.position < sizeof(SegmentHeader) || now.position > (*segment)->size()) return false;
  auto at = sizeof(SegmentHeader);
  auto offset = now.segment;
  if (seen_ && seen_->segment == now.segment && seen_->position >= at && seen_->position <= now.position) {
    at = seen_->position;
    offset = seen_->committed;
  } else {
    producers_.clear();
  }
  bool ends_batch = true;
  while (at < now.position) {
    const auto length = (*segment)->length_at(at);
    if (length < sizeof(FrameHeader) || padded(length) > now.position - at) return false;
    const auto& header = (*segment)->header_at(at);
    if (header.offset != offset) return false;
    if (header.type != FrameType::data && at != sizeof(SegmentHeader)) return false;
    if (header.type != FrameType::data || header.producer_id != 0) [[unlikely]]
      if (!learn_frame(**segment, at)) return false;
    // The others are what the last one stands on; readers sum them up.
    if (at + padded(length) == now.position &&
        (!(*segment)->frame_at(at) || header.epoch > epoch() || header.time != control().last_time.load()))
      return false;
    ends_batch = header.batch_end == 1;
    at += padded(length);
    if (header.type == FrameType::data) ++offset;
  }
  return ends_batch && offset == now.committed && (*segment)->length_at(at) == 0;
}

/// Hints that are not this process's own are looked at before anything is written by them. Under the writer lock.
Result<> PartitionLog::verify() {
  if (seen_ == place()) return {};
  if (is_plausible()) {
    const auto now = place();
    if (now.position == sizeof(SegmentHeader))
      if (auto done = learn_producers_before(now.segment); !done) return done;
    seen_ = now;
    return {};
  }
  seen_.reset();
  producers_.clear();
  auto& control = this->control();
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  End end;
  if (!firsts->empty()) {
    auto from = firsts->size() - 1;
    auto last = open_written(firsts->back());
    if (!last) return last.error();
    if ((*last)->length_at(sizeof(SegmentHeader)) == 0 && from > 0) --from;
    control.epoch.store(std::max(epoch(), (*last)->epoch()));
    auto found = find_end((*firsts)[from]);
    if (!found) return found.error();
    end = std::move(*found);
    // The most that there may be.
    control.unsynced.store((*firsts)[firsts->size() < 2 ? 0 : firsts->size() - 2]);
  }
  if (end.offset < control.committed.load() || end.offset < control.durable.load()) {
    // Behind what is damaged there may be whole events: a recovery would take them for a torn tail.
    if (end.segment && end.segment->length_at(end.position) != 0)
      return corrupt_at(
          *end.segment, end.position,
          "the frame of offset " + std::to_string(end.offset) + " is not whole, and events up to offset " +
              std::to_string(std::max(control.committed.load(), control.durable.load()) - 1) + " were written");
    return Error{"corrupt",
                 path() + ": control says that offset " +
                     std::to_string(std::max(control.committed.load(), control.durable.load())) +
                     " was reached, the segments end at " + std::to_string(end.offset) +
                     "; nothing was changed. Stop every process that uses the log and move control away: the next to "
                     "open the partition makes it anew",
                 Retry::never};
  }
  control.epoch.store(std::max(epoch(), end.epoch));
  if (end.time != 0) control.last_time.store(end.time);
  publish_end(end);
  if (end.segment) {
    auto learnt = end.position == sizeof(SegmentHeader) ? learn_producers_before(end.segment->first_offset())
                                                        : learn_producers(*end.segment, end.position);
    if (!learnt) return learnt;
  }
  seen_ = place();
  return {};
}

}  // namespace tidings::log
