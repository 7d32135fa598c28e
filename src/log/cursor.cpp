#include "log/cursor.hpp"

namespace tidings::log {

void Cursor::seek(std::uint64_t offset) {
  if (offset == offset_ && segment_) return;
  offset_ = offset;
  segment_.reset();
}

Result<> Cursor::find() {
  faults_ = partition_->faults();
  auto segment = partition_->segment_of(offset_);
  if (!segment) return segment.error();
  auto [offset, position, time] = partition_->place_before(*segment, offset_);
  auto remember_at = position;
  while (offset < offset_) {
    const auto length = (*segment)->length_at(position);
    if (length < sizeof(FrameHeader) || position + length > (*segment)->size()) [[unlikely]] {
      auto anew = partition_->segment_anew(**segment);
      if (!anew) return anew.error();
      if (*anew == nullptr) return corrupt_at(**segment, position, "a frame is missing");
      *segment = std::move(*anew);
      continue;
    }
    const auto& header = (*segment)->header_at(position);
    const bool is_event = header.type != FrameType::producers;
    if (position >= remember_at) remember_at = (*segment)->remember({offset, position, header.time});
    position += padded(length);
    if (!is_event) continue;
    ++offset;
  }
  segment_ = std::move(*segment);
  position_ = position;
  remember_at_ = position_;
  item_.owner = segment_;
  return {};
}

/// To exactly the offset that the seal says.
Result<> Cursor::follow_seal() {
  const auto before = segment_->first_offset();
  segment_.reset();
  if (auto found = find(); !found) return found;
  if (segment_->first_offset() == offset_ && segment_->first_offset() != before) return {};
  return Error{
      "corrupt",
      partition_->path() + ": the segment of offset " + std::to_string(offset_) + " is missing; restore it from a copy",
      Retry::never};
}

Result<const Cursor::Item*> Cursor::next(std::uint64_t end) {
  if (offset_ >= end) return nullptr;
  // Looked at after the end was: the file may have been replaced, and behind what the old one had committed, where a
  // batch may have been torn, other events follow.
  if (partition_->faults() != faults_) [[unlikely]]
    segment_.reset();
  while (true) {
    if (!segment_) [[unlikely]]
      if (auto found = find(); !found) return found.error();
    const auto frame = segment_->frame_at(position_);
    if (!frame) [[unlikely]] {
      auto anew = partition_->segment_anew(*segment_);
      if (!anew) return anew.error();
      if (*anew == nullptr)
        return corrupt_at(*segment_, position_,
                          "the frame of offset " + std::to_string(offset_) + " has a wrong checksum");
      segment_ = std::move(*anew);
      item_.owner = segment_;
      continue;
    }
    if (frame->header->offset != offset_) [[unlikely]]
      return corrupt_at(
          *segment_, position_,
          "found offset " + std::to_string(frame->header->offset) + " in place of " + std::to_string(offset_));
    if (frame->header->type == FrameType::seal) [[unlikely]] {
      if (auto followed = follow_seal(); !followed) return followed.error();
      continue;
    }
    if (position_ == sizeof(SegmentHeader) && frame->header->type == FrameType::producers) [[unlikely]] {
      position_ += frame->bytes();
      continue;
    }
    if (!read_envelope(*frame, item_.envelope)) [[unlikely]]
      return corrupt_at(*segment_, position_, "the envelope's sizes do not add up");
    item_.offset = offset_;
    item_.appended = TimePoint{Duration{frame->header->time}};
    item_.epoch = frame->header->epoch;
    if (position_ >= remember_at_) [[unlikely]]
      remember_at_ = segment_->remember({offset_, position_, frame->header->time});
    position_ += frame->bytes();
    ++offset_;
    return &item_;
  }
}

}  // namespace tidings::log
