// Frames of the log: a flag, the salt, and the bytes from where a frame is looked for.
#include "log/crc32c.hpp"
#include "log/frame.hpp"
#include "real_log.hpp"

namespace tidings::fuzzing {
namespace {

using log::FrameHeader;
using log::FrameType;

/// Whether the checksum could be made right: the frame's length fits.
bool mend(std::span<std::byte> bytes, std::uint64_t salt) {
  FrameHeader header;
  if (!load(bytes, 0, header) || header.length < sizeof header || log::padded(header.length) > bytes.size())
    return false;
  header.checksum = log::crc32c(bytes.subspan(8, header.length - 8), log::checksum_seed(header.length, salt));
  store(bytes, 0, header);
  return true;
}

void require_inside(std::string_view text, std::span<const std::byte> bytes) {
  const auto* const begin = reinterpret_cast<const char*>(bytes.data());
  require(text.empty() || (text.data() >= begin && text.data() + text.size() <= begin + bytes.size()),
          "a text of an envelope lies in its frame");
}

}  // namespace

void try_input(Bytes input) {
  Input in(input);
  const bool mended = (in.take<std::uint8_t>() & mends) != 0;
  const auto salt = in.take<std::uint64_t>();
  auto bytes = in.copy();
  const bool whole = mended && mend(bytes, salt);
  const auto frame = log::read_frame(bytes, salt);
  if (whole) {
    FrameHeader header;
    load(bytes, 0, header);
    require(frame.has_value() == (header.type >= FrameType::data && header.type <= FrameType::producers),
            "a whole frame of a known type is read");
  }
  if (!frame) return;
  require(frame->bytes() <= bytes.size(), "a frame ends where its bytes do");
  EnvelopeView event;
  if (!log::read_envelope(*frame, event)) return;
  for (const auto text :
       {event.id, event.type, event.source, event.subject, event.data_content_type, event.data_schema, event.key,
        event.correlation_id, event.causation_id, event.trace_parent, event.headers.encoded(), event.payload})
    require_inside(text, bytes);
  (void)validate(event, 1 << 20).has_value();
  std::vector<std::byte> again(log::frame_bytes(event));
  const auto commit = log::put_data_frame(again.data(), event, {.offset = frame->header->offset}, salt);
  std::memcpy(again.data(), &commit, sizeof commit);
  EnvelopeView read;
  const auto rewritten = log::read_frame(again, salt);
  require(rewritten && log::read_envelope(*rewritten, read), "an envelope that was read can be written");
  require(Envelope(read) == Envelope(event), "an envelope comes back");
}

std::vector<std::string> seeds() {
  const RealLog real;
  const auto file = real.segment_begin();
  log::SegmentHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  const auto frames = file.substr(sizeof header);
  const auto seal = log::seal_frame({.offset = 3}, header.salt);
  const std::string seal_text(reinterpret_cast<const char*>(seal.data()), seal.size());
  std::vector<std::string> all;
  for (const char flag : {'\0', '\1'})
    for (const auto& from : {frames, seal_text}) all.push_back(flag + as_text(header.salt) + from);
  return all;
}

}  // namespace tidings::fuzzing
