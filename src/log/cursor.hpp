#pragma once

#include <memory>

#include "log/partition_log.hpp"

namespace tidings::log {

/// Reads a partition in the order of offsets, from any place. Not thread-safe. Keeps the segment that it stands in
/// mapped.
class Cursor {
 public:
  explicit Cursor(PartitionLog& partition) : partition_(&partition) {}

  struct Item {
    std::uint64_t offset = 0;
    TimePoint appended{};
    std::uint32_t epoch = 0;
    EnvelopeView envelope;
    std::shared_ptr<const void> owner;  ///< keeps what the envelope points to
  };

  /// Where it reads next.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  void seek(std::uint64_t offset);
  /// The next event before `end`, until the next call; null at the end. Errors: `corrupt` (never), naming file and
  /// byte.
  Result<const Item*> next(std::uint64_t end);

 private:
  Result<> find();
  Result<> follow_seal();

  PartitionLog* partition_;
  std::uint64_t offset_ = 0;
  std::shared_ptr<Segment> segment_;  // none: to be found
  std::uint32_t faults_ = 0;          // in which it was found
  std::uint64_t position_ = 0;
  std::uint64_t remember_at_ = 0;  // the next position that the segment is told
  Item item_;
};

}  // namespace tidings::log
