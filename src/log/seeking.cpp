#include <algorithm>

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
  if (sought_ && (firsts_.empty() || sought_->first_offset() < firsts_.front())) sought_.reset();  // its room is free
  return {};
}

Result<std::uint64_t> PartitionLog::earliest() {
  const std::scoped_lock lock(segments_mutex_);
  if (auto known = know_segments(); !known) return known.error();
  return firsts_.empty() ? committed() : firsts_.front();
}

Result<std::shared_ptr<Segment>> PartitionLog::segment_of(std::uint64_t offset) {
  const std::scoped_lock lock(segments_mutex_);
  forget_replaced(control().faults.load());
  std::erase_if(open_, [](const auto& known) { return known.second.expired(); });
  if (auto known = know_segments(); !known) return known.error();
  const auto after = std::ranges::upper_bound(firsts_, offset);
  if (after == firsts_.begin() && offset < control().earliest.load()) return removed(offset);
  if (after == firsts_.begin())
    return Error{"corrupt",
                 path() + ": there is no segment for offset " + std::to_string(offset) + "; restore it from a copy",
                 Retry::never};
  const auto first = *std::prev(after);
  for (const auto& [known, weak] : open_)
    if (known == first)
      if (auto segment = weak.lock()) return segment;
  auto segment = Segment::open(*directory_, first, Segment::Access::read);
  if (segment) {
    open_.emplace_back(first, *segment);
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

/// Append times never go back: the segment is found by halves, the place in it by its index.
Result<std::uint64_t> PartitionLog::first_there_at(TimePoint time) {
  const auto end = visible_end();
  std::vector<std::uint64_t> firsts;
  {
    const std::scoped_lock lock(segments_mutex_);
    if (auto known = know_segments(); !known) return known.error();
    firsts.assign(firsts_.begin(), std::ranges::lower_bound(firsts_, end));
  }
  if (firsts.empty()) return end;
  // One whose first frame cannot be read may begin at any time: the search goes on in front of it, and reading comes
  // by.
  const auto begins_before = [&](std::uint64_t first) -> Result<bool> {
    auto segment = segment_of(first);
    if (!segment) return segment.error();
    const auto frame = (*segment)->frame_at(sizeof(SegmentHeader));
    return frame && frame->header->type != FrameType::seal && frame->header->time < time.time_since_epoch().count();
  };
  std::size_t low = 0;
  auto high = firsts.size();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    auto before = begins_before(firsts[middle]);
    if (!before) return before.error();
    if (*before)
      low = middle + 1;
    else
      high = middle;
  }
  auto segment = segment_of(firsts[low == 0 ? 0 : low - 1]);
  if (!segment) return segment.error();
  Cursor cursor(*this);
  cursor.seek(low == 0 ? firsts.front() : place_before(*segment, time).offset);
  while (true) {
    auto item = cursor.next(end);
    if (!item) return item.error();
    if (!*item) return end;
    if ((*item)->appended >= time) return (*item)->offset;
  }
}

}  // namespace tidings::log
