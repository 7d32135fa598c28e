#include <algorithm>
#include <limits>

#include "log/cursor.hpp"
#include "log/partition_log.hpp"

namespace tidings::log {

/// Looks at the names again where others may have made segments, or removed some. Under `segments_mutex_`.
Result<> PartitionLog::know_segments() {
  const auto& control = this->control();
  if (!firsts_.empty() && firsts_.front() >= control.earliest.load() && firsts_.back() == control.segment.load())
    return {};
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  firsts_ = std::move(*firsts);
  // What was removed: its room is free once nobody keeps it.
  const auto earliest = firsts_.empty() ? ~std::uint64_t{0} : firsts_.front();
  segments_->forget_before(this, earliest);
  first_times_.erase(first_times_.begin(), first_times_.lower_bound(earliest));
  return {};
}

Result<std::uint64_t> PartitionLog::earliest() {
  // Before the segments are looked for: the first may come meanwhile, and its events are not to be passed over.
  const auto end = committed();
  const std::scoped_lock lock(segments_mutex_);
  if (auto known = know_segments(); !known) return known.error();
  return firsts_.empty() ? end : firsts_.front();
}

Result<std::uint64_t> PartitionLog::earliest_if_none_is_lost() {
  auto there = earliest();
  if (!there) return there;
  // Retention says first what it removes; after a reboot nobody knows.
  const auto kept = control().earliest.load();
  if (*there <= kept || *there > committed()) return there;
  return Error{"corrupt",
               path() + ": the events from offset " + std::to_string(kept) + " to " + std::to_string(*there - 1) +
                   " are missing, and retention did not remove them; nothing was changed. Restore " +
                   segment_name(kept) + " from a copy, or go on behind them: `tidings seek --to " +
                   std::to_string(*there) + "`, for a reader `--from " + std::to_string(*there) + "`",
               Retry::never};
}

/// What was written anew stands in other files: whoever looks for a segment looks at that, too. Under
/// `segments_mutex_`.
void PartitionLog::forget_sought(std::uint32_t faults) {
  if (faults == sought_faults_) return;
  segments_->forget_all(this);
  open_.clear();
  first_times_.clear();
  sought_faults_ = faults;
}

/// One that has an event: a larger may take the name of one that has none. And one that counts: not what was opened
/// before a sync failed, or has been removed meanwhile.
void PartitionLog::keep_sought(const std::shared_ptr<Segment>& segment) {
  const std::scoped_lock lock(segments_mutex_);
  const auto first = segment->first_offset();
  const auto open = open_.find(first);
  if (open == open_.end() || open->second.lock() != segment) return;
  if (first < control().committed.load() && first >= control().earliest.load()) segments_->keep(this, segment);
}

Result<std::shared_ptr<Segment>> PartitionLog::segment_of(std::uint64_t offset) {
  const std::scoped_lock lock(segments_mutex_);
  forget_sought(control().faults.load());
  if (auto known = know_segments(); !known) return known.error();
  const auto after = std::ranges::upper_bound(firsts_, offset);
  if (after == firsts_.begin() && offset < control().earliest.load()) return removed(offset);
  if (after == firsts_.begin())
    return Error{"corrupt",
                 path() + ": there is no segment for offset " + std::to_string(offset) + "; restore it from a copy",
                 Retry::never};
  const auto first = *std::prev(after);
  if (auto kept = segments_->find(this, first)) return kept;
  if (const auto known = open_.find(first); known != open_.end())
    if (auto segment = known->second.lock()) return segment;
  auto segment = Segment::open(*directory_, first, Segment::Access::read);
  if (segment) {
    if (open_.size() >= open_looked_at_) {
      std::erase_if(open_, [](const auto& known) { return known.second.expired(); });
      open_looked_at_ = std::max<std::size_t>(16, 2 * open_.size());
    }
    open_[first] = *segment;
  } else if (segment.error().code == "not_found" && offset < control().earliest.load()) {
    firsts_.clear();  // it went after the look at the names
    return removed(offset);
  }
  return segment;
}

Result<std::uint64_t> PartitionLog::first_at(TimePoint time) {
  while (true) {
    auto found = first_there_at(time);
    if (found || found.error().code != "removed") return found;  // else what it looked at went meanwhile
  }
}

/// Of the last segment whose first event was appended before `time`, else of the first one; nullopt where none has an
/// event before `end`. Append times never go back, so it is found by halves; each first time is asked for once.
Result<std::optional<std::uint64_t>> PartitionLog::segment_before(TimePoint time, std::uint64_t end) {
  while (true) {
    std::uint64_t unknown = 0;
    {
      const std::scoped_lock lock(segments_mutex_);
      forget_sought(control().faults.load());
      if (auto known = know_segments(); !known) return known.error();
      std::size_t low = 0;
      auto high = static_cast<std::size_t>(std::ranges::lower_bound(firsts_, end) - firsts_.begin());
      if (high == 0) return std::optional<std::uint64_t>{};
      bool is_known = true;
      while (low < high && is_known) {
        const auto middle = low + (high - low) / 2;
        const auto first_time = first_times_.find(unknown = firsts_[middle]);
        is_known = first_time != first_times_.end();
        if (!is_known) break;
        if (first_time->second < time.time_since_epoch().count())
          low = middle + 1;
        else
          high = middle;
      }
      if (is_known) return std::optional{firsts_[low == 0 ? 0 : low - 1]};
    }
    if (auto learnt = learn_first_time(unknown); !learnt) return learnt.error();
  }
}

/// One whose first frame cannot be read may begin at any time: the search goes on in front of it, and reading comes
/// by.
Result<> PartitionLog::learn_first_time(std::uint64_t first) {
  auto segment = segment_of(first);
  if (!segment) return segment.error();
  const auto frame = (*segment)->frame_at(sizeof(SegmentHeader));
  const bool is_told = frame && frame->header->type != FrameType::seal;
  const std::scoped_lock lock(segments_mutex_);
  first_times_[first] = is_told ? frame->header->time : std::numeric_limits<std::int64_t>::max();
  return {};
}

Result<std::uint64_t> PartitionLog::first_there_at(TimePoint time) {
  const auto end = visible_end();
  auto first = segment_before(time, end);
  if (!first) return first.error();
  if (!*first) return end;
  auto segment = segment_of(**first);
  if (!segment) return segment.error();
  Cursor cursor(*this);
  cursor.seek(place_before(*segment, time).offset);
  while (true) {
    auto item = cursor.next(end);
    if (!item) return item.error();
    if (!*item) return end;
    if ((*item)->appended >= time) return (*item)->offset;
  }
}

}  // namespace tidings::log
