#include "log/frame.hpp"

#include <gtest/gtest.h>

#include "log/crc32c.hpp"
#include "log/testing.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes)
    (out += digits[static_cast<unsigned char>(c) >> 4]) += digits[static_cast<unsigned char>(c) & 15];
  return out;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

TEST(Crc32c, KnownAnswers) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283U);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8a9136aaU);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\xff'))), 0x62a8ab43U);
}

TEST(Crc32c, TheTableSaysTheSameAndItContinues) {
  SeededEntropy entropy(1);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string text(size, '\0');
    entropy.fill(std::as_writable_bytes(std::span{text}));
    ASSERT_EQ(crc32c(bytes_of(text)), crc32c_table(bytes_of(text)));
    const auto cut = entropy.below(size + 1);
    ASSERT_EQ(crc32c(bytes_of(text).subspan(cut), crc32c(bytes_of(text).first(cut))), crc32c(bytes_of(text)));
  }
}

/// Long ones are summed up in three streams, of up to a kilobyte each.
TEST(Crc32c, TheTableSaysTheSameOfLongOnes) {
  SeededEntropy entropy(2);
  std::string text(10'000, '\0');
  entropy.fill(std::as_writable_bytes(std::span{text}));
  for (const std::size_t about : {192U, 216U, 1'024U, 3'072U, 3'096U, 6'144U, 9'400U})
    for (auto size = about - 25; size < about + 25; ++size) {
      const auto bytes = bytes_of(text).subspan(entropy.below(9)).first(size);
      ASSERT_EQ(crc32c(bytes, 7), crc32c_table(bytes, 7)) << size;
    }
}

Envelope sample() {
  Envelope envelope;
  envelope.id = "id";
  envelope.type = "type";
  envelope.source = "src";
  envelope.key = "k";
  envelope.time = TimePoint{Duration{5}};
  envelope.version = 2;
  envelope.headers.set("h", "v");
  envelope.payload = std::string("\0p", 2);
  return envelope;
}

// What is written here is in files of users: a change of these bytes is a change of the format's version.
TEST(Frame, GoldenBytes) {
  std::string out;
  const auto envelope = sample();
  write_data_frame(out, envelope.view(), {.offset = 7, .time = 9, .durable_floor = 3, .epoch = 1, .batch_end = true},
                   0x1122334455667788);
  ASSERT_EQ(out.size(), frame_bytes(envelope.view()));
  EXPECT_EQ(hex(std::string_view(out).substr(8)),
            "0700000000000000090000000000000003000000000000000100000001010000000000000000000000000000000000000000000000"
            "0000000500000000000000020000000200"
            "0400030000000000000001000000000000000a000000020000000000000000000000696474797065737263"
            "6b01000000010000006876"
            "0070"
            "0000");
  EXPECT_EQ(hex(std::string_view(out).substr(0, 8)), "860000003cd7755d");
  std::string seal;
  write_seal_frame(seal, {.offset = 8, .time = 9, .durable_floor = 8, .epoch = 1}, 1);
  EXPECT_EQ(hex(seal).substr(0, 16), "40000000127db401");
}

TEST(Frame, GoldenBytesOfProducers) {
  std::string out(producers_bytes(1), '\0');
  const ProducerTable::Entry entry{.id = 7, .sequence = 6, .offset = 5, .time = 4, .epoch = 3, .run = 2};
  auto* const at = reinterpret_cast<std::byte*>(out.data());
  const auto commit = put_producers_frame(at, {&entry, 1}, {.offset = 9, .time = 8, .durable_floor = 1, .epoch = 1}, 1);
  std::memcpy(at, &commit, sizeof commit);
  EXPECT_EQ(hex(out),
            "68000000"
            "36c141c1"
            "0900000000000000"
            "0800000000000000"
            "0100000000000000"
            "01000000"
            "03000000"
            "0000000000000000"
            "0000000000000000"
            "0000000000000000"
            "0700000000000000"
            "0600000000000000"
            "0500000000000000"
            "0400000000000000"
            "03000000"
            "02000000");
  std::string event;
  write_data_frame(event, sample().view(),
                   {.offset = 7, .producer_id = 0x0102030405060708, .producer_epoch = 9, .sequence = 10}, 1);
  EXPECT_EQ(hex(event).substr(80, 48),
            "0807060504030201"
            "09000000"
            "00000000"
            "0a00000000000000");
}

TEST(Frame, ComesBackWhole) {
  std::string out;
  const auto envelope = sample();
  write_data_frame(out, envelope.view(), {.offset = 7}, 42);
  const auto frame = read_frame(bytes_of(out), 42);
  ASSERT_TRUE(frame);
  EnvelopeView read;
  ASSERT_TRUE(read_envelope(*frame, read));
  EXPECT_EQ(Envelope(read), envelope);
  EXPECT_FALSE(read_frame(bytes_of(out), 43)) << "another segment's bytes do not pass";
}

TEST(Frame, EveryFlippedBitAndEveryCutIsSeen) {
  std::string out;
  write_data_frame(out, sample().view(), {.offset = 7}, 42);
  const auto length = reinterpret_cast<const FrameHeader*>(out.data())->length;
  for (std::size_t bit = 0; bit < std::size_t{length} * 8; ++bit) {
    auto flipped = out;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ASSERT_FALSE(read_frame(bytes_of(flipped), 42)) << "bit " << bit;
  }
  for (std::size_t size = 0; size < out.size(); ++size) ASSERT_FALSE(read_frame(bytes_of(out).first(size), 42)) << size;
}

TEST(Frame, HostileSizesWithinAreRefused) {
  SeededEntropy entropy(3);
  for (int round = 0; round < 5'000; ++round) {
    std::string out;
    write_data_frame(out, sample().view(), {.offset = 7}, 42);
    auto body = std::string(out.substr(sizeof(FrameHeader)));
    // A valid checksum over a block that lies.
    for (int i = 0; i < 3; ++i) body[8 + entropy.below(32)] = static_cast<char>(entropy.next());
    const Frame frame{reinterpret_cast<const FrameHeader*>(out.data()), bytes_of(body)};
    if (EnvelopeView view; read_envelope(frame, view)) {
      ASSERT_LE(size_bytes(view), body.size());
    }
  }
}

}  // namespace
}  // namespace tidings::log
