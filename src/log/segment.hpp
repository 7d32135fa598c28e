#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "log/frame.hpp"
#include "tidings/base/clock.hpp"
#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// `00000000000000000042.log`.
[[nodiscard]] std::string segment_name(std::uint64_t first_offset);
/// The first offset that a segment's name says; nullopt where it is no segment's name.
[[nodiscard]] std::optional<std::uint64_t> segment_first_offset(std::string_view name);

/// How far apart the places are that are remembered of a segment, about.
inline constexpr std::uint64_t index_every_bytes = std::uint64_t{16} << 10;

/// Where a frame stands in a segment.
struct IndexPlace {
  std::uint64_t offset = 0;
  std::uint64_t position = 0;
  std::int64_t time = 0;  ///< of its append

  friend bool operator==(const IndexPlace&, const IndexPlace&) = default;
};

/// One segment file, mapped whole. Thread-safe. What stands in it never changes once it is visible, so readers need no
/// lock; the mapping lives as long as anybody keeps the segment.
class Segment {
 public:
  enum class Access {
    read,   ///< through its mapping alone: it has no descriptor
    write,  ///< also through its file: `write`; a store into the mapping would be a SIGSEGV
    store,  ///< also through its mapping: `data`, `clear`
  };
  /// Errors: `corrupt` (never) where the header is damaged or does not fit the name, `newer_version` (never), and those
  /// of `File`.
  static Result<std::shared_ptr<Segment>> open(Directory& partition, std::uint64_t first_offset, Access access);

  struct Plan {
    std::uint64_t first_offset = 0;
    std::uint64_t size = 0;
    std::uint32_t epoch = 0;
    bool replaces = false;             ///< one of that name gives way, in one step
    bool is_synced = true;             ///< it, and then its name
    std::span<std::byte> frames = {};  ///< it begins with; their checksums are made anew, from its salt
  };
  /// Makes the file in full, so that writing finds the disk full here or never: allocated, and synced if so
  /// planned. After an error it may be there or not.
  static Result<> prepare(Directory& partition, const Plan& plan);

  Segment(std::string path, std::shared_ptr<File> file, Mapping mapping, const SegmentHeader& header);

  [[nodiscard]] std::uint64_t first_offset() const { return header_.first_offset; }
  [[nodiscard]] std::uint64_t size() const { return mapping_.size(); }
  [[nodiscard]] std::uint64_t salt() const { return header_.salt; }
  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] std::uint32_t epoch() const { return header_.epoch; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Of one that was opened to be written.
  [[nodiscard]] File& file() const { return *file_; }
  /// For who syncs it when nobody writes it any more: without the mapping, whose pages would be made read-only one by
  /// one, each with an interrupt of the other processors.
  [[nodiscard]] std::shared_ptr<File> shared_file() const { return file_; }

  /// The frame at `position`, checked.
  [[nodiscard]] std::optional<Frame> frame_at(std::uint64_t position) const;
  /// The length word at `position`, unchecked: 0 where nothing is.
  [[nodiscard]] std::uint32_t length_at(std::uint64_t position) const;
  /// What stands there, unchecked: only where `length_at` says that it is a header at least.
  [[nodiscard]] const FrameHeader& header_at(std::uint64_t position) const {
    return *reinterpret_cast<const FrameHeader*>(mapping_.data() + position);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {mapping_.data(), mapping_.size()}; }

  /// Where a writer with `Access::store` puts frames.
  [[nodiscard]] std::byte* data() const { return mapping_.data(); }
  /// Zeroes a range, the word at its beginning first.
  void clear(std::uint64_t begin, std::uint64_t end);

  /// The last place at or before `offset` that is known, to scan from: by the index, or since a scan has passed it.
  /// Whatever says so, it counts only if that very frame stands there; else nullopt, and all places are forgotten.
  [[nodiscard]] std::optional<IndexPlace> place_before(std::uint64_t offset);
  /// The last one whose frame was appended before `time`, likewise.
  [[nodiscard]] std::optional<IndexPlace> place_before(TimePoint time);
  /// Of a frame that a scan comes by, each 16 KiB. Returns from which position on it wants to hear of one again.
  std::uint64_t remember(const IndexPlace& place);
  /// Takes over what the index says: its places stand in the file of it that is mapped.
  void adopt(Mapping index, std::span<const IndexPlace> places);
  void adopt(std::vector<IndexPlace> places);
  [[nodiscard]] bool is_indexed() const { return is_indexed_.load(std::memory_order_acquire); }

 private:
  [[nodiscard]] std::span<const IndexPlace> places() const { return indexed_.empty() ? places_ : indexed_; }
  [[nodiscard]] std::optional<IndexPlace> checked(std::span<const IndexPlace> before);

  std::string path_;
  std::shared_ptr<File> file_;  // none: for reading
  Mapping mapping_;
  SegmentHeader header_;
  mutable std::mutex mutex_;
  std::vector<IndexPlace> places_;  // ascending
  Mapping index_;
  std::span<const IndexPlace> indexed_;  // in it, in place of `places_`
  std::atomic<bool> is_indexed_ = false;
};

/// Makes the frame at `at` be there, once all that belongs to it is.
inline void store_commit_word(std::byte* at, std::uint64_t word) {
  reinterpret_cast<std::atomic<std::uint64_t>*>(at)->store(word, std::memory_order_release);
}

/// What stands at `position` cannot be; the message names file and byte.
[[nodiscard]] Error corrupt_at(const Segment& segment, std::uint64_t position, std::string_view why);

}  // namespace tidings::log
