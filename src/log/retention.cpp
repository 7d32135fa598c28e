#include <algorithm>

#include "log/partition_log.hpp"

namespace tidings::log {

Error PartitionLog::removed(std::uint64_t offset) const {
  return {"removed",
          path() + ": the event of offset " + std::to_string(offset) +
              " was removed, as the topic's retention says; go on at offset " +
              std::to_string(control().earliest.load()),
          Retry::same_call};
}

/// One after another from the oldest on, each synced before the next: a gap would be damage. Any process may do it, and
/// several at once.
Result<std::size_t> PartitionLog::remove_old(const Keeping& keeping, std::uint64_t keep_from) {
  if (keeping.is_for_ever()) return std::size_t{0};
  auto& control = this->control();
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  // Sealed, and synced: recovery takes what stands before the last ones for granted.
  const auto bound = std::min({control.unsynced.load(), control.segment.load(), keep_from});
  std::uint64_t bytes = 0;
  const auto size_of = [&](std::uint64_t first) -> Result<std::uint64_t> {
    auto file = directory_->file(segment_name(first), Directory::Create::never, false);
    if (!file && file.error().code == "not_found") return std::uint64_t{0};
    if (!file) return file.error();
    return (*file)->size();
  };
  if (keeping.bytes != 0)
    for (const auto first : *firsts) {
      auto size = size_of(first);
      if (!size) return size.error();
      bytes += *size;
    }
  const auto oldest = setting_.clock->now() - keeping.age;
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < firsts->size() && (*firsts)[i + 1] <= bound; ++i) {
    const auto next = (*firsts)[i + 1];
    // One without an event does not know yet who published before it.
    if (next == control.segment.load() && control.position.load() <= sizeof(SegmentHeader)) break;
    auto size = size_of((*firsts)[i]);
    if (!size) return size.error();
    bool goes = keeping.bytes != 0 && bytes >= keeping.bytes + *size;
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
    if (auto done = directory_->remove_file(segment_name((*firsts)[i])); !done && done.error().code != "not_found")
      return done.error();
    if (auto done = directory_->sync(); !done) return done.error();
    bytes -= std::min(bytes, *size);
    ++count;
  }
  if (count > 0) {
    const std::scoped_lock lock(segments_mutex_);
    firsts_.clear();
  }
  return count;
}

}  // namespace tidings::log
