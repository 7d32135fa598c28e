#include "log/frame.hpp"

#include <cstring>

#include "log/crc32c.hpp"

namespace tidings::log {
namespace {

std::uint32_t frame_checksum(const std::byte* frame, std::uint32_t length, std::uint64_t salt) {
  std::array<std::byte, 12> before;
  std::memcpy(before.data(), &salt, sizeof salt);
  std::memcpy(before.data() + sizeof salt, &length, sizeof length);
  return crc32c({frame + 8, length - 8}, crc32c(before));
}

/// All of the header but the commit word.
void put_header(std::byte* at, const FrameStamp& stamp, FrameType type) {
  FrameHeader header;
  header.offset = stamp.offset;
  header.time = stamp.time;
  header.durable_floor = stamp.durable_floor;
  header.epoch = stamp.epoch;
  header.type = type;
  header.batch_end = stamp.batch_end ? 1 : 0;
  std::memcpy(at + 8, reinterpret_cast<const std::byte*>(&header) + 8, sizeof header - 8);
}

std::uint64_t commit_word(const std::byte* frame, std::uint32_t length, std::uint64_t salt) {
  return std::uint64_t{frame_checksum(frame, length, salt)} << 32 | length;
}

std::byte* put(std::byte* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

std::uint64_t frame_bytes(const EnvelopeView& event) {
  return padded(sizeof(FrameHeader) + sizeof(EnvelopeBlock) + size_bytes(event));
}

std::uint64_t put_data_frame(std::byte* at, const EnvelopeView& event, const FrameStamp& stamp, std::uint64_t salt) {
  put_header(at, stamp, FrameType::data);
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
  std::memcpy(at + sizeof(FrameHeader), &block, sizeof block);
  auto* end = at + sizeof(FrameHeader) + sizeof block;
  for (const auto text :
       {event.id, event.type, event.source, event.subject, event.data_content_type, event.data_schema, event.key,
        event.correlation_id, event.causation_id, event.trace_parent, event.headers.encoded(), event.payload})
    end = put(end, text);
  const auto length = static_cast<std::uint32_t>(end - at);
  std::memset(end, 0, padded(length) - length);
  return commit_word(at, length, salt);
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
