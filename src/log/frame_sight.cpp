#include "log/frame_sight.hpp"

#include <algorithm>
#include <cstring>

#include "log/crc32c.hpp"

namespace tidings::log {
namespace {

constexpr std::uint64_t data_bytes_least = sizeof(FrameHeader) + sizeof(EnvelopeBlock);

FrameSight damaged(FrameSight sight, std::string_view code, std::string_view why) {
  sight.what = FrameSight::What::damaged;
  sight.code = code;
  sight.why = why;
  return sight;
}

FrameSight cut_short(FrameSight sight) {
  sight.bytes = 0;
  return damaged(sight, "cut_short", "the file ended there while it was read");
}

/// nullopt: the file ended before.
Result<std::optional<std::uint32_t>> checksum_at(Window& window, std::uint64_t position, std::uint32_t length,
                                                 std::uint64_t salt) {
  auto sum = checksum_seed(length, salt);
  for (auto at = position + 8; at < position + length;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(position + length - at, Window::capacity));
    auto bytes = window.at(at, want);
    if (!bytes) return bytes.error();
    if (bytes->size() < want) return std::optional<std::uint32_t>{};
    sum = crc32c(*bytes, sum);
    at += want;
  }
  return std::optional{sum};
}

/// Whether the sizes of the headers add up to theirs.
Result<bool> are_headers_whole(Window& window, std::uint64_t position, std::uint64_t size) {
  while (size > 0) {
    std::uint32_t sizes[2];
    if (size < sizeof sizes) return false;
    auto bytes = window.at(position, sizeof sizes);
    if (!bytes) return bytes.error();
    if (bytes->size() < sizeof sizes) return false;
    std::memcpy(sizes, bytes->data(), sizeof sizes);
    const auto one = sizeof sizes + std::uint64_t{sizes[0]} + sizes[1];
    if (one > size) return false;
    position += one;
    size -= one;
  }
  return true;
}

Result<FrameSight> sight_producers(Window& window, std::uint64_t position, FrameSight sight) {
  const auto& header = sight.header;
  const auto bytes = header.length - sizeof(FrameHeader);
  if (position != sizeof(SegmentHeader) || header.batch_end != 0)
    return damaged(sight, "bad_producers",
                   "the state of producers stands where no batch of a segment's first event begins");
  if (bytes == 0 || bytes % sizeof(ProducerEntry) != 0 || bytes / sizeof(ProducerEntry) > ProducerTable::producers_max)
    return damaged(sight, "bad_producers", "the state of producers has a size that cannot be");
  std::vector<ProducerEntry> entries(bytes / sizeof(ProducerEntry));
  const auto all = std::as_writable_bytes(std::span{entries});
  for (std::size_t at = 0; at < all.size();) {
    const auto want = std::min(all.size() - at, Window::capacity);
    auto part = window.at(position + sizeof(FrameHeader) + at, want);
    if (!part) return part.error();
    if (part->size() < want) return cut_short(sight);
    std::ranges::copy(*part, all.begin() + static_cast<std::ptrdiff_t>(at));
    at += want;
  }
  auto table = std::make_shared<ProducerTable>();
  if (entries.back().offset >= header.offset || !restore(*table, entries))
    return damaged(sight, "bad_producers", "the state of producers says what cannot be");
  sight.producers = std::move(table);
  return sight;
}

/// What the frame's own checksum says is whole, looked at as a reader does, and a little closer.
Result<FrameSight> sight_body(Window& window, std::uint64_t position, FrameSight sight) {
  const auto& header = sight.header;
  if (header.batch_end > 1 || header.reserved != 0 || header.reserved2 != 0 || header.durable_floor > header.offset)
    return damaged(sight, "bad_frame", "the frame's checksum is right, and its header says what cannot be");
  if (header.type == FrameType::seal) {
    if (header.length != seal_bytes || header.batch_end != 1)
      return damaged(sight, "bad_seal", "the seal has a body, or goes on");
    return sight;
  }
  if (header.type == FrameType::producers) return sight_producers(window, position, sight);
  if (header.length < data_bytes_least) return damaged(sight, "bad_envelope", "the frame is too short for an envelope");
  auto bytes = window.at(position + sizeof(FrameHeader), sizeof(EnvelopeBlock));
  if (!bytes) return bytes.error();
  if (bytes->size() < sizeof(EnvelopeBlock)) return cut_short(sight);
  EnvelopeBlock block;
  std::memcpy(&block, bytes->data(), sizeof block);
  const auto texts = std::uint64_t{block.id} + block.type + block.source + block.subject + block.data_content_type +
                     block.data_schema + block.key + block.correlation_id + block.causation_id + block.trace_parent;
  if (texts + block.headers + block.payload != header.length - data_bytes_least)
    return damaged(sight, "bad_envelope", "the envelope's sizes do not add up");
  if (block.headers > 0) {
    auto whole = are_headers_whole(window, position + data_bytes_least + texts, block.headers);
    if (!whole) return whole.error();
    if (!*whole) return damaged(sight, "bad_envelope", "the sizes of the event's headers do not add up");
  }
  return sight;
}

}  // namespace

Result<FrameSight> sight_frame(Window& window, std::uint64_t position, std::uint64_t end, std::uint64_t salt) {
  FrameSight sight;
  if (position > end || end - position < sizeof(FrameHeader)) return sight;
  auto bytes = window.at(position, sizeof(FrameHeader));
  if (!bytes) return bytes.error();
  if (bytes->size() < sizeof(FrameHeader)) return cut_short(sight);
  auto& header = sight.header;
  std::memcpy(&header, bytes->data(), sizeof header);
  if (header.length == 0) return sight;
  if (header.length < sizeof(FrameHeader) || padded(header.length) > end - position)
    return damaged(sight, "bad_length", "the frame's length cannot be");
  sight.bytes = padded(header.length);
  // Nearly every frame is in the window, or fits in whole.
  if (sight.bytes <= Window::capacity) {
    bytes = window.at(position, static_cast<std::size_t>(sight.bytes));
    if (!bytes) return bytes.error();
    if (bytes->size() < sight.bytes) return cut_short(sight);
  }
  auto sum = checksum_at(window, position, header.length, salt);
  if (!sum) return sum.error();
  if (!*sum) return cut_short(sight);
  if (**sum != header.checksum) return damaged(sight, "bad_checksum", "the frame's checksum is wrong");
  if (!is_known(header.type)) return damaged(sight, "bad_frame", "the frame is of a type that there is not");
  if (const auto padding = sight.bytes - header.length; padding > 0) {
    bytes = window.at(position + header.length, static_cast<std::size_t>(padding));
    if (!bytes) return bytes.error();
    for (const auto byte : *bytes) sight.is_padding_zero &= byte == std::byte{0};
  }
  sight.what = FrameSight::What::whole;
  return sight_body(window, position, sight);
}

Result<std::optional<FramePlace>> find_frame(Window& window, const FrameRange& range, std::uint64_t salt,
                                             std::uint64_t& budget,
                                             const std::function<bool(const FrameHeader&)>& may_be) {
  const auto end = range.end;
  for (auto at = range.begin; at < range.until && at + sizeof(FrameHeader) <= end; at += 8) {
    auto bytes = window.at(at, sizeof(FrameHeader));
    if (!bytes) return bytes.error();
    if (bytes->size() < sizeof(FrameHeader)) break;
    FrameHeader header;
    std::memcpy(&header, bytes->data(), sizeof header);
    // Cheap things first: every eighth byte may look like a length.
    if (header.length < sizeof(FrameHeader) || padded(header.length) > end - at) continue;
    if (!is_known(header.type) || header.batch_end > 1 || header.reserved != 0 || header.reserved2 != 0 ||
        header.durable_floor > header.offset || !may_be(header))
      continue;
    if (budget < header.length) break;
    budget -= header.length;
    auto sight = sight_frame(window, at, end, salt);
    if (!sight) return sight.error();
    if (sight->what == FrameSight::What::whole) return std::optional{FramePlace{at, header}};
  }
  return std::optional<FramePlace>{};
}

}  // namespace tidings::log
