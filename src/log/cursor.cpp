#include "log/cursor.hpp"

namespace tidings::log {

void Cursor::seek(std::uint64_t offset) {
  if (offset == offset_ && segment_) return;
  offset_ = offset;
  segment_.reset();
}

Result<> Cursor::find() {
  auto segment = partition_->segment_of(offset_);
  if (!segment) return segment.error();
  auto [offset, position] = (*segment)->seek_hint(offset_);
  while (offset < offset_) {
    const auto length = (*segment)->length_at(position);
    if (length < sizeof(FrameHeader) || position + length > (*segment)->size())
      return corrupt_at(**segment, position, "a frame is missing");
    position += padded(length);
    ++offset;
    (*segment)->remember(offset, position);
  }
  segment_ = std::move(*segment);
  position_ = position;
  return {};
}

Result<std::optional<Cursor::Item>> Cursor::next(std::uint64_t end) {
  if (offset_ >= end) return std::optional<Item>{};
  while (true) {
    if (!segment_)
      if (auto found = find(); !found) return found.error();
    const auto frame = segment_->frame_at(position_);
    if (!frame)
      return corrupt_at(*segment_, position_,
                        "the frame of offset " + std::to_string(offset_) + " has a wrong checksum");
    if (frame->header->offset != offset_)
      return corrupt_at(
          *segment_, position_,
          "found offset " + std::to_string(frame->header->offset) + " in place of " + std::to_string(offset_));
    if (frame->header->type == FrameType::seal) {
      const auto before = segment_->first_offset();
      segment_.reset();
      if (auto found = find(); !found) return found.error();
      if (segment_->first_offset() != offset_ || segment_->first_offset() == before)
        return Error{"corrupt",
                     partition_->path() + ": the segment of offset " + std::to_string(offset_) +
                         " is missing; restore it from a copy",
                     Retry::never};
      continue;
    }
    const auto envelope = read_envelope(*frame);
    if (!envelope) return corrupt_at(*segment_, position_, "the envelope's sizes do not add up");
    Item item{offset_, TimePoint{Duration{frame->header->time}}, frame->header->epoch, *envelope, segment_};
    position_ += frame->bytes();
    ++offset_;
    segment_->remember(offset_, position_);
    return std::optional<Item>{std::move(item)};
  }
}

}  // namespace tidings::log
