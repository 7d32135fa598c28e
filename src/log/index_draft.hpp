#pragma once

#include <optional>
#include <span>

#include "log/index.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::log {

/// The index of the segment that is written, made while it is, so that nobody has to walk through it afterwards: such a
/// walk takes its pages through the caches once more, beside the writer. It holds as long as one process has written
/// all of the segment; else there is none, and whoever needs it walks.
class IndexDraft {
 public:
  /// Of a segment in which nothing stands yet; places stand `every` bytes apart, as `index_of` has them.
  void begin(std::uint64_t first_offset, std::uint64_t segment_bytes, std::uint64_t every);
  void forget() { holds_ = false; }

  /// Where one append stands, its producers included.
  struct Written {
    std::uint64_t segment = 0;  ///< its first offset
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  /// `first` is the first event's, `begin` the end of the append before: else somebody else has written.
  void add(const Written& written, const IndexPlace& first, std::span<const EnvelopeView* const> events) {
    if (!holds_) return;
    holds_ = written.segment == segment_ && written.begin == end_;
    end_ = written.end;
    if (written.end > next_) [[unlikely]]
      add_places(first, events);
  }

  /// What the segment's index says, now that its seal stands at `position`; nullopt where it does not hold.
  [[nodiscard]] std::optional<SegmentIndex> finish(std::uint64_t segment, std::uint64_t end_offset,
                                                   std::uint64_t position);

 private:
  void add_places(IndexPlace place, std::span<const EnvelopeView* const> events);

  bool holds_ = false;
  std::uint64_t segment_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t next_ = 0;  // from here on a frame is a place
  std::uint64_t every_ = 0;
  std::vector<IndexPlace> places_;
};

}  // namespace tidings::log
