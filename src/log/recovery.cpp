#include <algorithm>
#include <cstring>

#include "log/index.hpp"
#include "log/partition_log.hpp"

namespace tidings::log {
namespace {

/// Whether this would, as a frame that is whole, say that events behind `end` were synced.
bool may_prove(const FrameHeader& header, std::uint64_t end) {
  return is_known(header.type) && header.batch_end <= 1 && header.reserved == 0 && header.reserved2 == 0 &&
         header.offset >= end && header.durable_floor > end && header.durable_floor <= header.offset;
}

std::size_t used_bytes(std::span<const std::byte> bytes) {
  auto used = bytes.size();
  while (used > 0 && bytes[used - 1] == std::byte{0}) --used;
  return used;
}

}  // namespace

/// From a place on, where a batch begins: the frames that are whole, up to the last batch that is whole, over seals
/// into later segments.
Result<PartitionLog::End> PartitionLog::find_end(const Place& from, Chain chain) {
  End end;
  end.offset = from.committed;
  for (auto next = from;; next = {end.offset, sizeof(SegmentHeader), end.offset}) {
    auto segment = open_written(next.segment);
    if (!segment) {
      if (chain == Chain::unsynced && end.sealed && segment.error().code == "corrupt") return end;
      // Sealed, and the next one is not there: it is made by the next append.
      if (segment.error().code == "not_found" && end.sealed) return end;
      return segment.error();
    }
    end.segment = *segment;
    end.position = next.position;
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
      if (frame->header->type == FrameType::producers) {
        ProducerTable producers;
        if (position != sizeof(SegmentHeader) || !read_producers(*frame, producers)) break;
        position += frame->bytes();  // a part of the batch behind it
        continue;
      }
      EnvelopeView event;
      if (!read_envelope(*frame, event)) break;
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

/// Of who died before a segment had its name: up to 64 MiB each. Whoever makes one has the writer lock, or nobody else
/// has the partition.
void PartitionLog::remove_segment_drafts() {
  const auto names = directory_->list();
  if (!names) return;
  for (const auto& name : *names)
    if (name.starts_with('~') && segment_first_offset(std::string_view(name).substr(1)))
      (void)directory_->remove_file(name).has_value();  // where it stays, it is in nobody's way
}

/// What a roll may have left undone: what was sealed is synced, a segment that was made but not begun goes.
Result<> PartitionLog::settle_end(const End& end) {
  for (const auto& segment : end.passed)
    if (auto done = sync_segment(segment->file(), segment->first_offset(), sync_deadline()); !done) return done;
  if (end.segment && !end.sealed && end.segment->first_offset() != end.offset)
    if (auto done = directory_->remove_file(segment_name(end.offset)); !done && done.error().code != "not_found")
      return done;
  return {};
}

/// A frame behind the end that says that events behind the end were synced: something before it is damaged.
Result<> PartitionLog::refuse_if_proven(const Segment& segment, std::uint64_t begin, std::uint64_t used,
                                        const End& end) {
  // A frame may end with zeros, as a seal does: it is only where it begins that something must stand.
  for (auto at = begin; at < begin + used && at + sizeof(FrameHeader) <= segment.size(); at += 8) {
    // Cheap things first: every eighth byte may look like a length, and a checksum may go over megabytes.
    if (!may_prove(*reinterpret_cast<const FrameHeader*>(segment.bytes().data() + at), end.offset)) continue;
    const auto later = segment.frame_at(at);
    if (later)
      return corrupt_at(end.segment ? *end.segment : segment, end.segment ? end.position : sizeof(SegmentHeader),
                        "offset " + std::to_string(end.offset) + " is missing, though a frame at byte " +
                            std::to_string(at) + " of " + segment_name(segment.first_offset()) +
                            " says that everything before offset " + std::to_string(later->header->durable_floor) +
                            " was synced");
  }
  return {};
}

/// Keeps a copy of what is about to be taken out; returns its path.
Result<std::string> PartitionLog::quarantine(std::string name, std::span<const std::byte> bytes) {
  auto quarantine = directory_->directory("quarantine", Directory::Create::if_missing);
  if (!quarantine) return quarantine.error();
  name += "-" + std::to_string(setting_.clock->now().time_since_epoch().count()) + ".torn";
  auto file = (*quarantine)->file(name, Directory::Create::if_missing);
  if (!file) return file.error();
  if (auto done = (*file)->write_at(bytes, 0); !done) return done.error();
  if (auto done = (*file)->sync_data(); !done) return done.error();
  if (auto done = (*quarantine)->sync(); !done) return done.error();
  if (auto done = directory_->sync(); !done) return done.error();  // the folder's own name
  return (*file)->path();
}

/// What stands behind the end: nothing, a torn tail (moved to quarantine), or proof that something before it is
/// damaged.
Result<> PartitionLog::clean_tail(const End& end) {
  const auto begin = end.position + (end.sealed ? seal_bytes : 0);
  const auto tail = end.segment->bytes().subspan(begin);
  const auto used = used_bytes(tail);
  if (used == 0) return {};
  if (auto done = refuse_if_proven(*end.segment, begin, used, end); !done) return done;
  auto kept = quarantine(std::to_string(end.segment->first_offset()) + "-" + std::to_string(begin), tail.first(used));
  if (!kept) return kept.error();
  if (auto done = clear(*end.segment, begin, begin + used); !done) return done;
  setting_.log->write(LogLevel::warning, end.segment->path() + ": moved a torn tail of " + std::to_string(used) +
                                             " bytes behind offset " + std::to_string(end.offset) + " to " + *kept);
  return {};
}

/// A segment behind the end, in a topic that is not durable: none of its events can be kept. `epoch`: of what goes on.
Result<> PartitionLog::clean_segment(std::uint64_t first, const End& end, std::uint32_t epoch) {
  const auto name = segment_name(first);
  auto segment = open_written(first);
  if (!segment && segment.error().code != "corrupt") return segment.error();
  if (!segment || (*segment)->length_at(sizeof(SegmentHeader)) != 0) {
    auto file = directory_->file(name, Directory::Create::never, false);
    if (!file) return file.error();
    auto size = (*file)->size();
    if (!size) return size.error();
    std::vector<std::byte> bytes(std::min(*size, setting_.segment_bytes_max));
    auto got = (*file)->read_at(bytes, 0);
    if (!got) return got.error();
    auto kept = quarantine(std::to_string(first) + "-0", std::span{bytes}.first(used_bytes(bytes)));
    if (!kept) return kept.error();
    setting_.log->write(LogLevel::warning, directory_->path() + "/" + name + ": moved it to " + *kept +
                                               ", since the events from offset " + std::to_string(end.offset) +
                                               " on are gone, which were not synced");
  }
  if (end.segment || first != end.offset) return remove_segment(first);
  // Retention took all before it: no other name says how far the offsets had come.
  return Segment::prepare(
      *directory_, {.first_offset = first, .size = setting_.segment_bytes_first, .epoch = epoch, .replaces = true});
}

void PartitionLog::publish_end(const End& end) {
  auto& control = this->control();
  control.zeroed.store(0);  // before the segment that it is of: a kill may come between
  control.segment.store(end.segment ? end.segment->first_offset() : end.offset);
  control.position.store(end.position);
  control.last_time.store(std::max(control.last_time.load(), end.time));
  control.committed.store(end.offset, std::memory_order_release);
}

/// The end of the events that are left, with nothing behind it, synced. Raises `epoch` to the last that is seen.
Result<PartitionLog::End> PartitionLog::recover_segments(const std::vector<std::uint64_t>& firsts,
                                                         std::uint32_t& epoch) {
  const auto is_unsynced = [&](std::size_t index) { return !setting_.durable && index + 2 >= firsts.size(); };
  auto last = open_written(firsts.back());
  const bool last_is_lost = !last && last.error().code == "corrupt" && is_unsynced(firsts.size() - 1);
  if (!last && !last_is_lost) return last.error();
  const bool last_is_empty = !last_is_lost && (*last)->length_at(sizeof(SegmentHeader)) == 0;
  if (!last_is_lost) epoch = std::max(epoch, (*last)->epoch());
  last = std::shared_ptr<Segment>{};
  // One before the last, too, where the last holds nothing: a roll may not have come to its seal. Where two may not be
  // synced, from the one before them on.
  const auto begin = firsts.size() - std::min<std::size_t>(firsts.size(), setting_.durable ? 1 + last_is_empty : 3);
  End end;
  auto found = find_end(firsts[begin], setting_.durable ? Chain::synced : Chain::unsynced);
  if (found)
    end = std::move(*found);
  else if (is_unsynced(begin) && found.error().code == "corrupt")
    end.offset = firsts[begin];  // not even its header was synced
  else
    return found.error();
  epoch = std::max(epoch, end.epoch);
  if (setting_.durable) {
    // The next one is on the device before the seal is written.
    if (end.sealed)
      return corrupt_at(
          *end.segment, end.position,
          "it is sealed, and " + segment_name(end.offset) + ", which was made before the seal, is missing");
    if (end.segment->first_offset() != firsts.back() && !last_is_empty)
      return corrupt_at(*end.segment, end.position,
                        "the events up to offset " + std::to_string(firsts.back()) + " are missing");
  }
  if (end.segment && !end.sealed && !setting_.durable && firsts.size() > 2 &&
      end.segment->first_offset() == firsts[begin])
    return corrupt_at(*end.segment, end.position,
                      "the events up to offset " + std::to_string(firsts[begin + 1]) + " are missing");
  auto later = firsts;
  std::erase_if(later, [&](std::uint64_t first) {
    return end.segment ? first <= end.segment->first_offset() : first < end.offset;
  });
  for (const auto first : later) {
    auto segment = open_written(first);
    if (!segment) continue;
    const auto used = used_bytes((*segment)->bytes().subspan(sizeof(SegmentHeader)));
    if (auto done = refuse_if_proven(**segment, sizeof(SegmentHeader), used, end); !done) return done.error();
  }
  if (end.segment)
    if (auto done = clean_tail(end); !done) return done.error();
  for (const auto first : later)
    if (auto done = clean_segment(first, end, epoch + 1); !done) return done.error();
  if (!end.segment) {
    auto empty = open_written(end.offset);
    if (!empty) return empty.error();
    end.segment = std::move(*empty);
    end.position = sizeof(SegmentHeader);
  }
  // Of what was sealed before the power went.
  if (!end.sealed)
    if (auto done = directory_->remove_file(index_name(end.segment->first_offset()));
        !done && done.error().code != "not_found")
      return done.error();
  if (auto done = settle_end(end); !done) return done.error();
  if (auto done = end.segment->file().sync_data(); !done) return done.error();
  return end;
}

/// After a reboot, or where the control file is missing or damaged. Nobody else has the partition open.
Result<> PartitionLog::recover(File& control_file, const std::array<char, 40>& boot) {
  auto& control = this->control();
  control.ready.store(0);
  // Of processes that are gone.
  for (auto& sync : control.syncs) sync.word.store(0);
  remove_segment_drafts();
  // Above every epoch that anybody may have seen, also one of which no event is left.
  const bool has_hints = control.magic == Control::magic_value && control.version == format_version;
  std::uint32_t epoch = has_hints ? std::max<std::uint32_t>(control.epoch.load(), 1) : 1;
  const auto said_durable = has_hints ? control.durable.load() : 0;
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  End end;
  if (!firsts->empty()) {
    auto found = recover_segments(*firsts, epoch);
    if (!found) return found.error();
    end = std::move(*found);
  }
  // A hint proves nothing, but nobody else knows of what was synced last.
  if (said_durable > end.offset)
    setting_.log->write(LogLevel::error, path() + ": control says that the events before offset " +
                                             std::to_string(said_durable) + " were synced, and they end at " +
                                             std::to_string(end.offset) +
                                             ": it is damaged, or the device lost them, or they are not in a copy "
                                             "that was made while the log was in use");
  std::memset(control_.data(), 0, Control::file_bytes);
  control.magic = Control::magic_value;
  control.version = format_version;
  control.boot_id = boot;
  control.slots.store(slots_->id());
  control.epoch.store(epoch + 1);
  publish_end(end);
  control.durable.store(end.offset);
  control.unsynced.store(control.segment.load());
  control.earliest.store(firsts->empty() ? end.offset : std::min(firsts->front(), end.offset));
  // The epoch counts once events carry it; the rest would be as well made anew.
  if (auto done = control_file.sync_data(); !done) return done;
  if (auto done = directory_->sync(); !done) return done;
  control.ready.store(1, std::memory_order_release);
  return {};
}

/// A writer died in its work: what it finished is kept, the rest is cleared. Under the writer lock; done twice it
/// changes nothing.
Result<> PartitionLog::repair() {
  auto& control = this->control();
  remove_segment_drafts();
  if (control.position.load() != 0) {
    const auto dirty_end = control.dirty_end.load();
    const auto first = control.segment.load();
    // What this process wrote itself, or has looked at, was whole then, and nobody goes back behind it.
    // It may have seen the place in front of the first segment, which is none.
    const bool is_seen = seen_ && seen_->segment == first && seen_->position > sizeof(SegmentHeader) &&
                         seen_->position <= control.position.load() && seen_->committed <= control.committed.load();
    auto end = is_seen ? find_end(*seen_) : find_end(first);
    if (!end && end.error().code == "not_found") {
      // A hint that names no segment: the frames say where the end is, and what is torn there is cleared before the
      // next one is written.
      seen_.reset();
      if (auto done = verify(); !done) return done;
      control.dirty_end.store(0);
      return {};
    }
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
