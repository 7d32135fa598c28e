#include "log/segment_check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "log/newer.hpp"

namespace tidings::log {
namespace {

/// What may be summed up in looking for frames behind damage.
constexpr std::uint64_t search_least = std::uint64_t{256} << 20;

}  // namespace

SegmentCheck::SegmentCheck(Checking& checking, std::unique_ptr<File> file, std::string name, Epochs& epochs)
    : checking_(&checking), file_(std::move(file)), name_(std::move(name)), epochs_(&epochs) {}

void SegmentCheck::begin(const Place& from) {
  place_ = from;
  end_offset_ = from.offset;
  if (header_.epoch < place_.epoch)
    report_at(offsetof(SegmentHeader, epoch), {}, Severity::error, "epoch_back",
              "made in epoch " + std::to_string(header_.epoch) + ", events in front of it are of epoch " +
                  std::to_string(place_.epoch));
  place_.epoch = std::max(place_.epoch, header_.epoch);
  open();
}

bool SegmentCheck::problem(std::string code, std::uint64_t byte, std::string why) {
  problem_ = {Severity::error, std::move(code), name_, byte, {}, std::move(why)};
  return false;
}

Result<bool> SegmentCheck::read_header(std::uint64_t first_offset) {
  auto size = file_->size();
  if (!size) return size.error();
  size_ = *size;
  open();
  auto bytes = checking_->window.at(0, sizeof header_);
  if (!bytes) return bytes.error();
  if (bytes->size() < sizeof header_) return problem("bad_header", 0, "shorter than a segment's header");
  std::memcpy(&header_, bytes->data(), sizeof header_);
  if (is_newer(header_))
    return problem("newer_version", 8,
                   "of format version " + std::to_string(header_.version) + ", this program reads up to " +
                       std::to_string(format_version) + "; run a newer one");
  if (header_.magic != segment_magic) return problem("bad_header", 0, "does not begin as a segment does");
  if (header_.checksum != header_checksum(header_))
    return problem("bad_header", offsetof(SegmentHeader, checksum), "the header's checksum is wrong");
  if (header_.byte_order != byte_order_mark)
    return problem("bad_header", offsetof(SegmentHeader, byte_order), "written in another byte order");
  if (header_.first_offset != first_offset)
    return problem(
        "wrong_header", offsetof(SegmentHeader, first_offset),
        "says that it begins at offset " + std::to_string(header_.first_offset) + ", which its name does not");
  if (header_.size != size_ || size_ % 8 != 0)
    return problem("wrong_size", offsetof(SegmentHeader, size),
                   "has " + std::to_string(size_) + " bytes, its header says " + std::to_string(header_.size));
  for (const auto reserved : header_.reserved)
    if (reserved != 0) return problem("wrong_header", offsetof(SegmentHeader, reserved), "reserved bytes are not 0");
  budget_ = search_least + 4 * std::min<std::uint64_t>(size_, search_least);
  return true;
}

Result<bool> SegmentCheck::is_empty() {
  open();
  auto bytes = checking_->window.at(sizeof(SegmentHeader), sizeof(std::uint32_t));
  if (!bytes) return bytes.error();
  return std::ranges::all_of(*bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

Result<std::uint64_t> SegmentCheck::used(std::uint64_t from) {
  open();
  return used_end(checking_->window, from, size_);
}

Result<SegmentCheck::Stop> SegmentCheck::walk(std::uint64_t limit) {
  while (true) {
    if (place_.offset >= limit) return Stop::limit;
    auto sight = sight_frame(checking_->window, position_, size_, header_.salt);
    if (!sight) return sight.error();
    sight_ = *sight;
    if (sight_.what == FrameSight::What::nothing) return Stop::nothing;
    if (sight_.what == FrameSight::What::damaged) return Stop::damaged;
    const auto& header = sight_.header;
    if (header.offset != place_.offset) return Stop::gap;
    if (header.time < place_.time)
      report(Severity::error, "time_back",
             "appended " + std::to_string(place_.time - header.time) + " ns before the event in front of it");
    if (header.epoch < place_.epoch)
      report(Severity::error, "epoch_back",
             "of epoch " + std::to_string(header.epoch) + ", behind one of epoch " + std::to_string(place_.epoch));
    if (!sight_.is_padding_zero)
      report(Severity::note, "padding", "the bytes behind the frame, which nobody reads, are not 0");
    place_.time = std::max(place_.time, header.time);
    place_.epoch = std::max(place_.epoch, header.epoch);
    if (header.type == FrameType::seal) return Stop::seal;
    if (header.type == FrameType::producers) {
      position_ += sight_.bytes;
      producers_ = std::move(*sight_.producers);
      continue;
    }
    if (header.producer_id != 0) check_producer(header);
    if (epochs_->empty() || epochs_->back().first < header.epoch) epochs_->emplace_back(header.epoch, place_.offset);
    if (position_ >= index_.next_position()) [[unlikely]]
      index_.pass({place_.offset, position_, header.time});
    position_ += sight_.bytes;
    ++place_.offset;
    ++checking_->summary.events;
    if (header.batch_end == 0) continue;
    end_offset_ = place_.offset;
    end_position_ = position_;
  }
}

/// What a producer has published already, or its successor forbids it, no writer appends.
void SegmentCheck::check_producer(const FrameHeader& header) {
  const auto judged = producers_.judge(header.producer_id, header.producer_epoch, {&header.sequence, 1});
  const auto who = "producer " + std::to_string(header.producer_id);
  if (judged.fenced_by)
    report(Severity::error, "producer_epoch_back",
           who + " of epoch " + std::to_string(header.producer_epoch) + ", behind one of epoch " +
               std::to_string(*judged.fenced_by));
  else if (!judged.duplicates.empty())
    report(Severity::error, "published_twice",
           "sequence " + std::to_string(header.sequence) + " of " + who + " had been published before");
  producers_.note(header.producer_id, header.producer_epoch, header.sequence, header.offset, header.time);
}

Result<std::optional<std::uint64_t>> SegmentCheck::skip_damage() {
  const auto wanted = place_.offset;
  // A frame takes 64 bytes at least: no offset of this segment is farther away than that.
  const auto farthest = wanted + (size_ - position_) / sizeof(FrameHeader);
  auto found = find_frame(
      checking_->window, {position_ + (sight_.what == FrameSight::What::whole ? 0 : 8), size_, size_}, header_.salt,
      budget_, [&](const FrameHeader& header) { return header.offset >= wanted && header.offset <= farthest; });
  if (!found) return found.error();
  if (!*found) return std::optional<std::uint64_t>{};
  position_ = end_position_ = (*found)->position;
  place_.offset = end_offset_ = (*found)->header.offset;
  return std::optional{place_.offset - wanted};
}

Result<std::optional<FramePlace>> SegmentCheck::find_proof(std::uint64_t from, std::uint64_t end) {
  open();
  auto until = used(from);
  if (!until) return until.error();
  return find_frame(checking_->window, {from, *until, size_}, header_.salt, budget_,
                    [&](const FrameHeader& header) { return header.offset >= end && header.durable_floor > end; });
}

}  // namespace tidings::log
