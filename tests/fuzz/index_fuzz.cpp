// The sparse index of a sealed segment: flags, an offset that somebody asks for, and the file. Whatever it says, the
// right event is found, and an index that is not right is made anew.
#include "log/crc32c.hpp"
#include "log/index.hpp"
#include "log/verify_testing.hpp"
#include "real_log.hpp"

namespace tidings::fuzzing {
namespace {

using log::IndexHeader;
using log::IndexPlace;

constexpr std::uint8_t fits_segment = 2;  // it says the segment's offset and salt, and the count that its size gives
constexpr std::uint8_t verifies = 1;      // in the bits above

constexpr std::uint64_t events = 40;

/// Events "0" to "39", one a millisecond, in segments of 4 KiB, of which the first is sealed.
class Sealed {
 public:
  Sealed() {
    log_.fill(events);
    const auto folder = system_files().open(log_.path + "/orders/0", false).or_throw();
    segment_ = log::Segment::open(*folder, 0, log::Segment::Access::read).or_throw();
    right_ = log::index_of(*segment_, 512).value();
  }
  [[nodiscard]] std::string path() const { return log_.path + "/orders/0/" + log::index_name(0); }
  [[nodiscard]] const log::Segment& segment() const { return *segment_; }
  [[nodiscard]] const std::shared_ptr<log::Segment>& shared_segment() const { return segment_; }
  [[nodiscard]] std::string right() const {
    return std::string(text_of(log::encode_index(right_, 0, segment_->salt())));
  }
  [[nodiscard]] std::vector<std::string> wrong() const {
    std::vector<log::SegmentIndex> all(3, right_);
    for (std::size_t i = 1; i < right_.places.size(); ++i) {
      all[0].places[i].time -= 1'500'000;
      --all[1].places[i].offset;
      all[2].places[i].position += 8;
    }
    std::vector<std::string> files;
    for (const auto& one : all) files.emplace_back(text_of(log::encode_index(one, 0, segment_->salt())));
    return files;
  }
  [[nodiscard]] TimePoint time(std::uint64_t offset) const {
    return TimePoint{std::chrono::seconds{1'000} + std::chrono::milliseconds{offset + 1}};
  }
  std::unique_ptr<log::PartitionLog> open() { return log_.open(); }
  std::vector<log::Finding> verify() { return log_.verify(); }
  /// Each place is one of a frame, and the end is the seal's.
  [[nodiscard]] bool is_true(const log::SegmentIndex& index) const {
    for (const auto& place : index.places) {
      const auto frame = segment_->frame_at(place.position);
      if (!frame || frame->header->type != log::FrameType::data || frame->header->offset != place.offset ||
          frame->header->time != place.time)
        return false;
    }
    return index.end_offset == right_.end_offset && index.end_position == right_.end_position;
  }

 private:
  log::SmallLog log_;
  std::shared_ptr<log::Segment> segment_;
  log::SegmentIndex right_;
};

void mend(std::vector<std::byte>& file, std::uint8_t flags, const log::Segment& segment) {
  IndexHeader header;
  if (!load(file, 0, header)) return;
  if ((flags & fits_segment) != 0) {
    header.magic = log::index_magic;
    header.version = 0;
    header.count = static_cast<std::uint32_t>((file.size() - sizeof header) / sizeof(IndexPlace));
    file.resize(sizeof header + header.count * sizeof(IndexPlace));
    header.first_offset = segment.first_offset();
    header.salt = segment.salt();
    std::ranges::fill(header.reserved, 0U);
  }
  store(std::span(file), 0, header);
  if ((flags & mends) == 0) return;
  const auto bytes = std::span<const std::byte>(file);
  header.checksum =
      log::crc32c(bytes.subspan(sizeof header), log::crc32c(bytes.first(offsetof(IndexHeader, checksum))));
  store(std::span(file), 0, header);
}

/// By the format's text.
void require_possible(const log::SegmentIndex& index, const log::Segment& segment) {
  require(!index.places.empty(), "an index has a place");
  std::uint64_t offset = segment.first_offset(), position = sizeof(log::SegmentHeader);
  for (const auto& place : index.places) {
    require(place.offset >= offset && place.position >= position, "places ascend");
    require(place.position % 8 == 0, "frames stand at multiples of 8");
    offset = place.offset + 1;
    position = place.position + sizeof(log::FrameHeader);
  }
  require(index.end_offset >= offset && index.end_position >= position, "the end stands behind all places");
  require(index.end_position <= segment.size() - log::seal_bytes, "there is room for the seal");
}

/// Wherever a scan begins by it: a frame stands there, not behind what is looked for.
void require_harmless(const log::SegmentIndex& index, Sealed& real) {
  auto& segment = *real.shared_segment();
  const auto require_place = [&](const std::optional<IndexPlace>& place, std::uint64_t offset) {
    if (!place || place->position == sizeof(log::SegmentHeader)) return;
    const auto frame = segment.frame_at(place->position);
    require(frame && frame->header->offset == place->offset, "a scan begins with a frame");
    require(place->offset <= offset, "a scan begins in front of what is looked for");
  };
  for (std::uint64_t offset = 0; offset < events; ++offset) {
    segment.adopt(index.places);
    require_place(segment.place_before(offset), offset);
    segment.adopt(index.places);
    require_place(segment.place_before(real.time(offset)), offset);
  }
}

}  // namespace

void try_input(Bytes input) {
  static Sealed real;
  Input in(input);
  const auto flags = in.take<std::uint8_t>();
  const auto asked = in.take<std::uint8_t>() % events;
  auto file = in.copy();
  const auto& segment = real.segment();
  mend(file, flags, segment);
  log::SegmentIndex index;
  const bool is_read = !log::decode_index(file, segment.header(), index);
  if (is_read) {
    require_possible(index, segment);
    require_harmless(index, real);
    require(log::encode_index(index, segment.first_offset(), segment.salt()) == file,
            "what was read is all that is there");
  }
  log::overwrite(real.path(), std::string(text_of(file)));
  if (flags >> 2 == verifies) {
    const auto findings = real.verify();
    for (const auto& one : findings) require(one.severity == log::Severity::note, "an index is a hint, never an error");
    require(findings.empty() == (is_read && real.is_true(index)), "an index that is wrong is told by verify");
  }
  const auto log = real.open();
  log::Cursor cursor(*log);
  cursor.seek(asked);
  const auto item = cursor.next(events);
  require(item.has_value() && *item != nullptr, "what is there can be read, whatever the index says");
  require((*item)->offset == asked && (*item)->envelope.id == std::to_string(asked),
          "it is the event that was asked for");
  const auto time = real.time(asked);
  require(log->first_at(time).or_throw() == asked, "the first event of a time is found");
  require(log->first_at(time - Duration{1}).or_throw() == asked, "the first event behind a time is found");
}

std::vector<std::string> seeds() {
  const Sealed real;
  const auto right = real.right();
  std::vector<std::string> all;
  for (const char flag : {'\0', '\1', '\3', '\7'})
    for (const char asked : {'\0', '\7', '\11'}) all.push_back(std::string{flag, asked} + right);
  // Close to what is so, and not it. Each process has a salt of its own, so they are fitted.
  for (const auto& wrong : real.wrong()) all.push_back(std::string{'\3', '\7'} + wrong);
  return all;
}

}  // namespace tidings::fuzzing
