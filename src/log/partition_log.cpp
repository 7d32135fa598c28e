#include "log/partition_log.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <thread>

namespace tidings::log {
namespace {

constexpr std::uint64_t seal_bytes = sizeof(FrameHeader);

Error corrupt_at(const Segment& segment, std::uint64_t position, std::string_view why) {
  return {"corrupt",
          segment.path() + " is damaged at byte " + std::to_string(position) + ": " + std::string(why) +
              "; nothing was changed. Restore the file from a copy, or move the topic's folder away",
          Retry::never};
}

/// The bytes of a record of the control file that are not atomics are written once, before `ready`.
bool is_current(const Control& control) {
  return control.magic == Control::magic_value && control.version == format_version && control.boot_id == boot_id() &&
         control.ready.load(std::memory_order_acquire) == 1;
}

}  // namespace

PartitionLog::PartitionLog(std::unique_ptr<Directory> directory, Mapping control, std::shared_ptr<Slots> slots,
                           std::shared_ptr<TopicWake> wake, const PartitionSetting& setting)
    : directory_(std::move(directory)),
      control_(std::move(control)),
      slots_(std::move(slots)),
      wake_(std::move(wake)),
      setting_(setting) {}

Result<std::unique_ptr<PartitionLog>> PartitionLog::open(Directory& topic, std::uint32_t number,
                                                         std::shared_ptr<Slots> slots, std::shared_ptr<TopicWake> wake,
                                                         const PartitionSetting& setting) {
  auto directory = topic.directory(std::to_string(number), Directory::Create::if_missing);
  if (!directory) return directory.error();
  auto file = (*directory)->file("control", Directory::Create::if_missing);
  if (!file) return file.error();
  // Recovery is for one process at a time; whoever dies in it leaves `ready` unset, and the next begins anew.
  for (int round = 0;; ++round) {
    auto locked = (*file)->try_lock({0, 1});
    if (!locked) return locked.error();
    if (*locked) break;
    if (round >= 30'000)
      return Error{
          "busy",
          (*file)->path() + " is being recovered by another process, which does not end; look whether it is stopped",
          Retry::same_call};
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  auto size = (*file)->size();
  if (!size) return size.error();
  if (*size < Control::file_bytes)
    if (auto grown = (*file)->allocate(Control::file_bytes); !grown) return grown.error();
  auto mapping = (*file)->map(Control::file_bytes, true);
  if (!mapping) return mapping.error();
  auto partition = std::make_unique<PartitionLog>(std::move(*directory), std::move(*mapping), std::move(slots),
                                                  std::move(wake), setting);
  auto& control = partition->control();
  if (control.magic == Control::magic_value && control.version > format_version)
    return Error{"newer_version",
                 (*file)->path() + " has format version " + std::to_string(control.version) + "; run a newer program",
                 Retry::never};
  if (!is_current(control))
    if (auto recovered = partition->recover(); !recovered) return recovered.error();
  // By itself it would be given up with the mapping only.
  if (auto released = (*file)->unlock({0, 1}); !released) return released.error();
  return partition;
}

Result<std::vector<std::uint64_t>> PartitionLog::list_segments() {
  auto names = directory_->list();
  if (!names) return names.error();
  std::vector<std::uint64_t> firsts;
  for (const auto& name : *names)
    if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
  return firsts;
}

/// From the beginning of `first`: the frames that are whole, up to the last batch that is whole, over seals into later
/// segments.
Result<PartitionLog::End> PartitionLog::find_end(std::uint64_t first) {
  End end;
  end.offset = first;
  while (true) {
    auto segment = Segment::open(*directory_, end.offset, true);
    if (!segment) {
      // Sealed, and the next one is not there: it is made by the next append.
      if (segment.error().code == "not_found" && end.sealed) return end;
      return segment.error();
    }
    end.segment = *segment;
    end.position = sizeof(SegmentHeader);
    end.sealed = false;
    auto offset = end.offset;
    for (auto position = end.position;;) {
      const auto frame = end.segment->frame_at(position);
      if (!frame || frame->header->offset != offset) break;
      if (frame->header->type == FrameType::seal) {
        if (offset == end.offset) end.sealed = true;
        break;
      }
      if (!read_envelope(*frame)) break;
      position += frame->bytes();
      ++offset;
      if (frame->header->batch_end == 0) continue;
      end.offset = offset;
      end.position = position;
      end.time = frame->header->time;
    }
    if (!end.sealed) return end;
    end.passed.push_back(end.segment);
  }
}

/// What a roll may have left undone: what was sealed is synced, a segment that was made but not begun goes.
Result<> PartitionLog::settle_end(const End& end) {
  for (const auto& segment : end.passed)
    if (auto done = segment->file().sync_data(); !done) return done;
  if (end.segment && !end.sealed && end.segment->first_offset() != end.offset)
    if (auto done = directory_->remove_file(segment_name(end.offset)); !done && done.error().code != "not_found")
      return done;
  return {};
}

/// What stands behind the end: nothing, a torn tail (moved to quarantine), or proof that something before it is
/// damaged.
Result<> PartitionLog::clean_tail(const End& end) {
  const auto begin = end.position + (end.sealed ? seal_bytes : 0);
  const auto tail = end.segment->bytes().subspan(begin);
  auto used = tail.size();
  while (used > 0 && tail[used - 1] == std::byte{0}) --used;
  if (used == 0) return {};
  for (std::uint64_t at = 0; at + sizeof(FrameHeader) <= used; at += 8) {
    const auto later = end.segment->frame_at(begin + at);
    if (later && later->header->offset >= end.offset && later->header->durable_floor > end.offset)
      return corrupt_at(*end.segment, begin,
                        "offset " + std::to_string(end.offset) + " is missing, though a frame at byte " +
                            std::to_string(begin + at) + " says that everything before offset " +
                            std::to_string(later->header->durable_floor) + " was synced");
  }
  auto quarantine = directory_->directory("quarantine", Directory::Create::if_missing);
  if (!quarantine) return quarantine.error();
  const auto name = std::to_string(end.segment->first_offset()) + "-" + std::to_string(begin) + "-" +
                    std::to_string(setting_.clock->now().time_since_epoch().count()) + ".torn";
  auto file = (*quarantine)->file(name, Directory::Create::if_missing);
  if (!file) return file.error();
  if (auto done = (*file)->write_at(tail.first(used), 0); !done) return done;
  if (auto done = (*file)->sync_data(); !done) return done;
  if (auto done = (*quarantine)->sync(); !done) return done;
  end.segment->clear(begin, begin + used);
  setting_.log->write(LogLevel::warning, end.segment->path() + ": moved a torn tail of " + std::to_string(used) +
                                             " bytes behind offset " + std::to_string(end.offset) + " to " +
                                             (*file)->path());
  return {};
}

void PartitionLog::publish_end(const End& end) {
  auto& control = this->control();
  control.segment.store(end.segment ? end.segment->first_offset() : end.offset);
  control.position.store(end.position);
  control.last_time.store(std::max(control.last_time.load(), end.time));
  control.committed.store(end.offset, std::memory_order_release);
}

/// After a reboot, or where the control file is missing or damaged. Nobody else has the partition open.
Result<> PartitionLog::recover() {
  auto& control = this->control();
  control.ready.store(0);
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  End end;
  std::uint32_t epoch = 1;
  if (!firsts->empty()) {
    // One before the last, too, where the last holds nothing: a roll may not have come to its seal.
    auto from = firsts->size() - 1;
    auto last = Segment::open(*directory_, firsts->back(), true);
    if (!last) return last.error();
    epoch = (*last)->epoch();
    const bool last_is_empty = (*last)->length_at(sizeof(SegmentHeader)) == 0;
    if (last_is_empty && from > 0) --from;
    last->reset();
    auto found = find_end((*firsts)[from]);
    if (!found) return found.error();
    end = std::move(*found);
    if (auto done = clean_tail(end); !done) return done;
    if (end.segment->first_offset() != firsts->back()) {
      if (!last_is_empty)
        return corrupt_at(*end.segment, end.position,
                          "the events up to offset " + std::to_string(firsts->back()) + " are missing");
      // Made, but not begun, and perhaps for an offset that a torn tail has taken back.
      if (auto done = directory_->remove_file(segment_name(firsts->back())); !done) return done;
    }
    if (auto done = settle_end(end); !done) return done;
    if (auto done = end.segment->file().sync_data(); !done) return done;
  }
  std::memset(control_.data(), 0, Control::file_bytes);
  control.magic = Control::magic_value;
  control.version = format_version;
  control.boot_id = boot_id();
  control.epoch.store(epoch + 1);
  publish_end(end);
  control.durable.store(end.offset);
  control.ready.store(1, std::memory_order_release);
  return {};
}

/// A writer died in its work: what it finished is kept, the rest is cleared. Under the writer lock; done twice it
/// changes nothing.
Result<> PartitionLog::repair() {
  auto& control = this->control();
  writing_.reset();
  if (control.position.load() != 0) {
    const auto dirty_end = control.dirty_end.load();
    const auto first = control.segment.load();
    auto end = find_end(first);
    if (!end) return end.error();
    if (end->offset < control.committed.load())
      return corrupt_at(*end->segment, end->position,
                        "offset " + std::to_string(end->offset) + " was written and is not readable any more");
    // Only the segment that was written can have a torn tail: a new one is written from its beginning on under a new
    // mark.
    if (end->segment->first_offset() == first)
      end->segment->clear(end->position + (end->sealed ? seal_bytes : 0), dirty_end);
    if (auto done = settle_end(*end); !done) return done;
    publish_end(*end);
  }
  control.dirty_end.store(0);
  return {};
}

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

Result<> PartitionLog::write(Segment& segment, std::uint64_t position, std::string_view frames) {
  if (!setting_.durable) {
    segment.store(position, frames);
    return {};
  }
  return segment.file().write_at(std::as_bytes(std::span{frames}), position);
}

Result<std::uint64_t> PartitionLog::append(std::span<const EnvelopeView* const> events, Duration wait_max) {
  assert(!slots_->is_forked() && "a log that was opened before fork() must not be used after it");
  const auto until = std::chrono::steady_clock::now() + std::min<Duration>(wait_max, std::chrono::hours{24});
  {
    std::unique_lock waiting(turn_mutex_);
    if (!turn_.wait_until(waiting, until, [&] { return !is_writing_; }))
      return Error{"busy", "another thread has been writing to " + path() + " all the while; try again",
                   Retry::same_call};
    is_writing_ = true;
  }
  struct EndTurn {
    PartitionLog& partition;
    ~EndTurn() {
      const std::scoped_lock lock(partition.turn_mutex_);
      partition.is_writing_ = false;
      partition.turn_.notify_one();
    }
  } end_turn{*this};
  auto& control = this->control();
  auto lock = WriterLock::take(control, *slots_,
                               std::max<Duration>(until - std::chrono::steady_clock::now(), Duration::zero()));
  if (!lock) return lock.error();
  if (control.poisoned.load() != 0)
    return Error{"poisoned",
                 path() + ": a sync failed; nothing is written until the machine was looked at and rebooted",
                 Retry::reopen};
  if (lock->inherited() || control.dirty_end.load() != 0)
    if (auto done = repair(); !done) return done.error();
  std::uint64_t bytes = 0;
  for (const auto* const event : events) bytes += frame_bytes(*event);
  auto segment = writable_segment(bytes);
  if (!segment) return segment.error();
  if (control.position.load() + bytes + seal_bytes > (*segment)->size() ||
      (*segment)->length_at(control.position.load()) != 0) {
    segment = roll(segment->get(), bytes);
    if (!segment) return segment.error();
  }
  const auto position = control.position.load();
  const auto first = control.committed.load();
  const auto time = std::max(setting_.clock->now().time_since_epoch().count(), control.last_time.load());
  FrameStamp stamp{.offset = first,
                   .time = time,
                   .durable_floor = control.durable.load(),
                   .epoch = control.epoch.load(),
                   .batch_end = false};
  buffer_.clear();
  for (std::size_t i = 0; i < events.size(); ++i, ++stamp.offset) {
    stamp.batch_end = i + 1 == events.size();
    write_data_frame(buffer_, *events[i], stamp, (*segment)->salt());
  }
  assert(buffer_.size() == bytes);
  control.dirty_end.store(position + bytes, std::memory_order_seq_cst);
  if (auto done = write(**segment, position, buffer_); !done) {
    (*segment)->clear(position, position + bytes);
    control.dirty_end.store(0);
    return done.error();
  }
  control.position.store(position + bytes);
  control.last_time.store(time);
  control.committed.store(stamp.offset, std::memory_order_release);
  control.dirty_end.store(0, std::memory_order_release);
  if (buffer_.capacity() > (std::size_t{8} << 20)) buffer_ = {};
  if (!setting_.durable) wake_->announce();
  return first;
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

std::uint64_t PartitionLog::visible_end() const {
  return setting_.durable ? durable() : committed();
}

Result<std::uint64_t> PartitionLog::earliest() {
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  return firsts->empty() ? committed() : firsts->front();
}

Result<std::shared_ptr<Segment>> PartitionLog::segment_of(std::uint64_t offset) {
  const std::scoped_lock lock(segments_mutex_);
  std::erase_if(open_, [](const auto& known) { return known.second.expired(); });
  // A later segment than the last known may hold it, or the one that is known may be gone: look again.
  if (firsts_.empty() || offset < firsts_.front() || firsts_.back() != control().segment.load()) {
    auto firsts = list_segments();
    if (!firsts) return firsts.error();
    firsts_ = std::move(*firsts);
  }
  const auto after = std::ranges::upper_bound(firsts_, offset);
  if (after == firsts_.begin())
    return Error{"corrupt",
                 path() + ": there is no segment for offset " + std::to_string(offset) + "; restore it from a copy",
                 Retry::never};
  const auto first = *std::prev(after);
  for (const auto& [known, weak] : open_)
    if (known == first)
      if (auto segment = weak.lock()) return segment;
  auto segment = Segment::open(*directory_, first, false);
  if (segment) open_.emplace_back(first, *segment);
  return segment;
}

Result<std::uint64_t> PartitionLog::first_at(TimePoint time) {
  const auto end = visible_end();
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  const auto wanted = time.time_since_epoch().count();
  // The last segment that begins before the time; append times never go back.
  std::uint64_t from = firsts->empty() ? end : firsts->front();
  for (const auto first : *firsts) {
    if (first >= end) break;
    auto segment = segment_of(first);
    if (!segment) return segment.error();
    const auto frame = (*segment)->frame_at(sizeof(SegmentHeader));
    if (frame && frame->header->type == FrameType::data && frame->header->time >= wanted) break;
    from = first;
  }
  Cursor cursor(*this);
  cursor.seek(from);
  while (true) {
    auto item = cursor.next(end);
    if (!item) return item.error();
    if (!*item) return end;
    if ((*item)->appended >= time) return (*item)->offset;
  }
}

void Cursor::seek(std::uint64_t offset) {
  if (offset == offset_ && segment_) return;
  offset_ = offset;
  segment_.reset();
}

Result<> Cursor::find() {
  auto segment = partition_->segment_of(offset_);
  if (!segment) return segment.error();
  auto [offset, position] = (*segment)->seek_hint(offset_);
  while (offset < offset_) {
    const auto length = (*segment)->length_at(position);
    if (length < sizeof(FrameHeader) || position + length > (*segment)->size())
      return corrupt_at(**segment, position, "a frame is missing");
    position += padded(length);
    ++offset;
    (*segment)->remember(offset, position);
  }
  segment_ = std::move(*segment);
  position_ = position;
  return {};
}

Result<std::optional<Cursor::Item>> Cursor::next(std::uint64_t end) {
  if (offset_ >= end) return std::optional<Item>{};
  while (true) {
    if (!segment_)
      if (auto found = find(); !found) return found.error();
    const auto frame = segment_->frame_at(position_);
    if (!frame)
      return corrupt_at(*segment_, position_,
                        "the frame of offset " + std::to_string(offset_) + " has a wrong checksum");
    if (frame->header->offset != offset_)
      return corrupt_at(
          *segment_, position_,
          "found offset " + std::to_string(frame->header->offset) + " in place of " + std::to_string(offset_));
    if (frame->header->type == FrameType::seal) {
      const auto before = segment_->first_offset();
      segment_.reset();
      if (auto found = find(); !found) return found.error();
      if (segment_->first_offset() != offset_ || segment_->first_offset() == before)
        return Error{"corrupt",
                     partition_->path() + ": the segment of offset " + std::to_string(offset_) +
                         " is missing; restore it from a copy",
                     Retry::never};
      continue;
    }
    const auto envelope = read_envelope(*frame);
    if (!envelope) return corrupt_at(*segment_, position_, "the envelope's sizes do not add up");
    Item item{offset_, TimePoint{Duration{frame->header->time}}, *envelope, segment_};
    position_ += frame->bytes();
    ++offset_;
    segment_->remember(offset_, position_);
    return std::optional<Item>{std::move(item)};
  }
}

}  // namespace tidings::log
