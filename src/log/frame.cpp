#include "log/frame.hpp"

#include <atomic>
#include <cstring>

#include "log/crc32c.hpp"

namespace tidings::log {
namespace {

std::uint32_t frame_checksum(std::span<const std::byte> frame, std::uint32_t length, std::uint64_t salt) {
  auto crc = crc32c(std::as_bytes(std::span{&salt, 1}));
  crc = crc32c(std::as_bytes(std::span{&length, 1}), crc);
  return crc32c(frame.subspan(8, length - 8), crc);
}

FrameHeader header_of(const FrameStamp& stamp, FrameType type, std::uint64_t length) {
  FrameHeader header;
  header.length = static_cast<std::uint32_t>(length);
  header.offset = stamp.offset;
  header.time = stamp.time;
  header.durable_floor = stamp.durable_floor;
  header.epoch = stamp.epoch;
  header.type = type;
  header.batch_end = stamp.batch_end ? 1 : 0;
  return header;
}

void seal_checksum(std::string& out, std::size_t begin, std::uint32_t length, std::uint64_t salt) {
  const auto frame = std::as_bytes(std::span{out}).subspan(begin, length);
  const auto checksum = frame_checksum(frame, length, salt);
  std::memcpy(out.data() + begin + offsetof(FrameHeader, checksum), &checksum, sizeof checksum);
  out.resize(begin + padded(length), '\0');
}

}  // namespace

std::uint64_t frame_bytes(const EnvelopeView& event) {
  return padded(sizeof(FrameHeader) + sizeof(EnvelopeBlock) + size_bytes(event));
}

void write_data_frame(std::string& out, const EnvelopeView& event, const FrameStamp& stamp, std::uint64_t salt) {
  const auto begin = out.size();
  const auto length = sizeof(FrameHeader) + sizeof(EnvelopeBlock) + size_bytes(event);
  const auto header = header_of(stamp, FrameType::data, length);
  const auto size = [](std::string_view text) {
    return static_cast<std::uint16_t>(text.size());
  };  // validate() bounds them
  EnvelopeBlock block;
  block.time = event.time.time_since_epoch().count();
  block.version = event.version;
  block.id = size(event.id);
  block.type = size(event.type);
  block.source = size(event.source);
  block.subject = size(event.subject);
  block.data_content_type = size(event.data_content_type);
  block.data_schema = size(event.data_schema);
  block.key = size(event.key);
  block.correlation_id = size(event.correlation_id);
  block.causation_id = size(event.causation_id);
  block.trace_parent = size(event.trace_parent);
  block.headers = static_cast<std::uint32_t>(event.headers.encoded().size());
  block.payload = static_cast<std::uint32_t>(event.payload.size());
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(reinterpret_cast<const char*>(&block), sizeof block);
  for (const auto text :
       {event.id, event.type, event.source, event.subject, event.data_content_type, event.data_schema, event.key,
        event.correlation_id, event.causation_id, event.trace_parent, event.headers.encoded(), event.payload})
    out.append(text);
  seal_checksum(out, begin, header.length, salt);
}

void write_seal_frame(std::string& out, const FrameStamp& stamp, std::uint64_t salt) {
  const auto begin = out.size();
  const auto header = header_of(stamp, FrameType::seal, sizeof(FrameHeader));
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  seal_checksum(out, begin, header.length, salt);
}

std::optional<Frame> read_frame(std::span<const std::byte> bytes, std::uint64_t salt) {
  if (bytes.size() < sizeof(FrameHeader)) return std::nullopt;
  const auto* const header = reinterpret_cast<const FrameHeader*>(bytes.data());
  const auto length = header->length;
  if (length < sizeof(FrameHeader) || padded(length) > bytes.size()) return std::nullopt;
  if (frame_checksum(bytes, length, salt) != header->checksum) return std::nullopt;
  if (header->type != FrameType::data && header->type != FrameType::seal) return std::nullopt;
  return Frame{header, bytes.subspan(sizeof(FrameHeader), length - sizeof(FrameHeader))};
}

std::optional<EnvelopeView> read_envelope(const Frame& frame) {
  if (frame.header->type != FrameType::data || frame.body.size() < sizeof(EnvelopeBlock)) return std::nullopt;
  const auto& block = *reinterpret_cast<const EnvelopeBlock*>(frame.body.data());
  std::string_view rest(reinterpret_cast<const char*>(frame.body.data()) + sizeof block,
                        frame.body.size() - sizeof block);
  bool fits = true;
  const auto take = [&](std::size_t size) {
    fits = fits && size <= rest.size();
    const auto text = rest.substr(0, fits ? size : 0);
    rest.remove_prefix(text.size());
    return text;
  };
  EnvelopeView event;
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
  if (!fits || !rest.empty()) return std::nullopt;
  return event;
}

std::uint32_t header_checksum(const SegmentHeader& header) {
  return crc32c(std::as_bytes(std::span{&header, 1}).first(offsetof(SegmentHeader, checksum)));
}

}  // namespace tidings::log
