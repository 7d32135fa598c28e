#include <algorithm>
#include <cstring>

#include "log/partition_log.hpp"

namespace tidings::log {
namespace {

/// Whether this would, as a frame that is whole, say that events behind `end` were synced.
bool may_prove(const FrameHeader& header, std::uint64_t end) {
  return (header.type == FrameType::data || header.type == FrameType::seal) && header.batch_end <= 1 &&
         header.reserved == 0 && header.reserved2 == 0 && header.offset >= end && header.durable_floor > end &&
         header.durable_floor <= header.offset;
}

}  // namespace

/// From the beginning of `first`: the frames that are whole, up to the last batch that is whole, over seals into later
/// segments.
Result<PartitionLog::End> PartitionLog::find_end(std::uint64_t first) {
  End end;
  end.offset = first;
  while (true) {
    auto segment = open_written(end.offset);
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
        // One that seals nothing would lead to itself.
        if (offset == end.offset && offset != end.segment->first_offset()) end.sealed = true;
        break;
      }
      if (!read_envelope(*frame)) break;
      position += frame->bytes();
      ++offset;
      if (frame->header->batch_end == 0) continue;
      end.offset = offset;
      end.position = position;
      end.time = frame->header->time;
      end.epoch = frame->header->epoch;
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
    // Cheap things first: every eighth byte may look like a length, and a checksum may go over megabytes.
    if (!may_prove(*reinterpret_cast<const FrameHeader*>(tail.data() + at), end.offset)) continue;
    const auto later = end.segment->frame_at(begin + at);
    if (later)
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
  if (auto done = clear(*end.segment, begin, begin + used); !done) return done;
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
Result<> PartitionLog::recover(File& control_file, const std::array<char, 40>& boot) {
  auto& control = this->control();
  control.ready.store(0);
  // Above every epoch that anybody may have seen, also one of which no event is left.
  std::uint32_t epoch = control.magic == Control::magic_value && control.version == format_version
                            ? std::max<std::uint32_t>(control.epoch.load(), 1)
                            : 1;
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  End end;
  if (!firsts->empty()) {
    // One before the last, too, where the last holds nothing: a roll may not have come to its seal.
    auto from = firsts->size() - 1;
    auto last = open_written(firsts->back());
    if (!last) return last.error();
    epoch = std::max(epoch, (*last)->epoch());
    const bool last_is_empty = (*last)->length_at(sizeof(SegmentHeader)) == 0;
    if (last_is_empty && from > 0) --from;
    last->reset();
    auto found = find_end((*firsts)[from]);
    if (!found) return found.error();
    end = std::move(*found);
    epoch = std::max(epoch, end.epoch);
    // The next one is on the device before the seal is written.
    if (end.sealed)
      return corrupt_at(
          *end.segment, end.position,
          "it is sealed, and " + segment_name(end.offset) + ", which was made before the seal, is missing");
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
  control.boot_id = boot;
  control.epoch.store(epoch + 1);
  publish_end(end);
  control.durable.store(end.offset);
  // The epoch counts once events carry it; the rest would be as well made anew.
  if (auto done = control_file.sync_data(); !done) return done;
  if (auto done = directory_->sync(); !done) return done;
  control.ready.store(1, std::memory_order_release);
  return {};
}

/// Whether the hints fit the segments: whole frames lead to where the next one goes, and nothing stands there.
bool PartitionLog::is_plausible() {
  const auto now = place();
  if (durable() > now.committed || now.segment > now.committed) return false;
  if (now.position == 0) {
    const auto firsts = list_segments();
    return firsts && firsts->empty() && now.committed == 0;
  }
  auto segment = written_segment(now.segment, now.position > sizeof(SegmentHeader));
  if (!segment) return false;
  if (now.position % 8 != 0 || now.position < sizeof(SegmentHeader) || now.position > (*segment)->size()) return false;
  auto at = sizeof(SegmentHeader);
  auto offset = now.segment;
  if (seen_ && seen_->segment == now.segment && seen_->position >= at && seen_->position <= now.position) {
    at = seen_->position;
    offset = seen_->committed;
  }
  bool ends_batch = true;
  while (at < now.position) {
    const auto length = (*segment)->length_at(at);
    if (length < sizeof(FrameHeader) || padded(length) > now.position - at) return false;
    const auto& header = *reinterpret_cast<const FrameHeader*>((*segment)->bytes().data() + at);
    if (header.type != FrameType::data || header.offset != offset) return false;
    // The others are what the last one stands on; readers sum them up.
    if (at + padded(length) == now.position && !(*segment)->frame_at(at)) return false;
    ends_batch = header.batch_end == 1;
    at += padded(length);
    ++offset;
  }
  return ends_batch && offset == now.committed && (*segment)->length_at(at) == 0;
}

/// Hints that are not this process's own are looked at before anything is written by them. Under the writer lock.
Result<> PartitionLog::verify() {
  if (seen_ == place()) return {};
  if (is_plausible()) {
    seen_ = place();
    return {};
  }
  auto& control = this->control();
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  End end;
  if (!firsts->empty()) {
    auto from = firsts->size() - 1;
    auto last = open_written(firsts->back());
    if (!last) return last.error();
    if ((*last)->length_at(sizeof(SegmentHeader)) == 0 && from > 0) --from;
    auto found = find_end((*firsts)[from]);
    if (!found) return found.error();
    end = std::move(*found);
  }
  if (end.offset < control.committed.load() || end.offset < control.durable.load())
    return Error{"corrupt",
                 path() + ": control says that offset " +
                     std::to_string(std::max(control.committed.load(), control.durable.load())) +
                     " was reached, the segments end at " + std::to_string(end.offset) +
                     "; nothing was changed. Stop every process that uses the log and move control away: the next to "
                     "open the partition makes it anew",
                 Retry::never};
  publish_end(end);
  seen_ = place();
  return {};
}

/// A writer died in its work: what it finished is kept, the rest is cleared. Under the writer lock; done twice it
/// changes nothing.
Result<> PartitionLog::repair() {
  auto& control = this->control();
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
      if (auto done = clear(*end->segment, end->position + (end->sealed ? seal_bytes : 0), dirty_end); !done)
        return done;
    if (auto done = settle_end(*end); !done) return done;
    publish_end(*end);
  }
  control.dirty_end.store(0);
  return {};
}

}  // namespace tidings::log
