#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/frame.hpp"
#include "log/segment.hpp"

// The sparse index beside a sealed segment; docs/format/log.md is the text of it. A hint: whoever uses a place of it
// looks first whether that frame stands there, and where an index is missing or wrong it is made anew from the segment.
namespace tidings::log {

inline constexpr std::uint64_t index_magic = 0x3058444953444954;  // "TIDSIDX0"

/// Behind it the places follow, `IndexPlace` each.
struct IndexHeader {
  std::uint64_t magic = index_magic;
  std::uint32_t version = format_version;
  std::uint32_t count = 0;  ///< of the places
  std::uint64_t first_offset = 0;
  std::uint64_t salt = 0;          ///< of the segment: no other one's index passes for its own
  std::uint64_t end_offset = 0;    ///< of the segment's seal
  std::uint64_t end_position = 0;  ///< where the seal stands
  std::uint32_t reserved[3] = {};
  std::uint32_t checksum = 0;  ///< CRC-32C of what stands before it, and of all places
};
static_assert(sizeof(IndexHeader) == 64 && sizeof(IndexPlace) == 24);

struct SegmentIndex {
  std::uint64_t end_offset = 0;
  std::uint64_t end_position = 0;
  std::vector<IndexPlace> places;  ///< ascending

  friend bool operator==(const SegmentIndex&, const SegmentIndex&) = default;
};

/// `00000000000000000042.idx`.
[[nodiscard]] std::string index_name(std::uint64_t first_offset);
/// The first offset that an index's name says; nullopt where it is no index's name.
[[nodiscard]] std::optional<std::uint64_t> index_first_offset(std::string_view name);

/// How far apart its places stand at least: farther in one that is huge for the sake of a batch.
[[nodiscard]] constexpr std::uint64_t index_step(std::uint64_t segment_bytes, std::uint64_t every) {
  return std::max(every, segment_bytes >> 16);
}

/// From the segment's frames: the first, and each that begins `every` bytes or more behind the one before it. Nullopt
/// where the segment is not sealed, or damaged as far as their headers tell.
[[nodiscard]] std::optional<SegmentIndex> index_of(const Segment& segment, std::uint64_t every = index_every_bytes);

/// The whole file's bytes.
[[nodiscard]] std::vector<std::byte> encode_index(const SegmentIndex& index, std::uint64_t first_offset,
                                                  std::uint64_t salt);

/// What is wrong with an index file.
struct IndexProblem {
  std::string_view code;
  std::uint64_t byte = 0;
  std::string_view why;
};
/// Reads what `encode_index` made for the segment of this header. Every bit counts, and every bound is looked at, but
/// not whether the places fit the frames.
[[nodiscard]] std::optional<IndexProblem> decode_index(std::span<const std::byte> bytes, const SegmentHeader& segment,
                                                       SegmentIndex& index);
/// The most bytes that the index of a segment of this size may have.
[[nodiscard]] constexpr std::uint64_t index_bytes_max(std::uint64_t segment_bytes) {
  return sizeof(IndexHeader) + std::min<std::uint64_t>(1 + segment_bytes / 512, 1 << 17) * sizeof(IndexPlace);
}

}  // namespace tidings::log
