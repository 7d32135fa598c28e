#include <algorithm>
#include <bit>
#include <cassert>

#include "log/partition_log.hpp"

namespace tidings::log {
namespace {

/// Bytes before a writer that are written as zeros at one go. Written blocks are in the page cache, many at a time, and
/// on the device's map: storing into them takes a twentieth of what it takes into blocks that are only allocated
/// (measured on ext4: 6 and 134 ns a record of 128 bytes), and syncing them no change of the map. A topic that is
/// hardly used shall not fill the cache: the more is there, the more is added.
constexpr std::uint64_t zeroed_least = std::uint64_t{64} << 10;
constexpr std::uint64_t zeroed_most = std::uint64_t{1} << 20;
/// Of a durable topic: a small write into a page of 1 MiB takes more than twice as long as into one of 128 KiB
/// (measured: 1.4 and 0.6 µs), since the kernel looks at each of its blocks. A large one gains more by the large page
/// (batches of 128 KiB: a quarter more of them a second).
constexpr std::uint64_t zeroed_most_durable = std::uint64_t{128} << 10;
std::byte zeros[zeroed_most];

constexpr std::uint64_t buffer_kept_max = std::uint64_t{8} << 20;

}  // namespace

/// Runs `act` under the writer lock, when all is ready for it. Where a sync fails in it, what is not synced is written
/// anew, and it is run once more. Where it is to wait for another's sync, that is done without the lock.
template <class Act>
std::invoke_result_t<Act> PartitionLog::as_writer(Duration wait_max, Act act) {
  assert(!slots_->is_forked() && "a log that was opened before fork() must not be used after it");
  // The clock is a part of what a small event costs: it is read early only where somebody has the lock.
  std::optional<SteadyTime> until;
  const auto set_deadline = [&] {
    if (!until) until = std::chrono::steady_clock::now() + std::min<Duration>(wait_max, std::chrono::hours{24});
  };
  if (control().writer.load(std::memory_order_relaxed) != 0) set_deadline();
  while (true) {
    auto done = as_writer_once(until ? *until - std::chrono::steady_clock::now() : wait_max, act);
    if (done || done.error().code != unsure_code) return done;
    set_deadline();
    if (auto sure = be_sure(*until); !sure && sure.error().code != "poisoned") return sure.error();
  }
}

template <class Act>
std::invoke_result_t<Act> PartitionLog::as_writer_once(Duration wait_max, Act& act) {
  auto lock = WriterLock::take(control(), *slots_, wait_max);
  if (!lock) return lock.error();
  const auto attempt = [&](bool inherited) -> std::invoke_result_t<Act> {
    if (auto ready = ready_to_write(inherited); !ready) return ready.error();
    return act();
  };
  auto done = attempt(lock->inherited());
  // Each may meet one more process that died in a sync. Where writing anew fails it is not tried again.
  for (int again = 0; !done && again < anew_max && done.error().code == "poisoned" && !is_fault(seen_faults_); ++again)
    done = attempt(false);
  return done;
}

Result<> PartitionLog::do_as_writer(const std::function<Result<>()>& act) {
  return as_writer(std::chrono::seconds{1}, act);
}

Result<std::uint64_t> PartitionLog::append(std::span<const EnvelopeView* const> events, Duration wait_max) {
  auto first = as_writer(wait_max, [&] { return append_locked(events, {}, {}); });
  if (first) announce_appended();
  return first;
}

Result<PartitionLog::Once> PartitionLog::append_once(std::span<const EnvelopeView* const> events,
                                                     const ProducerId& producer,
                                                     std::span<const std::uint64_t> sequences, Duration wait_max) {
  assert(producer.id != 0 && events.size() == sequences.size());
  auto answer = as_writer(wait_max, [&]() -> Result<Once> {
    Once once;
    once.before = producers_.judge(producer.id, producer.epoch, sequences);
    once.end = once.before.end;
    const auto seen = once.before.duplicates.size();
    if (once.before.fenced_by || seen == events.size()) return once;
    auto first = append_locked(events.subspan(seen), producer, sequences.subspan(seen));
    if (!first) return first.error();
    once.first = *first;
    once.end = *first + events.size() - seen;
    return once;
  });
  if (answer) announce_appended();
  return answer;
}

/// Behind the lock, whose release is the barrier between what is committed and the look at who waits.
void PartitionLog::announce_appended() {
  if (!setting_.durable) wake_->announce();
  if (has_rolled_.load(std::memory_order_relaxed)) [[unlikely]]
    work_behind();
}

void PartitionLog::work_behind() {
  has_rolled_.store(false, std::memory_order_relaxed);
  if (!setting_.background) return;
  setting_.background->post(this, [this] {
    if (!setting_.durable) {
      auto done = sync_sealed(sync_deadline());
      if (!done && done.error().code == "poisoned") done = write_anew_where_needed(sync_deadline());
      if (!done) setting_.log->write(LogLevel::error, to_string(done.error()));
    }
    if (setting_.after_roll) setting_.after_roll(*this);
    index_sealed();
  });
}

/// The writer has the lock: what others left is repaired, and what they wrote is known.
Result<> PartitionLog::ready_to_write(bool inherited) {
  auto& control = this->control();
  if (const auto faults = control.faults.load(std::memory_order_relaxed); faults != seen_faults_ || is_fault(faults))
      [[unlikely]]
    if (auto done = settle_faults(); !done) return done.error();
  if (const auto dirty_end = control.dirty_end.load(std::memory_order_relaxed); inherited || dirty_end != 0)
      [[unlikely]] {
    // Where this fails, whoever comes next has not inherited the lock, and repairs all the same.
    mark_dirty(dirty_end);
    index_draft_.forget();
    if (auto done = repair(); !done) return done.error();
  }
  if (seen_ != place()) [[unlikely]]
    return verify();
  return {};
}

Result<std::uint64_t> PartitionLog::append_locked(std::span<const EnvelopeView* const> events,
                                                  const ProducerId& producer,
                                                  std::span<const std::uint64_t> sequences) {
  auto& control = this->control();
  std::uint64_t bytes = 0;
  for (const auto* const event : events) bytes += frame_bytes(*event);
  auto room = segment_with_room(bytes);
  if (!room) [[unlikely]]
    return room.error();
  if (has_unsure_.load(std::memory_order_relaxed)) [[unlikely]]  // it may have rolled
    if (auto sure = look_before_writing(); !sure) return sure.error();
  auto& segment = **room;
  const auto position = control.position.load(std::memory_order_relaxed);
  const auto first = control.committed.load(std::memory_order_relaxed);
  const auto time =
      std::max(setting_.clock->now().time_since_epoch().count(), control.last_time.load(std::memory_order_relaxed));
  Batch batch{.events = events, .sequences = sequences};
  std::vector<ProducerTable::Entry> producers;
  if (position == sizeof(SegmentHeader) && !producers_.is_empty()) [[unlikely]] {
    producers_.forget_before(time - Duration{ProducerTable::kept_for}.count());
    producers = producers_.entries();
    batch.producers = producers;
    bytes += producers_bytes(producers.size());
  }
  mark_dirty(position + bytes);
  const FrameStamp stamp{.offset = first,
                         .time = time,
                         .durable_floor = control.durable.load(std::memory_order_acquire),
                         .epoch = control.epoch.load(std::memory_order_relaxed),
                         .producer_id = producer.id,
                         .producer_epoch = producer.epoch};
  if (setting_.durable) {
    if (buffer_.size() < bytes) buffer_.resize(bytes);
    put_frames(buffer_.data(), batch, stamp, segment.salt());
    if (auto done = segment.file().write_at(std::span{buffer_}.first(bytes), position); !done)
      return done.error();  // the next writer clears it
    if (buffer_.size() > buffer_kept_max) buffer_ = {};
  } else {
    put_frames(segment.data() + position, batch, stamp, segment.salt());
  }
  const Place after{segment.first_offset(), position + bytes, first + events.size()};
  control.position.store(after.position, std::memory_order_relaxed);
  control.last_time.store(time, std::memory_order_relaxed);
  control.committed.store(after.committed, std::memory_order_release);
  control.dirty_end.store(0, std::memory_order_release);
  seen_ = after;
  index_draft_.add({.segment = after.segment, .begin = position, .end = after.position},
                   {first, position + producers_bytes(producers.size()), time}, events);
  for (std::size_t i = 0; i < sequences.size(); ++i)
    producers_.note(producer.id, producer.epoch, sequences[i], first + i, time);
  if (!is_writing_kept_) [[unlikely]] {
    keep_written(writing_);
    is_writing_kept_ = true;
  }
  return first;
}

/// As one batch; the commit word of the first is stored last, so that all of them are there, or none.
void PartitionLog::put_frames(std::byte* at, const Batch& batch, FrameStamp stamp, std::uint64_t salt) {
  auto* const begin = at;
  std::uint64_t first_commit = 0;
  const auto put = [&](std::uint64_t commit) {
    if (at == begin)
      first_commit = commit;
    else
      store_commit_word(at, commit);
    at += padded(static_cast<std::uint32_t>(commit));
  };
  if (!batch.producers.empty()) [[unlikely]] {
    auto of_all = stamp;
    of_all.producer_id = of_all.producer_epoch = 0;
    put(put_producers_frame(at, batch.producers, of_all, salt));
  }
  for (std::size_t i = 0; i < batch.events.size(); ++i, ++stamp.offset) {
    stamp.batch_end = i + 1 == batch.events.size();
    if (!batch.sequences.empty()) [[unlikely]]
      stamp.sequence = batch.sequences[i];
    put(put_data_frame(at, *batch.events[i], stamp, salt));
  }
  store_commit_word(begin, first_commit);
}

/// From here on until it is taken back, the next writer repairs before it writes. `end`: bytes before it in the segment
/// that is written may be anything.
void PartitionLog::mark_dirty(std::uint64_t end) {
  control().dirty_end.store(std::max<std::uint64_t>(end, sizeof(SegmentHeader)), std::memory_order_relaxed);
  store_barrier();
}

/// Where a writer that comes to `end` finds nothing but zeros that were written. Behind what is committed nothing but
/// zeros stands, so nothing is changed, and nothing is to be repaired.
Result<> PartitionLog::zero_ahead(Segment& segment, std::uint64_t end) {
  auto& control = this->control();
  const auto position = control.position.load(std::memory_order_relaxed);
  auto from = std::max(control.zeroed.load(std::memory_order_relaxed), position);
  // A power of two, and aligned to it: the kernel then takes the largest pages that it has.
  const bool is_small = end - position < zeroed_least;
  const auto most = setting_.durable && is_small ? zeroed_most_durable : zeroed_most;
  const auto step = std::clamp(std::bit_floor(position), zeroed_least, most);
  const auto to = std::min((end + step - 1) / step * step, segment.size());
  while (from < to) {
    const auto size = std::min<std::uint64_t>(to - from, sizeof zeros);
    if (auto done = segment.file().write_at({zeros, size}, from); !done) return done;
    from += size;
    control.zeroed.store(from, std::memory_order_relaxed);
  }
  return {};
}

}  // namespace tidings::log
