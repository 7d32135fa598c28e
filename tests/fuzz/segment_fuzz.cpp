// Segments: a flag, a position that somebody asks for, and the file.
#include "log/crc32c.hpp"
#include "log/segment.hpp"
#include "real_log.hpp"

namespace tidings::fuzzing {
namespace {

constexpr std::uint8_t fits_size = 2;     // the header says the size that the file has
constexpr std::uint8_t mends_frames = 4;  // checksums of frames too

void mend(std::span<std::byte> file, std::uint8_t flags) {
  log::SegmentHeader header;
  if (!load(file, 0, header)) return;
  if ((flags & fits_size) != 0) header.size = file.size();
  if ((flags & mends) != 0) header.checksum = log::header_checksum(header);
  store(file, 0, header);
  if ((flags & mends_frames) == 0) return;
  log::FrameHeader frame;
  for (std::size_t at = sizeof header; load(file, at, frame); at += log::padded(frame.length)) {
    if (frame.length < sizeof frame || log::padded(frame.length) > file.size() - at) return;
    frame.checksum = log::crc32c(file.subspan(at + 8, frame.length - 8), log::checksum_seed(frame.length, header.salt));
    store(file, at, frame);
  }
}

}  // namespace

void try_input(Bytes input) {
  static const RealLog real;
  static const auto partition = system_files()
                                    .open(real.path() + "/orders", false)
                                    .or_throw()
                                    ->directory("0", Directory::Create::never)
                                    .or_throw();
  Input in(input);
  const auto flags = in.take<std::uint8_t>();
  const auto asked = std::uint64_t{in.take<std::uint32_t>()} * 8;  // frames stand at multiples of 8
  auto file = in.copy();
  file.resize(file.size() / 8 * 8);
  mend(file, flags);
  real.folder().write(RealLog::segment, file);
  if (const auto segment = log::Segment::open(*partition, 0, log::Segment::Access::read)) {
    require((*segment)->size() == file.size(), "a segment is as long as its file");
    require((*segment)->first_offset() == 0, "a segment begins as its name says");
    (void)(*segment)->frame_at(asked);
    std::uint64_t position = sizeof(log::SegmentHeader);
    while (const auto frame = (*segment)->frame_at(position)) {
      require(position + frame->bytes() <= file.size(), "a frame ends in its segment");
      EnvelopeView event;
      if (log::read_envelope(*frame, event))
        for (const auto& one : event.headers) (void)one.name.size();
      (*segment)->remember({frame->header->offset, position, frame->header->time});
      const auto place = (*segment)->place_before(frame->header->offset);
      require(!place || place->offset <= frame->header->offset || place->position == sizeof(log::SegmentHeader),
              "a scan begins in front of what is looked for");
      position += frame->bytes();
    }
    require((*segment)->length_at(file.size()) == 0, "behind a segment is nothing");
  } else {
    require(verify(real.path()) > 0, "what cannot be opened is told by verify");
    return;
  }
  (void)verify(real.path());
}

std::vector<std::string> seeds() {
  const RealLog real;
  const auto file = real.segment_begin();
  std::vector<std::string> all;
  for (const char flag : {'\0', '\3', '\7'})
    all.push_back(flag + as_text(std::uint32_t{64}) + file + std::string(64, '\0'));
  // A sealed one.
  log::SegmentHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  const auto seal = log::seal_frame({.offset = 3}, header.salt);
  all.push_back('\3' + as_text(std::uint32_t{0}) + file +
                std::string(reinterpret_cast<const char*>(seal.data()), seal.size()));
  return all;
}

}  // namespace tidings::fuzzing
