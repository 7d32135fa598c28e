#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "log/producer_entry.hpp"
#include "tidings/event/envelope.hpp"

// The bytes of the log, version 0; docs/format/log.md is the text of it. Little-endian.
namespace tidings::log {

inline constexpr std::uint64_t segment_magic = 0x30474f4c53444954;  // "TIDSLOG0"
inline constexpr std::uint32_t format_version = 0;
inline constexpr std::uint32_t byte_order_mark = 0x01020304;

/// At the beginning of every segment.
struct SegmentHeader {
  std::uint64_t magic = segment_magic;
  std::uint32_t version = format_version;
  std::uint32_t byte_order = byte_order_mark;
  std::uint64_t first_offset = 0;
  std::uint64_t size = 0;  ///< of the file
  std::uint64_t salt =
      0;  ///< random: seeds the frames' checksums, so that stale bytes or a payload never pass for a frame
  std::uint32_t epoch = 0;
  std::uint32_t reserved[4] = {};
  std::uint32_t checksum = 0;  ///< CRC-32C of what stands before it
};
static_assert(sizeof(SegmentHeader) == 64);

enum class FrameType : std::uint8_t {
  data = 1,
  seal = 2,
  producers = 3,  ///< who published up to here: in front of the first event of a segment, in its batch
};
[[nodiscard]] constexpr bool is_known(FrameType type) {
  return type == FrameType::data || type == FrameType::seal || type == FrameType::producers;
}

/// Frames stand at multiples of 8. `length` counts header and body, not the padding behind.
struct FrameHeader {
  std::uint32_t length = 0;         // with the checksum the commit word: 0 means that nothing is here
  std::uint32_t checksum = 0;       ///< CRC-32C, from the salt, of `length` and of all behind this word
  std::uint64_t offset = 0;         ///< of a seal: that of the next segment's first event; of producers: of its own
  std::int64_t time = 0;            ///< appended, ns since 1970; never goes back within a partition
  std::uint64_t durable_floor = 0;  ///< the durable offset when this was written
  std::uint32_t epoch = 0;
  FrameType type = FrameType::data;
  std::uint8_t batch_end = 1;  ///< 0: the next frame belongs to the same batch
  std::uint16_t reserved = 0;
  std::uint64_t producer_id = 0;  ///< 0: none
  std::uint32_t producer_epoch = 0;
  std::uint32_t reserved2 = 0;
  std::uint64_t sequence = 0;
};
static_assert(sizeof(FrameHeader) == 64);

/// Behind the header of a data frame; the texts follow in this order, then headers and payload.
struct EnvelopeBlock {
  std::int64_t time = 0;
  std::uint32_t version = 1;
  std::uint16_t id = 0;
  std::uint16_t type = 0;
  std::uint16_t source = 0;
  std::uint16_t subject = 0;
  std::uint16_t data_content_type = 0;
  std::uint16_t data_schema = 0;
  std::uint16_t key = 0;
  std::uint16_t correlation_id = 0;
  std::uint16_t causation_id = 0;
  std::uint16_t trace_parent = 0;
  std::uint32_t headers = 0;
  std::uint32_t payload = 0;
  std::uint32_t reserved[2] = {};
};
static_assert(sizeof(EnvelopeBlock) == 48);

[[nodiscard]] constexpr std::uint64_t padded(std::uint64_t length) {
  return (length + 7) & ~std::uint64_t{7};
}

/// The bytes that an event takes in the log, padding included.
[[nodiscard]] std::uint64_t frame_bytes(const EnvelopeView& event);

inline constexpr std::uint64_t seal_bytes = sizeof(FrameHeader);

/// What the writer gives each frame.
struct FrameStamp {
  std::uint64_t offset = 0;
  std::int64_t time = 0;
  std::uint64_t durable_floor = 0;
  std::uint32_t epoch = 0;
  bool batch_end = true;
  std::uint64_t producer_id = 0;
  std::uint32_t producer_epoch = 0;
  std::uint64_t sequence = 0;
};

/// Writes the frame at `at`, which has `frame_bytes` of room, all but its first word, the commit word: that is
/// returned, and makes the frame be there once it is stored.
[[nodiscard]] std::uint64_t put_data_frame(std::byte* at, const EnvelopeView& event, const FrameStamp& stamp,
                                           std::uint64_t salt);
/// The bytes that the state of so many producers takes: none where there are none.
[[nodiscard]] constexpr std::uint64_t producers_bytes(std::size_t producers) {
  return producers == 0 ? 0 : sizeof(FrameHeader) + producers * sizeof(ProducerEntry);
}
/// As `put_data_frame`; it has no offset of its own, and its batch goes on.
[[nodiscard]] std::uint64_t put_producers_frame(std::byte* at, std::span<const ProducerTable::Entry> producers,
                                                FrameStamp stamp, std::uint64_t salt);
[[nodiscard]] std::array<std::byte, seal_bytes> seal_frame(const FrameStamp& stamp, std::uint64_t salt);

/// A frame that was checked: its length fits, its checksum is right.
struct Frame {
  const FrameHeader* header = nullptr;
  std::span<const std::byte> body;

  [[nodiscard]] std::uint64_t bytes() const { return padded(header->length); }
};

/// The frame at `bytes.begin()`; nullopt where none is, or what is there is damaged.
[[nodiscard]] std::optional<Frame> read_frame(std::span<const std::byte> bytes, std::uint64_t salt);

/// From where the checksum of a frame goes on with what stands behind its first word.
[[nodiscard]] std::uint32_t checksum_seed(std::uint32_t length, std::uint64_t salt);

/// The first word of the frame at `frame`, of which the rest is there.
[[nodiscard]] std::uint64_t commit_word(const std::byte* frame, std::uint32_t length, std::uint64_t salt);

/// Takes what stands in a frame of producers; false, and empty, where that cannot be.
[[nodiscard]] bool restore(ProducerTable& producers, std::span<const ProducerEntry> entries);
/// What stands in a frame of producers; false where that cannot be.
[[nodiscard]] bool read_producers(const Frame& frame, ProducerTable& producers);

/// The envelope of a data frame, pointing into it; false where its sizes do not add up.
[[nodiscard]] bool read_envelope(const Frame& frame, EnvelopeView& event);

[[nodiscard]] std::uint32_t header_checksum(const SegmentHeader& header);

}  // namespace tidings::log
