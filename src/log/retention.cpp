#include <algorithm>

#include "log/index.hpp"
#include "log/partition_log.hpp"

namespace tidings::log {

Error PartitionLog::removed(std::uint64_t offset) const {
  return {"removed",
          path() + ": the event of offset " + std::to_string(offset) +
              " was removed, as the topic's retention says; go on at offset " +
              std::to_string(control().earliest.load()),
          Retry::same_call};
}

/// The files' sizes, in the order of `firsts`. They never change, so each is asked for once.
Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> PartitionLog::known_sizes(
    std::span<const std::uint64_t> firsts) {
  const std::scoped_lock lock(sizes_mutex_);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes;
  auto before = sizes_.begin();
  for (const auto first : firsts) {
    while (before != sizes_.end() && before->first < first) ++before;
    if (before != sizes_.end() && before->first == first) {
      sizes.push_back(*before);
      continue;
    }
    auto file = directory_->file(segment_name(first), Directory::Create::never, false);
    if (!file && file.error().code != "not_found") return file.error();
    auto size = file ? (*file)->size() : Result<std::uint64_t>{0};
    if (!size) return size.error();
    sizes.emplace_back(first, *size);
  }
  sizes_ = sizes;
  // The one that is written may yet give way to a larger.
  while (!sizes_.empty() && sizes_.back().first >= control().segment.load()) sizes_.pop_back();
  return sizes;
}

/// One after another from the oldest on, each synced before the next: a gap would be damage. Any process may do it, and
/// several at once.
Result<std::size_t> PartitionLog::remove_old(const Keeping& keeping, std::uint64_t keep_from) {
  if (keeping.is_for_ever()) return std::size_t{0};
  auto& control = this->control();
  auto names = directory_->list();
  if (!names) return names.error();
  std::vector<std::uint64_t> firsts;
  for (const auto& name : *names) {
    if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
    // Left where somebody died between a segment's removal and that of its index.
    const auto index = index_first_offset(std::string_view(name).substr(name.starts_with('~') ? 1 : 0));
    if (index && *index < control.earliest.load())
      if (auto done = directory_->remove_file(name); !done && done.error().code != "not_found") return done.error();
  }
  // Sealed, and synced: recovery takes what stands before the last ones for granted.
  const auto bound = std::min({control.unsynced.load(), control.segment.load(), keep_from});
  std::uint64_t bytes = 0;
  auto known = known_sizes(keeping.bytes == 0 ? std::span{firsts}.first(0) : std::span{firsts});
  if (!known) return known.error();
  for (const auto& [first, size] : *known) bytes += size;
  const auto oldest = setting_.clock->now() - keeping.age;
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < firsts.size() && firsts[i + 1] <= bound; ++i) {
    const auto next = firsts[i + 1];
    // One without an event does not know yet who published before it.
    if (next == control.segment.load() && has_no_event()) {
      if (keeping.age == Duration{}) break;
      auto gone = remove_before_empty(firsts[i], next, oldest);
      if (!gone) return gone.error();
      count += *gone ? 1 : 0;
      break;
    }
    const auto size = keeping.bytes == 0 ? 0 : (*known)[i].second;
    bool goes = keeping.bytes != 0 && bytes >= keeping.bytes + size;
    if (!goes && keeping.age != Duration{}) {
      // Append times never go back: all before is as old as the next one's first.
      auto segment = segment_of(next);
      if (!segment) return segment.error();
      const auto frame = (*segment)->frame_at(sizeof(SegmentHeader));
      goes = frame && frame->header->type != FrameType::seal && TimePoint{Duration{frame->header->time}} < oldest;
    }
    if (!goes) break;
    // Before it goes: who does not find it any more looks here why.
    auto before = control.earliest.load();
    while (before < next && !control.earliest.compare_exchange_weak(before, next)) {
    }
    if (auto done = remove_segment(firsts[i]); !done && done.error().code != "not_found") return done.error();
    if (auto done = directory_->sync(); !done) return done.error();
    bytes -= std::min(bytes, size);
    ++count;
  }
  if (count > 0) {
    const std::scoped_lock lock(segments_mutex_);
    firsts_.clear();
    segments_->forget_before(this, control.earliest.load());  // their room is wanted
  }
  return count;
}

}  // namespace tidings::log
