#include <algorithm>

#include "log/partition_log.hpp"

namespace tidings::log {

/// `bytes_needed`: so that a first batch larger than a first segment finds room.
Result<std::shared_ptr<Segment>> PartitionLog::writable_segment(std::uint64_t bytes_needed) {
  auto& control = this->control();
  if (control.position.load() == 0) return roll(nullptr, bytes_needed);
  const auto first = control.segment.load();
  if (!writing_ || writing_->first_offset() != first) {
    auto segment = Segment::open(*directory_, first, true);
    if (!segment) return segment.error();
    writing_ = std::move(*segment);
  }
  return writing_;
}

/// Makes the next segment, then seals the one before and syncs it: recovery reads the last segment only. Each step may
/// be the last of this process; the next writer does what is missing.
Result<std::shared_ptr<Segment>> PartitionLog::roll(Segment* from, std::uint64_t bytes_needed) {
  auto& control = this->control();
  const auto next_offset = control.committed.load();
  auto next = Segment::open(*directory_, next_offset, true);
  if (!next) {
    if (next.error().code != "not_found") return next.error();
    auto size = from == nullptr
                    ? setting_.segment_bytes_first
                    : std::min(std::max(from->size() * 2, setting_.segment_bytes_first), setting_.segment_bytes_max);
    size = std::max(size, padded(sizeof(SegmentHeader) + bytes_needed + seal_bytes));
    size = (size + 4095) & ~std::uint64_t{4095};
    if (auto done = Segment::prepare(*directory_, next_offset, size, control.epoch.load(), setting_.durable); !done)
      return done.error();
    next = Segment::open(*directory_, next_offset, true);
    if (!next) return next.error();
  }
  if (from != nullptr) {
    const auto position = control.position.load();
    if (from->length_at(position) == 0) {
      std::string seal;
      write_seal_frame(seal,
                       {.offset = next_offset,
                        .time = control.last_time.load(),
                        .durable_floor = control.durable.load(),
                        .epoch = control.epoch.load()},
                       from->salt());
      control.dirty_end.store(position + seal.size());
      if (auto done = write(*from, position, seal); !done) return done.error();
    }
    if (auto done = from->file().sync_data(); !done) {
      control.poisoned.store(1);
      return Error{"poisoned",
                   done.error().message +
                       "; what is not synced may be lost in a power cut. Stop the services, look at the disk, start "
                       "again after a reboot",
                   Retry::reopen};
    }
  }
  control.segment.store(next_offset);
  control.position.store(sizeof(SegmentHeader));
  control.dirty_end.store(0);
  // A segment that was made for a smaller batch by a writer that died: rolled again, empty as it is.
  if (sizeof(SegmentHeader) + bytes_needed + seal_bytes > (*next)->size()) {
    return Error{"io_error", (*next)->path() + " is too small for the event; publish a smaller one first",
                 Retry::same_call};
  }
  writing_ = *next;
  return writing_;
}

}  // namespace tidings::log
