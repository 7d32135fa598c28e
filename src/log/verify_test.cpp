#include <gtest/gtest.h>
#include <sys/stat.h>

#include "log/index.hpp"
#include "log/verify_testing.hpp"

namespace tidings::log {
namespace {

std::string last(const std::string& text) {
  return text.empty() ? text : text.substr(text.rfind('\n', text.size() - 2) + 1);
}

TEST(Verify, AWholeLogHasNoFindings) {
  for (const bool durable : {true, false}) {
    SmallLog log(durable);
    log.fill(40);
    log.write_record("audit", {.sequence = 1, .position = 40, .epoch = 2});
    EXPECT_EQ(log.told(), "");
    EXPECT_EQ(log.summary.events, 40U);
    EXPECT_EQ(log.summary.segments, log.firsts().size());
    EXPECT_EQ(log.summary.bytes, 4096 * log.firsts().size());
    EXPECT_EQ(log.summary.topics + log.summary.partitions + log.summary.groups, 3U);
    EXPECT_EQ(log.summary.to_recover, 0U);
    log.reboot();
    EXPECT_EQ(log.told(), "");
    EXPECT_EQ(log.summary.to_recover, 1U);
    std::filesystem::remove(log.path + "/orders/0/control");
    EXPECT_EQ(log.told(), "note damaged_hints orders/0/control\n");
    log.open();
    EXPECT_EQ(log.told(), "");
  }
}

TEST(Verify, AnEmptyTopicIsWhole) {
  SmallLog log;
  EXPECT_EQ(log.told(), "");
  {
    auto partition = log.open();
  }
  EXPECT_EQ(log.told(), "");
}

/// A frame proves what it proves whatever it ends with: a seal ends with zeros, a payload may.
TEST(Verify, AProofMayEndWithZeros) {
  SmallLog log;
  log.fill(13);
  const auto firsts = log.firsts();
  ASSERT_EQ(firsts.size(), 2U);
  const auto last = firsts[1] - 1;
  log.edit(log.segment(firsts[1]),
           [](std::string& bytes) { std::fill(bytes.begin() + sizeof(SegmentHeader), bytes.end(), '\0'); });
  log.reboot();
  log.flip(log.segment(0), log.place(last) + 100);
  EXPECT_EQ(log.told(), "error synced_event_lost " + log.segment(0) + " byte " + std::to_string(log.place(last)) +
                            " offset " + std::to_string(last) + "\n")
      << "the seal says that it was synced";
  EXPECT_FALSE(log.try_open()) << "recovery sees it alike";

  SmallLog other;
  other.fill(3, std::string(64, '\0'));
  other.reboot();
  other.flip(other.segment(0), other.place(1) + 70);
  EXPECT_EQ(other.told(),
            "error synced_event_lost " + other.segment(0) + " byte " + std::to_string(other.place(1)) + " offset 1\n");
  EXPECT_FALSE(other.try_open());
}

TEST(Verify, WhatIsInUseIsJudgedUpToTheCommittedEnd) {
  SmallLog log;
  log.fill(15);
  const auto end = log.place(14) + 400;
  {
    auto partition = log.open();
    log.flip(log.segment(log.firsts().back()), end);
    EXPECT_EQ(log.told(), "");
    EXPECT_EQ(log.summary.in_use, 1U);
    EXPECT_EQ(log.summary.events, 15U);
    log.flip(log.segment(0), log.place(3) + 100);
    EXPECT_EQ(log.told(),
              "error bad_checksum " + log.segment(0) + " byte " + std::to_string(log.place(3)) + " offset 3\n");
    log.flip(log.segment(0), log.place(3) + 100);
  }
  EXPECT_EQ(last(log.told()).substr(0, 14), "torn torn_tail");
  EXPECT_EQ(log.summary.in_use, 0U);
}

TEST(Verify, DamageInASealedSegment) {
  for (const bool rebooted : {false, true}) {
    SmallLog log;
    log.fill(40);
    if (rebooted) log.reboot();
    const auto at = log.place(5);
    const auto where = log.segment(0) + " byte " + std::to_string(at) + " offset 5\n";
    log.flip(log.segment(0), at + 80);
    EXPECT_EQ(log.told(), "error bad_checksum " + where);
    EXPECT_EQ(log.summary.events, 39U);
    EXPECT_NE(log.verify().front().why.find("the event at offset 5 is unreadable; whole ones follow from byte "),
              std::string::npos)
        << log.verify().front().why;
    log.flip(log.segment(0), at + 80);
    log.flip(log.segment(0), at + 2, 7);
    EXPECT_EQ(log.told(), "error bad_length " + where);
    log.flip(log.segment(0), at + 2, 7);
    log.edit(log.segment(0), [&](std::string& bytes) { bytes.replace(at, 4, 4, '\0'); });
    EXPECT_EQ(log.told(), "error missing_frame " + where);
  }
}

TEST(Verify, SegmentsThatAreMissingOrOverlap) {
  for (const bool durable : {true, false}) {
    SmallLog log(durable);
    log.fill(60);
    log.reboot();
    const auto firsts = log.firsts();
    ASSERT_GE(firsts.size(), 5U);
    const auto kept = log.path + "/kept";
    std::filesystem::rename(log.path + "/" + log.segment(firsts[1]), kept);
    EXPECT_EQ(log.told(), "note foreign_file kept\nerror missing_segment " + log.segment(firsts[1]) + " offset " +
                              std::to_string(firsts[1]) + "\n");
    std::filesystem::rename(kept, log.path + "/" + log.segment(firsts[1]));
    // Of the name of another: neither name nor place fit.
    std::filesystem::copy(log.path + "/" + log.segment(firsts[1]), log.path + "/" + log.segment(firsts[1] + 1));
    EXPECT_EQ(log.told(), "error wrong_header " + log.segment(firsts[1] + 1) + " byte 16\n");
    log.edit(log.segment(firsts[1] + 1), [&](std::string& bytes) {
      SegmentHeader header;
      std::memcpy(&header, bytes.data(), sizeof header);
      ++header.first_offset;
      header.checksum = header_checksum(header);
      std::memcpy(bytes.data(), &header, sizeof header);
    });
    EXPECT_NE(log.told().find("error overlapping_segments " + log.segment(firsts[1] + 1)), std::string::npos)
        << log.told();
    std::filesystem::remove(log.path + "/" + log.segment(firsts[1] + 1));
    // The last one: a seal proves that it was there, in a durable topic.
    std::filesystem::remove(log.path + "/" + log.segment(firsts.back()));
    const auto told = log.told();
    EXPECT_EQ(told.starts_with(durable ? "error missing_segment" : "note unfinished_roll"), true) << told;
    std::filesystem::remove(log.path + "/" + log.segment(firsts.front()));
    EXPECT_EQ(log.told(), told) << "by retention, for all that is known after a reboot";
  }
}

TEST(Verify, ABeginningThatRetentionDidNotTake) {
  SmallLog log(true);
  log.fill(60);
  const auto firsts = log.firsts();
  log.edit("orders/0/control", [&](std::string& bytes) {
    std::memcpy(bytes.data() + offsetof(Control, earliest), &firsts[1], sizeof firsts[1]);
  });
  std::filesystem::remove(log.path + "/" + log.segment(firsts[0]));
  EXPECT_EQ(log.told(), "");
  std::filesystem::remove(log.path + "/" + log.segment(firsts[1]));
  EXPECT_EQ(log.told(),
            "error missing_segment " + log.segment(firsts[1]) + " offset " + std::to_string(firsts[1]) + "\n");
}

TEST(Verify, HeadersOfSegments) {
  SmallLog log;
  log.fill(40);
  const auto firsts = log.firsts();
  const auto file = log.segment(firsts[1]);
  const auto forged = [&](const std::function<void(SegmentHeader&)>& change) {
    const auto before = read_file(log.path + "/" + file).or_throw();
    log.edit(file, [&](std::string& bytes) {
      SegmentHeader header;
      std::memcpy(&header, bytes.data(), sizeof header);
      change(header);
      header.checksum = header_checksum(header);
      std::memcpy(bytes.data(), &header, sizeof header);
    });
    auto told = log.told();
    overwrite(log.path + "/" + file, before);
    return told;
  };
  EXPECT_EQ(forged([](SegmentHeader& header) { header.magic ^= 1; }), "error bad_header " + file + " byte 0\n");
  EXPECT_EQ(forged([](SegmentHeader& header) { header.version = 1; }), "error newer_version " + file + " byte 8\n");
  EXPECT_EQ(forged([](SegmentHeader& header) { header.magic += std::uint64_t{1} << 56; }),
            "error newer_version " + file + " byte 8\n");
  EXPECT_EQ(forged([](SegmentHeader& header) { header.byte_order = 0x04030201; }),
            "error bad_header " + file + " byte 12\n");
  EXPECT_EQ(forged([](SegmentHeader& header) { ++header.first_offset; }), "error wrong_header " + file + " byte 16\n");
  EXPECT_EQ(forged([](SegmentHeader& header) { header.size *= 2; }), "error wrong_size " + file + " byte 24\n");
  EXPECT_EQ(forged([](SegmentHeader& header) { header.reserved[0] = 1; }), "error wrong_header " + file + " byte 44\n");
  EXPECT_TRUE(
      forged([](SegmentHeader& header) { header.epoch = 0; }).starts_with("error epoch_back " + file + " byte 40\n"));
  log.flip(file, 20);
  EXPECT_EQ(log.told(), "error bad_header " + file + " byte 60\n");
  log.flip(file, 20);
  log.edit(file, [](std::string& bytes) { bytes.resize(4000); });
  EXPECT_EQ(log.told(), "error wrong_size " + file + " byte 24\n");
  log.edit(file, [](std::string& bytes) { bytes.resize(63); });
  EXPECT_EQ(log.told(), "error bad_header " + file + " byte 0\n");
  log.edit(file, [](std::string& bytes) { bytes.clear(); });
  EXPECT_EQ(log.told(), "error bad_header " + file + " byte 0\n");
}

TEST(Verify, FramesWithARightChecksumThatCannotBe) {
  struct Case {
    std::function<void(FrameHeader&)> change;
    std::string code;
  };
  const std::vector<Case> cases{
      {[](FrameHeader& header) { header.time -= 10'000'000; }, "time_back"},
      {[](FrameHeader& header) { header.epoch = 0; }, "epoch_back"},
      {[](FrameHeader& header) { header.reserved = 1; }, "bad_frame"},
      {[](FrameHeader& header) { header.reserved2 = 1; }, "bad_frame"},
      {[](FrameHeader& header) { header.batch_end = 2; }, "bad_frame"},
      {[](FrameHeader& header) { header.durable_floor = 999; }, "bad_frame"},
      {[](FrameHeader& header) { header.type = FrameType{4}; }, "bad_frame"},
      {[](FrameHeader& header) { header.type = FrameType::producers; }, "bad_producers"},
      {[](FrameHeader& header) { ++header.offset; }, "offset_gap"},
      {[](FrameHeader& header) { header.offset = header.durable_floor = 0; }, "offset_gap"},
      {[](FrameHeader& header) { header.length -= 8; }, "bad_envelope"},
      {[](FrameHeader& header) { header.length = 72; }, "bad_envelope"},
      {[](FrameHeader& header) { header.type = FrameType::seal; }, "bad_seal"},
  };
  for (const auto& one : cases) {
    SmallLog log;
    log.fill(40);
    const auto at = log.place(5);
    log.forge(5, one.change);
    const auto told = log.told();
    EXPECT_TRUE(
        told.starts_with("error " + one.code + " " + log.segment(0) + " byte " + std::to_string(at) + " offset 5\n"))
        << one.code << ": " << told;
  }
}

TEST(Verify, EnvelopesBatchesAndSeals) {
  SmallLog log;
  log.fill(40);
  const auto first = log.firsts()[1];
  const auto at = log.place(first - 1);
  // The block's size of the headers, in a frame whose checksum is right.
  const auto before = read_file(log.path + "/" + log.segment(0)).or_throw();
  log.edit(log.segment(0), [&](std::string& bytes) {
    bytes[log.place(4) + 64 + 32] = 3;
    bytes[log.place(4) + 64 + 36] -= 3;
  });
  log.forge(4, [](FrameHeader&) {});
  EXPECT_TRUE(log.told().starts_with("error bad_envelope " + log.segment(0))) << log.told();
  overwrite(log.path + "/" + log.segment(0), before);
  log.forge(first - 1, [](FrameHeader& header) { header.batch_end = 0; });
  EXPECT_TRUE(log.told().starts_with("error batch_not_ended " + log.segment(0))) << log.told();
  overwrite(log.path + "/" + log.segment(0), before);
  // The seal itself: behind the last event of its segment.
  std::uint32_t length = 0;
  std::memcpy(&length, before.data() + at, sizeof length);
  const auto seal_at = at + padded(length);
  log.flip(log.segment(0), seal_at + 20);
  EXPECT_EQ(log.told(), "error bad_checksum " + log.segment(0) + " byte " + std::to_string(seal_at) + "\n");
  overwrite(log.path + "/" + log.segment(0), before);
  log.edit(log.segment(0), [&](std::string& bytes) { bytes.replace(seal_at, 64, 64, '\0'); });
  EXPECT_EQ(log.told(), "error not_sealed " + log.segment(0) + " byte " + std::to_string(seal_at) + " offset " +
                            std::to_string(first) + "\n");
  overwrite(log.path + "/" + log.segment(0), before);
  // Behind an event, where no checksum reaches.
  if (padded(length) != length) {
    log.flip(log.segment(0), at + length);
    EXPECT_EQ(log.told().substr(0, 12), "note padding");
  }
}

TEST(Verify, ATornTailAndDamageBeforeTheDurableFloor) {
  SmallLog log;
  log.fill(16);
  log.reboot();
  const auto first = log.firsts().back();
  ASSERT_LE(first, 13U);
  const auto file = log.segment(first);
  // Each event was synced before the next one was written: only the last can be a torn one.
  log.flip(file, log.place(15) + 80);
  EXPECT_EQ(log.told(), "torn torn_tail " + file + " byte " + std::to_string(log.place(15)) + " offset 15\n" +
                            "note hints_beyond_end orders/0/control\n");  // which was synced after all
  log.flip(file, log.place(15) + 80);
  const auto at = std::to_string(log.place(14));
  log.flip(file, log.place(14) + 80);
  // Event 15 was written when those before it were synced.
  EXPECT_EQ(log.told(), "error synced_event_lost " + file + " byte " + at + " offset 14\n");
  EXPECT_NE(log.verify().front().why.find("says that everything before offset 15 was synced"), std::string::npos);
}

TEST(Verify, InTheSameBootNothingBeforeTheCommittedEndIsATornTail) {
  SmallLog log;
  log.fill(16);
  const auto file = log.segment(log.firsts().back());
  log.flip(file, log.place(15) + 80);
  EXPECT_EQ(log.told(), "error bad_checksum " + file + " byte " + std::to_string(log.place(15)) + " offset 15\n");
}

TEST(Verify, SegmentsThatWereNotSyncedAreTorn) {
  SmallLog log(false);
  {
    auto partition = log.open();
    for (const auto& name : numbers(0, 60)) append(*partition, {event(name, std::string(200, 'p'))});
  }
  log.reboot();
  const auto firsts = log.firsts();
  const auto before_last = firsts[firsts.size() - 2];
  log.flip(log.segment(firsts.back()), 60);
  EXPECT_TRUE(log.told().starts_with("torn torn_segment " + log.segment(firsts.back()))) << log.told();
  log.flip(log.segment(firsts.back()), 60);
  log.flip(log.segment(before_last), log.place(before_last + 1) + 80);
  const auto told = log.told();
  // Unless one that was written later says that they were synced.
  EXPECT_TRUE(told.starts_with("torn torn_tail " + log.segment(before_last)) ||
              told.starts_with("error synced_event_lost " + log.segment(before_last)))
      << told;
}

TEST(Verify, AControlThatSaysMore) {
  SmallLog log;
  log.fill(16);
  const auto set = [&](std::size_t at, std::uint64_t value) {
    log.edit("orders/0/control", [&](std::string& bytes) { std::memcpy(bytes.data() + at, &value, sizeof value); });
  };
  set(offsetof(Control, committed), 20);
  EXPECT_TRUE(log.told().find("error ") == 0) << log.told();
  set(offsetof(Control, committed), 15);
  EXPECT_EQ(log.told(), "note uncommitted orders/0/control\n");
  set(offsetof(Control, committed), 16);
  set(offsetof(Control, position), 64);
  EXPECT_EQ(log.told(), "note damaged_hints orders/0/control\n");
  log.edit("orders/0/control", [](std::string& bytes) { bytes[offsetof(Control, faults)] = 1; });
  EXPECT_TRUE(log.told().starts_with("note poisoned orders/0/control\n"));
  log.edit("orders/0/control", [](std::string& bytes) { bytes.resize(100); });
  EXPECT_EQ(log.told(), "note damaged_hints orders/0/control\n");
  log.edit("orders/0/control", [](std::string& bytes) {
    bytes.resize(4096);
    bytes[8] = 1;
  });
  EXPECT_EQ(log.told(), "error newer_version orders/0/control\n");
}

TEST(Verify, TopicMeta) {
  SmallLog log;
  log.fill(3);
  const auto forged = [&](const std::function<void(MetaFile&)>& change) {
    const auto before = read_file(log.path + "/orders/topic.meta").or_throw();
    log.edit("orders/topic.meta", [&](std::string& bytes) {
      MetaFile meta;
      std::memcpy(&meta, bytes.data(), sizeof meta);
      change(meta);
      meta.checksum = checksum_of(meta);
      std::memcpy(bytes.data(), &meta, sizeof meta);
    });
    auto told = log.told();
    overwrite(log.path + "/orders/topic.meta", before);
    return told;
  };
  EXPECT_EQ(forged([](MetaFile& meta) { meta.version = 1; }), "error newer_version orders/topic.meta byte 8\n");
  EXPECT_EQ(forged([](MetaFile& meta) { meta.partitions = 0; }), "error wrong_header orders/topic.meta byte 12\n");
  EXPECT_EQ(forged([](MetaFile& meta) { meta.durability = 3; }), "error wrong_header orders/topic.meta byte 40\n");
  log.flip("orders/topic.meta", 30);
  EXPECT_EQ(log.told(), "error bad_header orders/topic.meta byte 60\n");
  EXPECT_EQ(log.summary.events, 3U);  // damage hides nothing else
  std::filesystem::remove(log.path + "/orders/topic.meta");
  EXPECT_EQ(log.told(), "error no_topic_meta orders/topic.meta\n");
}

TEST(Verify, Groups) {
  SmallLog log;
  log.fill(10);
  const auto file = std::string("orders/groups/audit");
  log.write_record("audit", {.sequence = 1, .position = 3, .epoch = 2});
  log.write_record("audit", {.sequence = 2, .position = 5, .epoch = 2});
  EXPECT_EQ(log.told(), "");
  log.flip(file, record_place(0, 0) + 16);
  EXPECT_EQ(log.told(), "note damaged_record " + file + " byte 64\n");
  log.flip(file, record_place(0, 1) + 16);
  EXPECT_EQ(log.told(), "error damaged_record " + file + " byte 64\nerror damaged_record " + file + " byte 192\n");
  log.flip(file, record_place(0, 1) + 16);
  log.flip(file, record_place(0, 0) + 16);
  // A sequence of 0 would pass for a slot that was never written.
  log.flip(file, record_place(0, 1), 0);
  EXPECT_EQ(log.told(), "note damaged_record " + file + " byte 192\n");
  log.flip(file, record_place(0, 1), 0);
  log.write_record("audit", {.sequence = 3, .position = 11, .epoch = 2});
  EXPECT_TRUE(log.told().starts_with("error position_beyond_end " + file)) << log.told();
  log.flip(file, 40);
  EXPECT_EQ(log.told(), "error bad_header " + file + " byte 60\n");
  log.flip(file, 40);
  log.edit(file, [](std::string& bytes) { bytes.resize(200); });
  EXPECT_TRUE(log.told().starts_with("error wrong_size " + file + " byte 200\n"));
  log.edit(file, [](std::string& bytes) {
    GroupHeader header;
    header.partitions = 2;
    header.checksum = checksum_of(header);
    std::memcpy(bytes.data(), &header, sizeof header);
  });
  EXPECT_EQ(log.told(), "error wrong_header " + file + " byte 12\n");
}

TEST(Verify, APositionThatAPowerCutTookBack) {
  SmallLog log;
  log.fill(10);
  const auto epoch = log.open()->epoch();
  log.write_record("audit", {.sequence = 1, .position = 10, .epoch = epoch});
  log.reboot();
  log.edit(log.segment(0),
           [&](std::string& bytes) { std::fill(bytes.begin() + static_cast<long>(log.place(8)), bytes.end(), '\0'); });
  log.fill(5);
  EXPECT_EQ(log.told(), "note position_taken_back orders/groups/audit byte 192\n");
}

TEST(Verify, WhatIsNotOfTheLogIsNoted) {
  SmallLog log;
  log.fill(3);
  for (const auto* const name :
       {"notes.txt", "~orders-1", "orders/~x", "orders/7", "orders/0/~00000000000000000003.log", "orders/0/backup",
        "orders/groups/~audit-1", "orders/0/0.log"})
    overwrite(log.path + "/" + name, "x");
  std::filesystem::create_directory(log.path + "/empty");
  std::filesystem::create_directory(log.path + "/orders/0/quarantine");
  overwrite(log.path + "/orders/0/quarantine/0-64-1.torn", "xyz");
  EXPECT_EQ(log.told(),
            "note foreign_file empty\nnote foreign_file notes.txt\nnote draft ~orders-1\n"
            "note foreign_file orders/7\nnote draft orders/~x\n"
            "note foreign_file orders/0/0.log\nnote foreign_file orders/0/backup\n"
            "note draft orders/0/~00000000000000000003.log\nnote quarantined orders/0/quarantine/0-64-1.torn\n"
            "note draft orders/groups/~audit-1\n");
}

TEST(Verify, AnIndexIsComparedWithItsSegment) {
  SmallLog log;
  log.fill(30);
  auto partition = log.open();
  const auto firsts = log.firsts();
  partition->first_at(TimePoint{std::chrono::milliseconds{1'000'005}}).or_throw();
  partition.reset();
  const auto name = "orders/0/" + index_name(0);
  const auto whole = read_file(log.path + "/" + name).or_throw();
  EXPECT_EQ(log.told(), "");
  const auto told_of = [&](const std::string& bytes) {
    overwrite(log.path + "/" + name, bytes);
    return log.told();
  };
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_TRUE(told_of(whole.substr(0, size)).starts_with("note wrong_index " + name + " byte ")) << size;
  EXPECT_EQ(told_of(whole + '\0'), "note wrong_index " + name + " byte 12\n");
  // With right checksums: what it says is compared with every frame.
  const auto forged = [&](const std::function<void(SegmentIndex&)>& change) {
    auto bytes = read_file(log.path + "/" + log.segment(0)).or_throw();
    SegmentHeader segment;
    std::memcpy(&segment, bytes.data(), sizeof segment);
    SegmentIndex index;
    EXPECT_FALSE(decode_index(std::as_bytes(std::span{whole}), segment, index));
    change(index);
    const auto encoded = encode_index(index, 0, segment.salt);
    return told_of({reinterpret_cast<const char*>(encoded.data()), encoded.size()});
  };
  EXPECT_EQ(forged([](SegmentIndex&) {}), "");
  EXPECT_EQ(forged([](SegmentIndex& index) { index.places.erase(index.places.begin() + 1); }), "") << "sparser";
  EXPECT_EQ(forged([](SegmentIndex& index) { index.places[1].position += 8; }),
            "note wrong_index " + name + " byte 88\n");
  EXPECT_EQ(forged([](SegmentIndex& index) { --index.places[1].offset; }), "note wrong_index " + name + " byte 88\n");
  EXPECT_EQ(forged([](SegmentIndex& index) { ++index.places[1].time; }), "note wrong_index " + name + " byte 88\n");
  EXPECT_EQ(forged([](SegmentIndex& index) { index.end_position += 8; }), "note wrong_index " + name + " byte 32\n");
  overwrite(log.path + "/" + name, whole);
  // Of a segment that is written yet, of none, and of another.
  overwrite(log.path + "/orders/0/" + index_name(firsts.back()), whole);
  overwrite(log.path + "/orders/0/" + index_name(firsts[1]), whole);
  overwrite(log.path + "/orders/0/" + index_name(7), whole);
  EXPECT_EQ(log.told(), "note foreign_file orders/0/" + index_name(7) + "\nnote wrong_index orders/0/" +
                            index_name(firsts[1]) + " byte 24\nnote wrong_index orders/0/" + index_name(firsts.back()) +
                            " byte 24\n");
  EXPECT_EQ(log.summary.errors, 0U);
}

TEST(Verify, WhatIsNoLog) {
  SmallLog log;
  EXPECT_EQ(verify_log(log.path + "/orders").error().code, "not_a_log");
  EXPECT_NE(verify_log(log.path + "/orders").error().message.find("name the folder above"), std::string::npos);
  EXPECT_EQ(verify_log(log.path + "/orders/groups").error().code, "not_a_log");
  EXPECT_EQ(verify_log(log.path + "/nothing").error().code, "not_found");
  EXPECT_EQ(verify_log(log.path + "/slots.lock").error().code, "not_a_directory");
}

TEST(Verify, MayBeEnded) {
  SmallLog log;
  log.fill(40);
  VerifyOptions options;
  int calls = 0;
  VerifyProgress progress;
  options.on_progress = [&](const VerifyProgress& now) {
    progress = now;
    return ++calls < 2;
  };
  EXPECT_EQ(verify_log(log.path, options).error().code, "interrupted");
  options.on_progress = [&](const VerifyProgress& now) {
    EXPECT_GE(now.bytes, progress.bytes);
    progress = now;
    return true;
  };
  progress = {};
  EXPECT_TRUE(verify_log(log.path, options));
  EXPECT_EQ(progress.bytes, progress.bytes_total);
  EXPECT_EQ(progress.bytes, 4096 * log.firsts().size());
  EXPECT_EQ(progress.events, 40U);
}

}  // namespace
}  // namespace tidings::log
