#include <algorithm>
#include <cassert>
#include <cstring>
#include <thread>

#include "log/cursor.hpp"

namespace tidings::log {
namespace {

/// The bytes of a record of the control file that are not atomics are written once, before `ready`.
bool is_current(const Control& control, const std::array<char, 40>& boot) {
  return control.magic == Control::magic_value && control.version == format_version && control.boot_id == boot &&
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
                                                         const PartitionSetting& setting, Duration wait_max) {
  auto directory = topic.directory(std::to_string(number), Directory::Create::if_missing);
  if (!directory) return directory.error();
  auto file = (*directory)->file("control", Directory::Create::if_missing);
  if (!file) return file.error();
  // Recovery is for one process at a time; whoever dies in it leaves `ready` unset, and the next begins anew.
  const auto until = std::chrono::steady_clock::now() + std::min<Duration>(wait_max, std::chrono::hours{24});
  while (true) {
    auto locked = (*file)->try_lock({0, 1});
    if (!locked) return locked.error();
    if (*locked) break;
    if (std::chrono::steady_clock::now() >= until)
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
  // A boot that cannot be named is no other boot: what others work on must not be recovered under their hands.
  const auto boot = boot_id();
  if (!boot) return boot.error();
  if (!is_current(control, *boot)) {
    // Whoever made these folders may have died before they were on the device.
    if (auto synced = topic.sync(); !synced) return synced.error();
    if (setting.above != nullptr)
      if (auto synced = setting.above->sync(); !synced) return synced.error();
    if (auto recovered = partition->recover(**file, *boot); !recovered) return recovered.error();
  }
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

Result<> PartitionLog::write(Segment& segment, std::uint64_t position, std::string_view frames) {
  if (!setting_.durable) {
    segment.store(position, frames);
    return {};
  }
  return segment.file().write_at(std::as_bytes(std::span{frames}), position);
}

/// The first word first: what is behind it counts for nothing then. As `write`, not through the mapping of a durable
/// topic's segment, where a full disk would be a SIGBUS.
Result<> PartitionLog::clear(Segment& segment, std::uint64_t begin, std::uint64_t end) {
  if (!setting_.durable) {
    segment.clear(begin, end);
    return {};
  }
  end = std::min(end, segment.size());
  if (begin >= end) return {};
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(end - begin, 1 << 20));
  if (auto done = segment.file().write_at(std::span{zeros}.first(8), begin); !done) return done;
  for (auto at = begin; at < end; at += zeros.size())
    if (auto done =
            segment.file().write_at(std::span{zeros}.first(std::min<std::uint64_t>(zeros.size(), end - at)), at);
        !done)
      return done;
  return {};
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
  if (lock->inherited() || control.dirty_end.load() != 0) {
    // Where this fails, whoever comes next has not inherited the lock, and repairs all the same.
    mark_dirty(control.dirty_end.load());
    if (auto done = repair(); !done) return done.error();
  }
  std::uint64_t bytes = 0;
  for (const auto* const event : events) bytes += frame_bytes(*event);
  auto segment = segment_with_room(bytes);
  if (!segment) return segment.error();
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
  mark_dirty(position + bytes);
  if (auto done = write(**segment, position, buffer_); !done) return done.error();  // the next writer clears it
  control.position.store(position + bytes);
  control.last_time.store(time);
  control.committed.store(stamp.offset, std::memory_order_release);
  control.dirty_end.store(0, std::memory_order_release);
  keep_written(std::move(*segment));
  if (buffer_.capacity() > (std::size_t{8} << 20)) buffer_ = {};
  if (!setting_.durable) wake_->announce();
  return first;
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
  auto segment = Segment::open(*directory_, first, Segment::Access::read);
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

Result<std::uint64_t> PartitionLog::what_holds(std::uint64_t position, std::uint32_t epoch) {
  const auto end = committed();
  auto earliest = this->earliest();
  if (!earliest) return earliest;
  if (epoch >= this->epoch() || std::min(position, end) <= *earliest) return std::min(position, end);
  Cursor cursor(*this);
  const auto is_later = [&](std::uint64_t offset) -> Result<bool> {
    cursor.seek(offset);
    auto item = cursor.next(end);
    if (!item) return item.error();
    return *item && (*item)->epoch > epoch;
  };
  // Epochs never go back, so the first event of a later one is found by halves.
  auto low = *earliest;
  auto high = std::min(position, end);
  while (low < high) {
    // Nearly always nothing was taken back: the last one is looked at first.
    const auto middle = high == std::min(position, end) ? high - 1 : low + (high - low) / 2;
    auto later = is_later(middle);
    if (!later) return later.error();
    if (*later)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace tidings::log
