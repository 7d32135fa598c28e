#include <algorithm>

#include "log/partition_log.hpp"

// Who published, as the frames say: every process that writes goes over what others wrote, and notes it, before it
// writes itself. Each segment begins with the state of those before it, so that none of them has to be read.
namespace tidings::log {

/// Notes what a frame says of its producer, or of all. False where it is damaged.
bool PartitionLog::learn_frame(const Segment& segment, std::uint64_t position) {
  const auto frame = segment.frame_at(position);
  if (!frame) return false;
  const auto& header = *frame->header;
  if (header.type == FrameType::producers)
    return position == sizeof(SegmentHeader) && read_producers(*frame, producers_);
  if (header.type != FrameType::data) return false;
  producers_.note(header.producer_id, header.producer_epoch, header.sequence, header.offset, header.time);
  return true;
}

/// All that a segment says, up to `end`.
Result<> PartitionLog::learn_producers(const Segment& segment, std::uint64_t end) {
  producers_.clear();
  for (std::uint64_t at = sizeof(SegmentHeader); at < end;) {
    const auto length = segment.length_at(at);
    if (length < sizeof(FrameHeader) || padded(length) > end - at) return corrupt_at(segment, at, "a frame is missing");
    const auto& header = segment.header_at(at);
    if (header.type == FrameType::seal) break;
    if ((header.type != FrameType::data || header.producer_id != 0) && !learn_frame(segment, at))
      return corrupt_at(segment, at, "a producer's frame has a wrong checksum");
    at += padded(length);
  }
  return {};
}

/// Where `segment` has no event yet, the one before it says who published; there may be none.
Result<> PartitionLog::learn_producers_before(std::uint64_t segment) {
  producers_.clear();
  auto firsts = list_segments();
  if (!firsts) return firsts.error();
  const auto at = std::ranges::lower_bound(*firsts, segment);
  if (at == firsts->begin()) return {};
  auto before = Segment::open(*directory_, *std::prev(at), Segment::Access::read);
  if (!before) return before.error();
  return learn_producers(**before, (*before)->size());
}

}  // namespace tidings::log
