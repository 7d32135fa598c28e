#include <algorithm>
#include <vector>

#include "log/partition_log.hpp"

namespace tidings::log {

/// Another sync may have failed, or what it lost been written anew, since this process wrote last. Under the writer
/// lock.
Result<> PartitionLog::settle_faults() {
  const auto faults = control().faults.load();
  if (is_fault(faults)) return write_anew();
  settle_files(faults);
  return {};
}

Result<> PartitionLog::write_anew_where_needed(SteadyTime until) {
  auto lock = WriterLock::take(control(), *slots_, until - std::chrono::steady_clock::now());
  if (!lock) return lock.error();
  // For the next writer, who has not inherited it.
  if (lock->inherited()) mark_dirty(control().dirty_end.load());
  Result<> done;
  for (int again = 0; again < anew_max && is_fault(control().faults.load()); ++again) {
    done = write_anew();
    if (done || is_fault(seen_faults_)) break;
  }
  return done;
}

/// After a sync that failed the kernel takes the pages for written, and may drop them: what was not synced for sure is
/// read once more, checked, and written to fresh files, which take the old ones' names once they are on the device.
/// Readers leave the old ones when they see the faults. Done by halves it is done again by the next
/// writer. Error `poisoned`, with no fault in `seen_faults_` where it was done and another sync failed meanwhile. Under
/// the writer lock.
Result<> PartitionLog::write_anew() {
  auto& control = this->control();
  const auto faults = control.faults.load();
  seen_faults_ = faults;
  mark_dirty(control.dirty_end.load());
  // What died in a sync is told by the fault by now.
  for (const auto& one : syncs_under_way(control)) {
    auto dead = slots_->is_dead(one.word);
    if (!dead) return dead.error();
    if (*dead) end_sync(control, one);
  }
  const auto lost = [&](const Error& error) -> Result<> {
    return Error{"poisoned",
                 path() + ": a sync failed, and what it left could not be written to another file: " + error.message +
                     ". Nothing is published before that is done; look at the disk, then try again",
                 Retry::same_call};
  };
  auto firsts = list_segments();
  if (!firsts) return lost(firsts.error());
  auto first = std::ranges::upper_bound(*firsts, control.unsynced.load());
  if (first != firsts->begin()) --first;
  std::string names;
  std::uint64_t end = first == firsts->end() ? 0 : *first;
  for (bool goes_on = true; goes_on && first != firsts->end() && *first == end; ++first) {
    auto anew = write_anew(*first);
    if (!anew) return lost(anew.error());
    end = anew->end;
    goes_on = anew->is_sealed;
    names += (names.empty() ? "" : ", ") + segment_name(*first);
  }
  control.zeroed.store(0);
  settle_files(faults);
  replaced_for_.store(faults + 1);
  if (auto done = repair(); !done) return done.error().code == "corrupt" ? done : lost(done.error());
  if (auto done = directory_->sync(); !done) return lost(done.error());
  settle_files(faults + 1);
  auto expected = faults;
  // That is no error of the disk that we met: it is done over again.
  if (!control.faults.compare_exchange_strong(expected, faults + 1))
    return Error{"poisoned", path() + ": another sync failed meanwhile", Retry::same_call};
  if (auto done = tell_synced(control.committed.load(), control.segment.load(), faults + 1); !done) return done;
  setting_.log->write(LogLevel::warning, path() +
                                             ": a sync failed, or a process died or was stopped in one; what was not "
                                             "on the device for sure was written anew: " +
                                             (names.empty() ? "nothing" : names));
  wake_->announce();
  return {};
}

/// Forgets the files that were opened before.
void PartitionLog::settle_files(std::uint32_t faults) {
  writing_.reset();
  is_writing_kept_ = false;
  seen_.reset();
  index_draft_.forget();
  seen_faults_ = faults;
  const std::scoped_lock lock(segments_mutex_);
  forget_replaced(faults);
}

/// One segment: its whole frames. Not read through a mapping, where what the device cannot give would be a SIGBUS.
Result<PartitionLog::Anew> PartitionLog::write_anew(std::uint64_t first) {
  auto old = Segment::open(*directory_, first, Segment::Access::write);
  if (!old) return old.error();
  std::vector<std::byte> bytes((*old)->size());
  auto got = (*old)->file().read_at(bytes, 0);
  if (!got) return got.error();
  bytes.resize(*got);
  Anew anew{.end = first, .is_sealed = false};
  auto position = sizeof(SegmentHeader);
  while (!anew.is_sealed && position < bytes.size()) {
    const auto frame = read_frame(std::span{bytes}.subspan(position), (*old)->salt());
    if (!frame || frame->header->offset != anew.end) break;
    anew.is_sealed = frame->header->type == FrameType::seal;
    if (anew.is_sealed && anew.end == first) return corrupt_at(**old, position, "it is sealed without an event");
    if (frame->header->type == FrameType::data) ++anew.end;
    position += frame->bytes();
  }
  if (!anew.is_sealed && anew.end < control().committed.load())
    return corrupt_at(**old, position, "the frame of offset " + std::to_string(anew.end) + " is lost");
  auto done = Segment::prepare(
      *directory_, {.first_offset = first,
                    .size = (*old)->size(),
                    .epoch = (*old)->epoch(),
                    .replaces = true,
                    .frames = std::span{bytes}.subspan(sizeof(SegmentHeader), position - sizeof(SegmentHeader))});
  if (!done) return done.error();
  return anew;
}

Result<std::shared_ptr<Segment>> PartitionLog::segment_anew(const Segment& old) {
  auto segment = Segment::open(*directory_, old.first_offset(), Segment::Access::read);
  if (!segment) return segment;
  if ((*segment)->salt() == old.salt()) return std::shared_ptr<Segment>{};
  const std::scoped_lock lock(segments_mutex_);
  segments_->forget(this, old.first_offset());
  open_[old.first_offset()] = *segment;
  return segment;
}

}  // namespace tidings::log
