#pragma once

#include <memory>
#include <string>

#include "log/checking.hpp"
#include "log/frame_sight.hpp"
#include "log/index_check.hpp"

namespace tidings::log {

/// Goes over the frames of one segment, in order, and tells what is wrong with each that is whole. What stops it, the
/// caller judges: the same bytes are a torn tail in one place and damage in another.
class SegmentCheck {
 public:
  /// Where a walk stands, from one segment to the next.
  struct Place {
    std::uint64_t offset = 0;  ///< of the event that is expected next
    std::int64_t time = INT64_MIN;
    std::uint32_t epoch = 0;
  };
  /// The first offset of each epoch that was seen: a group's position of an older epoch holds up to there.
  using Epochs = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

  enum class Stop {
    limit,    ///< the offset that the caller named was reached
    nothing,  ///< no frame stands there
    damaged,  ///< `sight()` says how
    gap,      ///< a whole frame of another offset
    seal,
  };

  SegmentCheck(Checking& checking, std::unique_ptr<File> file, std::string name, Epochs& epochs);

  /// Reads and judges the header. False: nothing can be said of the frames; `problem()` says why.
  Result<bool> read_header(std::uint64_t first_offset);
  [[nodiscard]] const Finding& problem() const { return problem_; }

  /// Where it goes on from: the segment before.
  void begin(const Place& from);
  /// What the walk comes by, from now on, is compared with this.
  void compare(IndexCheck index) { index_ = std::move(index); }
  [[nodiscard]] IndexCheck& index() { return index_; }
  /// On to the next thing that stops it, at the latest before the event `limit`.
  Result<Stop> walk(std::uint64_t limit);
  /// After damage: to the next whole frame of this partition, if there is one. Returns how many events it passed over.
  Result<std::optional<std::uint64_t>> skip_damage();

  [[nodiscard]] const FrameSight& sight() const { return sight_; }
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] std::uint64_t position() const { return position_; }
  /// Behind the last batch that is whole.
  [[nodiscard]] std::uint64_t end_offset() const { return end_offset_; }
  [[nodiscard]] std::uint64_t end_position() const { return end_position_; }
  [[nodiscard]] bool is_batch_open() const { return end_offset_ != place_.offset; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  /// No frame begins it.
  Result<bool> is_empty();
  /// Where the last byte at or behind `from` ends that is not 0.
  Result<std::uint64_t> used(std::uint64_t from);
  /// A frame at or behind `from` which proves that the events up to behind `end` were synced.
  Result<std::optional<FramePlace>> find_proof(std::uint64_t from, std::uint64_t end);

  void report(Severity severity, std::string code, std::string why) const {
    report_at(position_, place_.offset, severity, std::move(code), std::move(why));
  }
  void report_at(std::optional<std::uint64_t> byte, std::optional<std::uint64_t> offset, Severity severity,
                 std::string code, std::string why) const {
    checking_->findings.add({severity, std::move(code), name_, byte, offset, std::move(why)});
  }

 private:
  void check_producer(const FrameHeader& header);
  void open() { checking_->window.open(*file_); }
  bool problem(std::string code, std::uint64_t byte, std::string why);

  Checking* checking_;
  std::unique_ptr<File> file_;
  std::string name_;
  Place place_;
  Epochs* epochs_;
  ProducerTable producers_;  // a segment begins with the state of those before it
  SegmentHeader header_;
  Finding problem_;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = sizeof(SegmentHeader);
  std::uint64_t end_offset_ = 0;
  std::uint64_t end_position_ = sizeof(SegmentHeader);
  std::uint64_t budget_ = 0;
  FrameSight sight_;
  IndexCheck index_;
};

}  // namespace tidings::log
