#include "log/index.hpp"

#include <cstddef>
#include <cstring>

#include "log/crc32c.hpp"

namespace tidings::log {
namespace {

std::uint32_t checksum_of(std::span<const std::byte> bytes) {
  const auto before = crc32c(bytes.first(offsetof(IndexHeader, checksum)));
  return crc32c(bytes.subspan(sizeof(IndexHeader)), before);
}

}  // namespace

std::string index_name(std::uint64_t first_offset) {
  auto name = segment_name(first_offset);
  return name.replace(name.size() - 4, 4, ".idx");
}

std::optional<std::uint64_t> index_first_offset(std::string_view name) {
  if (!name.ends_with(".idx")) return std::nullopt;
  return segment_first_offset(std::string(name.substr(0, name.size() - 4)) + ".log");
}

std::optional<SegmentIndex> index_of(const Segment& segment, std::uint64_t every) {
  every = index_step(segment.size(), every);
  SegmentIndex index;
  auto offset = segment.first_offset();
  std::uint64_t position = sizeof(SegmentHeader);
  for (auto next = position;;) {
    const auto length = segment.length_at(position);
    if (length < sizeof(FrameHeader) || padded(length) > segment.size() - position) return std::nullopt;
    const auto& header = *reinterpret_cast<const FrameHeader*>(segment.bytes().data() + position);
    if (header.offset != offset) return std::nullopt;
    // Of the frames between, the headers alone lead on: who reads them sums them up.
    const bool is_place = position >= next && header.type == FrameType::data;
    if ((is_place || header.type != FrameType::data) && !segment.frame_at(position)) return std::nullopt;
    if (header.type == FrameType::seal) break;
    if (is_place) {
      index.places.push_back({offset, position, header.time});
      next = position + every;
    }
    position += padded(length);
    if (header.type == FrameType::data) ++offset;
  }
  if (index.places.empty()) return std::nullopt;  // one that seals nothing counts for nothing
  index.end_offset = offset;
  index.end_position = position;
  return index;
}

std::vector<std::byte> encode_index(const SegmentIndex& index, std::uint64_t first_offset, std::uint64_t salt) {
  std::vector<std::byte> bytes(sizeof(IndexHeader) + index.places.size() * sizeof(IndexPlace));
  IndexHeader header;
  header.count = static_cast<std::uint32_t>(index.places.size());
  header.first_offset = first_offset;
  header.salt = salt;
  header.end_offset = index.end_offset;
  header.end_position = index.end_position;
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, index.places.data(), index.places.size() * sizeof(IndexPlace));
  header.checksum = checksum_of(bytes);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

std::optional<IndexProblem> decode_index(std::span<const std::byte> bytes, const SegmentHeader& segment,
                                         SegmentIndex& index) {
  IndexHeader header;
  if (bytes.size() < sizeof header) return IndexProblem{"wrong_size", bytes.size(), "shorter than an index's header"};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != index_magic) return IndexProblem{"bad_header", 0, "does not begin as an index does"};
  if (bytes.size() - sizeof header != header.count * sizeof(IndexPlace))
    return IndexProblem{"wrong_size", offsetof(IndexHeader, count), "its size is not what its header says"};
  if (header.checksum != checksum_of(bytes))
    return IndexProblem{"bad_checksum", offsetof(IndexHeader, checksum), "its checksum is wrong"};
  if (header.version > format_version)
    return IndexProblem{"newer_version", offsetof(IndexHeader, version), "of a newer format version"};
  if (header.first_offset != segment.first_offset || header.salt != segment.salt)
    return IndexProblem{"wrong_header", offsetof(IndexHeader, salt), "of another segment"};
  for (const auto reserved : header.reserved)
    if (reserved != 0) return IndexProblem{"wrong_header", offsetof(IndexHeader, reserved), "reserved bytes are not 0"};
  const IndexProblem unfit{"wrong_place", offsetof(IndexHeader, end_offset), "says a place that cannot be"};
  if (header.count == 0) return unfit;
  index = {header.end_offset, header.end_position, std::vector<IndexPlace>(header.count)};
  std::memcpy(index.places.data(), bytes.data() + sizeof header, bytes.size() - sizeof header);
  // A frame takes 64 bytes at least.
  const auto fits = [&](std::uint64_t offset, std::uint64_t position) {
    return position % 8 == 0 && position >= sizeof(SegmentHeader) && position <= segment.size - seal_bytes &&
           offset - segment.first_offset <= (position - sizeof(SegmentHeader)) / sizeof(FrameHeader);
  };
  if (segment.size < sizeof(SegmentHeader) + seal_bytes || bytes.size() > index_bytes_max(segment.size) ||
      !fits(header.end_offset, header.end_position))
    return unfit;
  const IndexPlace* before = nullptr;
  for (const auto& place : index.places) {
    if (!fits(place.offset, place.position) || place.offset >= header.end_offset ||
        place.position >= header.end_position ||
        (before != nullptr &&
         (place.offset <= before->offset || place.position <= before->position || place.time < before->time)))
      return unfit;
    before = &place;
  }
  return std::nullopt;
}

}  // namespace tidings::log
