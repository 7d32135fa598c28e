#include "log/frame.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "log/crc32c.hpp"

namespace tidings::log {
namespace {

std::uint32_t frame_checksum(const std::byte* frame, std::uint32_t length, std::uint64_t salt) {
  return crc32c({frame + 8, length - 8}, checksum_seed(length, salt));
}

// Whole words, as the checksum reads them next: it would wait for smaller ones to leave the store buffer.
template <std::size_t at>
void put_word(std::byte* frame, std::uint64_t word) {
  static_assert(at % 8 == 0);
  std::memcpy(frame + at, &word, sizeof word);
}
constexpr std::uint64_t two(std::uint32_t low, std::uint64_t high) {
  return high << 32 | low;
}
constexpr std::uint32_t pair(std::uint32_t low, std::uint32_t high) {
  return high << 16 | low;
}

/// All of the header but the commit word.
void put_header(std::byte* at, const FrameStamp& stamp, FrameType type) {
  put_word<offsetof(FrameHeader, offset)>(at, stamp.offset);
  put_word<offsetof(FrameHeader, time)>(at, static_cast<std::uint64_t>(stamp.time));
  put_word<offsetof(FrameHeader, durable_floor)>(at, stamp.durable_floor);
  put_word<offsetof(FrameHeader, epoch)>(
      at, two(stamp.epoch, static_cast<std::uint32_t>(type) | std::uint32_t{stamp.batch_end} << 8));
  put_word<offsetof(FrameHeader, producer_id)>(at, stamp.producer_id);
  put_word<offsetof(FrameHeader, producer_epoch)>(at, stamp.producer_epoch);
  put_word<offsetof(FrameHeader, sequence)>(at, stamp.sequence);
}

std::byte* put(std::byte* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

std::uint32_t checksum_seed(std::uint32_t length, std::uint64_t salt) {
  std::array<std::byte, 12> before;
  std::memcpy(before.data(), &salt, sizeof salt);
  std::memcpy(before.data() + sizeof salt, &length, sizeof length);
  return crc32c(before);
}

std::uint64_t commit_word(const std::byte* frame, std::uint32_t length, std::uint64_t salt) {
  return std::uint64_t{frame_checksum(frame, length, salt)} << 32 | length;
}

std::uint64_t frame_bytes(const EnvelopeView& event) {
  return padded(sizeof(FrameHeader) + sizeof(EnvelopeBlock) + size_bytes(event));
}

std::uint64_t put_data_frame(std::byte* at, const EnvelopeView& event, const FrameStamp& stamp, std::uint64_t salt) {
  put_header(at, stamp, FrameType::data);
  // validate() bounds the texts to 16 bits, headers and payload to 32.
  const auto size = [](std::string_view text) { return static_cast<std::uint32_t>(text.size()); };
  auto* const block = at + sizeof(FrameHeader);
  put_word<offsetof(EnvelopeBlock, time)>(block, static_cast<std::uint64_t>(event.time.time_since_epoch().count()));
  put_word<offsetof(EnvelopeBlock, version)>(block, two(event.version, pair(size(event.id), size(event.type))));
  put_word<offsetof(EnvelopeBlock, source)>(block, two(pair(size(event.source), size(event.subject)),
                                                       pair(size(event.data_content_type), size(event.data_schema))));
  put_word<offsetof(EnvelopeBlock, key)>(block, two(pair(size(event.key), size(event.correlation_id)),
                                                    pair(size(event.causation_id), size(event.trace_parent))));
  put_word<offsetof(EnvelopeBlock, headers)>(block, two(size(event.headers.encoded()), size(event.payload)));
  put_word<offsetof(EnvelopeBlock, reserved)>(block, 0);
  auto* end = at + sizeof(FrameHeader) + sizeof(EnvelopeBlock);
  for (const auto text :
       {event.id, event.type, event.source, event.subject, event.data_content_type, event.data_schema, event.key,
        event.correlation_id, event.causation_id, event.trace_parent, event.headers.encoded(), event.payload})
    end = put(end, text);
  const auto length = static_cast<std::uint32_t>(end - at);
  std::memset(end, 0, padded(length) - length);
  return commit_word(at, length, salt);
}

std::uint64_t put_producers_frame(std::byte* at, std::span<const ProducerTable::Entry> producers, FrameStamp stamp,
                                  std::uint64_t salt) {
  stamp.batch_end = false;
  put_header(at, stamp, FrameType::producers);
  auto* to = at + sizeof(FrameHeader);
  for (const auto& one : producers) {
    const ProducerEntry entry(one);
    std::memcpy(to, &entry, sizeof entry);
    to += sizeof entry;
  }
  return commit_word(at, static_cast<std::uint32_t>(producers_bytes(producers.size())), salt);
}

std::array<std::byte, seal_bytes> seal_frame(const FrameStamp& stamp, std::uint64_t salt) {
  std::array<std::byte, seal_bytes> frame;
  put_header(frame.data(), stamp, FrameType::seal);
  const auto commit = commit_word(frame.data(), seal_bytes, salt);
  std::memcpy(frame.data(), &commit, sizeof commit);
  return frame;
}

std::optional<Frame> read_frame(std::span<const std::byte> bytes, std::uint64_t salt) {
  if (bytes.size() < sizeof(FrameHeader)) return std::nullopt;
  const auto* const header = reinterpret_cast<const FrameHeader*>(bytes.data());
  const auto length = header->length;
  if (length < sizeof(FrameHeader) || padded(length) > bytes.size()) return std::nullopt;
  if (frame_checksum(bytes.data(), length, salt) != header->checksum) return std::nullopt;
  if (!is_known(header->type)) return std::nullopt;
  return Frame{header, bytes.subspan(sizeof(FrameHeader), length - sizeof(FrameHeader))};
}

bool restore(ProducerTable& producers, std::span<const ProducerEntry> entries) {
  std::vector<ProducerTable::Entry> all;
  all.reserve(entries.size());
  for (const auto& one : entries) all.push_back(one.entry());
  return producers.restore(all);
}

bool read_producers(const Frame& frame, ProducerTable& producers) {
  using Entry = ProducerEntry;
  if (frame.header->type != FrameType::producers || frame.header->batch_end != 0) return false;
  if (frame.body.empty() || frame.body.size() % sizeof(Entry) != 0) return false;
  std::vector<Entry> entries(std::min(frame.body.size() / sizeof(Entry), ProducerTable::producers_max + 1));
  std::memcpy(entries.data(), frame.body.data(), entries.size() * sizeof(Entry));
  return entries.back().offset < frame.header->offset && restore(producers, entries);
}

bool read_envelope(const Frame& frame, EnvelopeView& event) {
  if (frame.header->type != FrameType::data || frame.body.size() < sizeof(EnvelopeBlock)) return false;
  const auto& block = *reinterpret_cast<const EnvelopeBlock*>(frame.body.data());
  const auto sizes = std::uint64_t{block.id} + block.type + block.source + block.subject + block.data_content_type +
                     block.data_schema + block.key + block.correlation_id + block.causation_id + block.trace_parent +
                     block.headers + block.payload;
  if (sizes != frame.body.size() - sizeof block) return false;
  const auto* at = reinterpret_cast<const char*>(frame.body.data()) + sizeof block;
  const auto take = [&](std::size_t size) { return std::string_view(std::exchange(at, at + size), size); };
  event.time = TimePoint{Duration{block.time}};
  event.version = block.version;
  event.id = take(block.id);
  event.type = take(block.type);
  event.source = take(block.source);
  event.subject = take(block.subject);
  event.data_content_type = take(block.data_content_type);
  event.data_schema = take(block.data_schema);
  event.key = take(block.key);
  event.correlation_id = take(block.correlation_id);
  event.causation_id = take(block.causation_id);
  event.trace_parent = take(block.trace_parent);
  event.headers = HeadersView(take(block.headers));
  event.payload = take(block.payload);
  return true;
}

std::uint32_t header_checksum(const SegmentHeader& header) {
  return crc32c(std::as_bytes(std::span{&header, 1}).first(offsetof(SegmentHeader, checksum)));
}

}  // namespace tidings::log
