#include <algorithm>
#include <cstring>

#include "log/partition_log.hpp"

namespace tidings::log {
namespace {

/// Sealed segments that wait for the background to make their index; of more the first reader makes it.
constexpr std::size_t unindexed_max = 16;

}  // namespace

Result<std::shared_ptr<Segment>> PartitionLog::open_written(std::uint64_t first) {
  const auto faults = files_of();
  auto segment = Segment::open(*directory_, first, setting_.durable ? Segment::Access::write : Segment::Access::store);
  // Behind the opening: what begins after it is told to this descriptor, too; what began before is still there, or has
  // told its failure to all. Those of other files tell us nothing.
  auto others = syncs_under_way(control());
  std::erase_if(others, [&](const SeenSync& one) { return one.segment != first || is_of_before(one.faults, faults); });
  if (!others.empty()) [[unlikely]] {
    const std::scoped_lock lock(segments_mutex_);
    unsure_.insert(unsure_.end(), others.begin(), others.end());
    has_unsure_.store(true);
  }
  return segment;
}

/// The segment that is written, kept open: what the disk could not write is told to the descriptors that were open when
/// it failed. One that is not begun is not kept, since a larger may take its place.
Result<std::shared_ptr<Segment>> PartitionLog::written_segment(std::uint64_t first, bool is_begun) {
  while (true) {
    const auto faults = control().faults.load();
    {
      const std::scoped_lock lock(segments_mutex_);
      forget_replaced(faults);
      if (written_ && written_->first_offset() == first) return written_;
    }
    auto segment = open_written(first);
    if (control().faults.load() != faults) continue;  // it may have been replaced
    if (segment && is_begun) keep_written(*segment);
    return segment;
  }
}

/// What was written anew stands in other files. Under `segments_mutex_`.
void PartitionLog::forget_replaced(std::uint32_t faults) {
  if (static_cast<std::int32_t>(faults - known_faults_) <= 0) return;  // another thread may have seen a later one
  written_.reset();
  sealed_ = {};
  known_faults_ = faults;
}

void PartitionLog::keep_written(std::shared_ptr<Segment> segment) {
  const std::scoped_lock lock(segments_mutex_);
  // Two threads may have opened it: the first descriptor stays, it has seen more.
  if (!written_ || written_->first_offset() < segment->first_offset()) written_ = std::move(segment);
}

/// The same for the writer, who has the lock.
Result<Segment*> PartitionLog::writing_segment(std::uint64_t first, bool is_begun) {
  if (is_writing_kept_ && writing_->first_offset() == first) return writing_.get();
  auto segment = written_segment(first, is_begun);
  if (!segment) return segment.error();
  writing_ = std::move(*segment);
  is_writing_kept_ = is_begun;
  return writing_.get();
}

/// Where `bytes` of frames go now.
Result<Segment*> PartitionLog::segment_with_room(std::uint64_t bytes) {
  auto& control = this->control();
  const auto position = control.position.load(std::memory_order_relaxed);
  // In front of a segment's first event stands who published before it.
  if (position == 0) [[unlikely]]
    return roll(bytes + state_bytes());  // there is none yet
  auto found = writing_segment(control.segment.load(std::memory_order_relaxed), position > sizeof(SegmentHeader));
  if (!found) return found;
  if (has_unsure_.load(std::memory_order_relaxed)) [[unlikely]]
    if (auto sure = look_before_writing(); !sure) return sure.error();
  auto& segment = **found;
  bool is_sealed = false;
  if (segment.length_at(position) != 0) [[unlikely]] {
    // It has a seal where the next one was lost. Whatever else is there would be taken for events, or for the seal.
    const auto frame = segment.frame_at(position);
    is_sealed = position > sizeof(SegmentHeader) && frame && frame->header->type == FrameType::seal &&
                frame->header->offset == control.committed.load();
    if (!is_sealed) {
      End end;
      end.segment = writing_;
      end.offset = control.committed.load();
      end.position = position;
      if (auto done = clean_tail(end); !done) return done.error();
    }
  }
  const auto end = position + bytes + seal_bytes + (position == sizeof(SegmentHeader) ? state_bytes() : 0);
  if (is_sealed || end > segment.size()) [[unlikely]]
    return roll(bytes + state_bytes());
  if (end > control.zeroed.load(std::memory_order_relaxed)) [[unlikely]]
    if (auto done = zero_ahead(segment, end); !done) return done.error();
  return &segment;
}

/// A segment for what is committed next, with room for `bytes` of frames. `from` is the one before it, or, where that
/// has no event, the one whose place it takes; none at the very beginning.
Result<std::shared_ptr<Segment>> PartitionLog::make_next(const Segment* from, std::uint64_t bytes,
                                                         std::optional<std::uint64_t> wanted) {
  const auto offset = control().committed.load();
  const auto needed = padded(sizeof(SegmentHeader) + bytes + seal_bytes);
  auto there = open_written(offset);
  if (!there && there.error().code != "not_found") return there;
  // Nothing in it was ever committed: made by a writer that died, or for a batch that was not written.
  if (there && from == nullptr && needed <= (*there)->size() && (*there)->length_at(sizeof(SegmentHeader)) == 0)
    return there;
  auto size = wanted ? *wanted
              : from == nullptr
                  ? setting_.segment_bytes_first
                  : std::min(std::max(from->size() * 2, setting_.segment_bytes_first), setting_.segment_bytes_max);
  const auto in_pages = [](std::uint64_t whole) { return (whole + 4095) & ~std::uint64_t{4095}; };
  size = in_pages(std::max(size, needed));
  auto replaces = there.has_value();
  while (true) {
    auto done = Segment::prepare(*directory_, {.first_offset = offset,
                                               .size = size,
                                               .epoch = control().epoch.load(),
                                               .replaces = replaces,
                                               .is_synced = setting_.durable});
    if (done) break;
    // A disk may have room for one that is smaller. What could not be synced has its name, and gives way.
    if (done.error().code != "disk_full" || size == in_pages(needed)) return done.error();
    size = in_pages(std::max(size / 2, needed));
    replaces = true;
  }
  return open_written(offset);
}

/// Makes the next segment, then seals the one before. In a durable topic each is synced, the next one first: recovery
/// reads the last segment only. In others the one before is synced behind the writer's back, at the latest before
/// another is sealed: recovery reads three. Each step may be the last of this process, or fail; the next writer does
/// what is missing, and removes what is too much.
Result<Segment*> PartitionLog::roll(std::uint64_t bytes, std::optional<std::uint64_t> size) {
  auto& control = this->control();
  const auto position = control.position.load();
  const auto from = position == 0 ? nullptr : writing_;
  mark_dirty(position);
  if (!setting_.durable)
    if (auto done = sync_sealed(sync_deadline()); !done) return done.error();
  auto made = make_next(from.get(), bytes, size);
  if (!made) {
    // Where nothing of it is there, nobody has to go through this segment: a full disk may be tried again and again.
    if (made.error().code == "disk_full") {
      auto there = directory_->file(segment_name(control.committed.load()), Directory::Create::never, false);
      if (!there && there.error().code == "not_found") control.dirty_end.store(0);
    }
    return made.error();
  }
  auto& next = **made;
  // One without an event is not sealed: its successor has its name.
  if (from && from->first_offset() != next.first_offset()) {
    if (from->length_at(position) == 0) {
      const auto seal = seal_frame({.offset = next.first_offset(),
                                    .time = control.last_time.load(),
                                    .durable_floor = control.durable.load(),
                                    .epoch = control.epoch.load()},
                                   from->salt());
      mark_dirty(position + seal.size());
      if (auto done = write_seal(*from, position, seal); !done) return done.error();
    }
    has_rolled_.store(true, std::memory_order_relaxed);
    const auto index_later = [&] {
      if (!setting_.background) return;
      if (unindexed_.size() == unindexed_max) unindexed_.erase(unindexed_.begin());
      unindexed_.push_back(
          {from->first_offset(), index_draft_.finish(from->first_offset(), next.first_offset(), position)});
    };
    if (!setting_.durable) {
      const std::scoped_lock lock(segments_mutex_);
      index_later();
      sealed_ = {from->first_offset(), from->shared_file()};
      if (written_ == from) written_.reset();
    } else {
      if (auto done = sync_segment(from->file(), from->first_offset(), sync_deadline()); !done) return done.error();
      const std::scoped_lock lock(segments_mutex_);
      index_later();
    }
  }
  if (setting_.durable || !from) control.unsynced.store(next.first_offset());
  if (setting_.background) index_draft_.begin(next.first_offset(), next.size(), setting_.index_every);
  writing_ = std::move(*made);
  is_writing_kept_ = false;
  control.zeroed.store(0);
  control.segment.store(next.first_offset());
  control.position.store(sizeof(SegmentHeader));
  if (auto done = zero_ahead(next, sizeof(SegmentHeader) + bytes + seal_bytes); !done) return done.error();
  control.dirty_end.store(0);
  return &next;
}

/// As frames are written: through the file of a durable topic's segment, else through the mapping.
Result<> PartitionLog::write_seal(Segment& segment, std::uint64_t position,
                                  const std::array<std::byte, seal_bytes>& seal) {
  if (setting_.durable) return segment.file().write_at(seal, position);
  std::memcpy(segment.data() + position + 8, seal.data() + 8, seal.size() - 8);
  std::uint64_t commit = 0;
  std::memcpy(&commit, seal.data(), sizeof commit);
  store_commit_word(segment.data() + position, commit);
  return {};
}

}  // namespace tidings::log
