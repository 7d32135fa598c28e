#include "log/index_draft.hpp"

#include <utility>

namespace tidings::log {

void IndexDraft::begin(std::uint64_t first_offset, std::uint64_t segment_bytes, std::uint64_t every) {
  holds_ = true;
  segment_ = first_offset;
  end_ = next_ = sizeof(SegmentHeader);
  every_ = index_step(segment_bytes, every);
  places_.clear();
}

void IndexDraft::add_places(IndexPlace place, std::span<const EnvelopeView* const> events) {
  for (const auto* const event : events) {
    if (place.position >= next_) {
      places_.push_back(place);
      next_ = place.position + every_;
    }
    place.position += frame_bytes(*event);
    ++place.offset;
  }
}

std::optional<SegmentIndex> IndexDraft::finish(std::uint64_t segment, std::uint64_t end_offset,
                                               std::uint64_t position) {
  if (!std::exchange(holds_, false) || segment_ != segment || end_ != position || places_.empty()) return std::nullopt;
  return SegmentIndex{.end_offset = end_offset, .end_position = position, .places = std::exchange(places_, {})};
}

}  // namespace tidings::log
