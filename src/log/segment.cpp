#include "log/segment.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

#include "log/newer.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

std::atomic<std::uint64_t>& word_at(std::byte* data) {
  return *reinterpret_cast<std::atomic<std::uint64_t>*>(data);
}

/// Makes whole frames, one behind another, those of a segment with this salt.
void put_salt(std::span<std::byte> frames, std::uint64_t salt) {
  for (std::size_t at = 0; at < frames.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, frames.data() + at, sizeof length);
    const auto commit = commit_word(frames.data() + at, length, salt);
    std::memcpy(frames.data() + at, &commit, sizeof commit);
    at += padded(length);
  }
}

}  // namespace

std::string segment_name(std::uint64_t first_offset) {
  char text[32];
  std::snprintf(text, sizeof text, "%020llu.log", static_cast<unsigned long long>(first_offset));
  return text;
}

std::optional<std::uint64_t> segment_first_offset(std::string_view name) {
  if (name.size() != 24 || !name.ends_with(".log")) return std::nullopt;
  std::uint64_t offset = 0;
  const char* const digits = name.data();
  const auto [end, error] = std::from_chars(digits, digits + 20, offset);
  if (error != std::errc{} || end != digits + 20) return std::nullopt;
  return offset;
}

Segment::Segment(std::string path, std::shared_ptr<File> file, Mapping mapping, const SegmentHeader& header)
    : path_(std::move(path)), file_(std::move(file)), mapping_(std::move(mapping)), header_(header) {}

Result<std::shared_ptr<Segment>> Segment::open(Directory& partition, std::uint64_t first_offset, Access access) {
  auto file = partition.file(segment_name(first_offset), Directory::Create::never, access != Access::read);
  if (!file) return file.error();
  auto size = (*file)->size();
  if (!size) return size.error();
  const auto corrupt = [&](std::string_view why) {
    return Error{"corrupt",
                 (*file)->path() + " " + std::string(why) + "; restore it from a copy, or move the topic's folder away",
                 Retry::never};
  };
  SegmentHeader header;
  auto got = (*file)->read_at(std::as_writable_bytes(std::span{&header, 1}), 0);
  if (!got) return got.error();
  if (*got != sizeof header) return corrupt("is shorter than a segment's header");
  if (is_newer(header))
    return Error{"newer_version",
                 (*file)->path() + " is of a later format than this program reads (" + std::to_string(format_version) +
                     "); run a newer one",
                 Retry::never};
  if (header.magic != segment_magic || header.byte_order != byte_order_mark ||
      header.checksum != header_checksum(header))
    return corrupt("has a damaged header at byte 0");
  if (header.first_offset != first_offset)
    return corrupt("says that it begins at offset " + std::to_string(header.first_offset));
  if (header.size != *size || *size % 8 != 0)
    return corrupt("has " + std::to_string(*size) + " bytes, its header says " + std::to_string(header.size));
  // A copy may lack blocks, and then a store finds the disk full.
  if (access == Access::store)
    if (auto allocated = (*file)->allocate(*size); !allocated) return allocated.error();
  auto mapping = (*file)->map(*size, access == Access::store);
  if (!mapping) return mapping.error();
  auto path = (*file)->path();
  auto kept = access == Access::read ? std::shared_ptr<File>{} : std::shared_ptr<File>(std::move(*file));
  return std::make_shared<Segment>(std::move(path), std::move(kept), std::move(*mapping), header);
}

Result<> Segment::prepare(Directory& partition, const Plan& plan) {
  const auto name = segment_name(plan.first_offset);
  const auto size = plan.size;
  const auto draft = "~" + name;  // no segment's name, so nobody reads it
  // Left behind by a process that died here.
  if (auto removed = partition.remove_file(draft); !removed && removed.error().code != "not_found") return removed;
  auto file = partition.file(draft, Directory::Create::must);
  if (!file) return file.error();
  const auto give_up = [&](Error error) -> Result<> {
    if (auto removed = partition.remove_file(draft); !removed) error.message += "; " + removed.error().message;
    return error;
  };
  if (auto done = (*file)->allocate(size); !done) return give_up(done.error());
  SegmentHeader header;
  header.first_offset = plan.first_offset;
  header.size = size;
  header.salt = system_entropy().next();
  header.epoch = plan.epoch;
  header.checksum = header_checksum(header);
  if (auto done = (*file)->write_at(std::as_bytes(std::span{&header, 1}), 0); !done) return give_up(done.error());
  if (!plan.frames.empty()) {
    put_salt(plan.frames, header.salt);
    if (auto done = (*file)->write_at(plan.frames, sizeof header); !done) return give_up(done.error());
  }
  if (plan.is_synced)
    if (auto done = (*file)->sync_data(); !done) return give_up(done.error());
  auto named = plan.replaces ? partition.replace(draft, name) : partition.rename(draft, name);
  if (!named) return give_up(named.error());
  return plan.is_synced ? partition.sync() : Result<>{};
}

std::uint32_t Segment::length_at(std::uint64_t position) const {
  if (position > mapping_.size() || mapping_.size() - position < sizeof(FrameHeader)) return 0;
  return static_cast<std::uint32_t>(word_at(mapping_.data() + position).load(std::memory_order_acquire));
}

std::optional<Frame> Segment::frame_at(std::uint64_t position) const {
  if (length_at(position) == 0) return std::nullopt;
  return read_frame(bytes().subspan(position), header_.salt);
}

void Segment::clear(std::uint64_t begin, std::uint64_t end) {
  end = std::min(end, size());
  if (begin >= end) return;
  word_at(mapping_.data() + begin).store(0, std::memory_order_release);
  std::memset(mapping_.data() + begin, 0, end - begin);
}

/// The last one of `before`; the segment's beginning where there is none.
std::optional<IndexPlace> Segment::checked(std::span<const IndexPlace> before) {
  if (before.empty()) return IndexPlace{header_.first_offset, sizeof(SegmentHeader), INT64_MIN};
  const auto place = before.back();
  const auto frame = place.position % 8 == 0 ? frame_at(place.position) : std::nullopt;
  if (frame && frame->header->type == FrameType::data && frame->header->offset == place.offset &&
      frame->header->time == place.time)
    return place;
  places_.clear();
  indexed_ = {};
  return std::nullopt;
}

std::optional<IndexPlace> Segment::place_before(std::uint64_t offset) {
  const std::scoped_lock lock(mutex_);
  const auto places = this->places();
  return checked({places.begin(), std::ranges::upper_bound(places, offset, {}, &IndexPlace::offset)});
}

std::optional<IndexPlace> Segment::place_before(TimePoint time) {
  const std::scoped_lock lock(mutex_);
  const auto places = this->places();
  return checked(
      {places.begin(), std::ranges::lower_bound(places, time.time_since_epoch().count(), {}, &IndexPlace::time)});
}

std::uint64_t Segment::remember(const IndexPlace& place) {
  const std::scoped_lock lock(mutex_);
  const auto places = this->places();
  const auto next =
      places.empty() ? sizeof(SegmentHeader) + index_every_bytes : places.back().position + index_every_bytes;
  if (place.position < next) return next;
  if (!indexed_.empty()) return ~std::uint64_t{0};
  places_.push_back(place);
  return place.position + index_every_bytes;
}

void Segment::adopt(Mapping index, std::span<const IndexPlace> places) {
  const std::scoped_lock lock(mutex_);
  places_ = {};
  index_ = std::move(index);
  indexed_ = places;
  is_indexed_.store(true, std::memory_order_release);
}

void Segment::adopt(std::vector<IndexPlace> places) {
  const std::scoped_lock lock(mutex_);
  places_ = std::move(places);
  indexed_ = {};
  index_ = {};
  is_indexed_.store(true, std::memory_order_release);
}

Error corrupt_at(const Segment& segment, std::uint64_t position, std::string_view why) {
  return {"corrupt",
          segment.path() + " is damaged at byte " + std::to_string(position) + ": " + std::string(why) +
              "; nothing was changed. Restore the file from a copy, let groups pass it (`tidings seek --to` an offset "
              "behind it), "
              "or move the topic's folder away",
          Retry::never};
}

}  // namespace tidings::log
