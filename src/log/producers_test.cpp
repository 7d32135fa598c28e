// Producers with an id: what comes twice is there once, whoever writes, and whatever becomes of him.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "log/faulty_files.hpp"
#include "log/verify_testing.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

Result<PartitionLog::Once> try_once(PartitionLog& log, std::uint64_t id, std::uint32_t epoch,
                                    const std::vector<std::uint64_t>& sequences, std::size_t payload = 0) {
  std::vector<Envelope> events;
  for (const auto sequence : sequences)
    events.push_back(event(std::to_string(id) + "/" + std::to_string(sequence), std::string(payload, 'x')));
  std::vector<EnvelopeView> views;
  for (const auto& one : events) views.push_back(one.view());
  std::vector<const EnvelopeView*> pointers;
  for (const auto& view : views) pointers.push_back(&view);
  return log.append_once(pointers, {.id = id, .epoch = epoch}, sequences, std::chrono::seconds{10});
}

PartitionLog::Once once(PartitionLog& log, std::uint64_t id, std::uint32_t epoch,
                        const std::vector<std::uint64_t>& sequences, std::size_t payload = 0) {
  return try_once(log, id, epoch, sequences, payload).or_throw();
}

std::uint64_t segments(const TestLog& test) {
  std::uint64_t count = 0;
  for (const auto& name : test.files()) count += segment_first_offset(name).has_value();
  return count;
}

TEST(Producers, WhatComesTwiceIsThereOnce) {
  TestLog test;
  auto log = test.open();
  EXPECT_EQ(once(*log, 7, 0, {0, 1, 2}).first, 0U);
  append(*log, {event("of nobody")});
  const auto again = once(*log, 7, 0, {1, 2, 3});
  EXPECT_EQ(again.before.duplicates, (std::vector<ProducerTable::Place>{{1}, {2}}));
  EXPECT_EQ(again.first, 4U);
  EXPECT_EQ(again.end, 5U);
  const auto all = once(*log, 7, 0, {3});
  EXPECT_EQ(all.before.duplicates, std::vector<ProducerTable::Place>{{4}});
  EXPECT_EQ(all.end, 5U) << "who waits for it waits for the event that is there";
  EXPECT_EQ(read_ids(*log).or_throw(), (std::vector<std::string>{"7/0", "7/1", "7/2", "of nobody", "7/3"}));
}

TEST(Producers, AHigherEpochFencesForEveryProcess) {
  TestLog test;
  auto log = test.open();
  auto other = test.open();
  once(*log, 7, 1, {0});
  once(*other, 7, 2, {1});
  EXPECT_EQ(once(*log, 7, 1, {2}).before.fenced_by, 2U);
  EXPECT_EQ(log->committed(), 2U) << "nothing of a fenced producer is written";
  EXPECT_EQ(once(*other, 7, 2, {0, 1, 2}).first, 2U);
}

TEST(Producers, EachSegmentBeginsWithTheStateOfThoseBefore) {
  for (const bool durable : {false, true}) {
    TestLog test(durable);
    auto log = test.open();
    once(*log, 7, 3, {10, 11});
    for (int i = 0; segments(test) < 4; ++i) append(*log, {event("n", std::string(200, 'x'))});
    const auto end = log->committed();
    for (const auto* const how : {"another process", "rebooted", "without hints"}) {
      if (how == std::string_view("another process")) {
        auto second = test.open();
        EXPECT_EQ(once(*second, 7, 3, {10, 11}).before.duplicates.size(), 2U) << how;
        continue;
      }
      log.reset();
      how == std::string_view("rebooted") ? test.reboot() : test.forget_hints();
      // One segment is enough: those before are gone.
      log = test.open();
      EXPECT_EQ(once(*log, 7, 2, {12}).before.fenced_by, 3U) << how;
      EXPECT_EQ(once(*log, 7, 3, {10, 11}).before.duplicates, (std::vector<ProducerTable::Place>{{0}, {1}})) << how;
      EXPECT_EQ(log->committed(), end) << how;
    }
    EXPECT_EQ(read_ids(*log).or_throw().size(), end) << "offsets are dense";
  }
}

TEST(Producers, ASegmentWithoutAnEventLeavesItToTheOneBefore) {
  // As after a kill between a roll and its first frame: the last segment's frames are cleared again.
  for (const bool durable : {false, true}) {
    TestLog test(durable);
    auto log = test.open();
    once(*log, 7, 3, {10});
    while (segments(test) < 2) append(*log, {event("n", std::string(200, 'x'))});
    const auto last = log->committed() - 1;
    log.reset();
    auto bytes = read_file(test.segment(last)).or_throw();
    std::fill(bytes.begin() + sizeof(SegmentHeader), bytes.end(), '\0');
    overwrite(test.segment(last), bytes);
    test.forget_hints();
    log = test.open();
    ASSERT_EQ(log->committed(), last);
    EXPECT_EQ(log->remove_old({.bytes = 1}, ~std::uint64_t{0}).or_throw(), 0U) << "the one before is still needed";
    EXPECT_EQ(once(*log, 7, 3, {10}).before.duplicates.size(), 1U);
    append(*log, {event("n")});
    log.reset();
    EXPECT_EQ(once(*test.open(), 7, 3, {10}).before.duplicates.size(), 1U);
  }
}

TEST(Producers, AreForgottenAfterADayWithTheNextSegment) {
  TestLog test;
  auto log = test.open();
  once(*log, 7, 0, {1});
  once(*log, 8, 0, {1});
  test.clock.advance(std::chrono::hours{23});
  while (segments(test) < 2) append(*log, {event("n", std::string(200, 'x'))});
  EXPECT_EQ(once(*log, 8, 0, {1, 2}).before.duplicates.size(), 1U) << "not within the day";
  test.clock.advance(std::chrono::hours{2});
  while (segments(test) < 3) append(*log, {event("n", std::string(200, 'x'))});
  EXPECT_TRUE(once(*test.open(), 7, 0, {1}).before.duplicates.empty());
  EXPECT_EQ(once(*test.open(), 8, 0, {1, 2}).before.duplicates.size(), 2U) << "the day begins with the last event";
}

TEST(Producers, TenThousandHaveTheirPlaceInEverySegment) {
  TestLog test;
  test.setting.segment_bytes_first = test.setting.segment_bytes_max = 64 << 10;  // less than the state
  auto log = test.open();
  constexpr std::uint64_t count = ProducerTable::producers_max + 5;
  for (std::uint64_t id = 1; id <= count; ++id) once(*log, id, 1, {id});
  while (segments(test) < 4) append(*log, {event("n", std::string(10'000, 'x'))});
  log = test.open();
  const auto end = log->committed();
  for (std::uint64_t id = 6; id <= count; ++id) ASSERT_EQ(once(*log, id, 1, {id}).end, id) << id;
  EXPECT_EQ(log->committed(), end);
  EXPECT_TRUE(once(*log, 1, 0, {1}).before.duplicates.empty()) << "beyond the bound the oldest are forgotten";
}

/// Several handles write by turns, some die and a machine is started again; a model says what each call must answer.
TEST(Producers, AsAModelSaysOverRollsReopeningsAndReboots) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SeededEntropy entropy(seed);
    FaultyFiles quick;
    quick.skip_syncs();
    TestLog test(seed % 2 == 0);
    test.disk = &quick;
    struct Known {
      std::uint32_t epoch = 0;
      std::uint64_t sequence = 0;
      std::map<std::uint64_t, std::uint64_t> offsets;
    };
    std::map<std::uint64_t, Known> model;
    std::vector<std::string> ids;
    std::vector<std::unique_ptr<PartitionLog>> handles(3);
    for (int step = 0; step < 300; ++step) {
      auto& handle = handles[entropy.below(handles.size())];
      if (entropy.below(10) == 0) handle.reset();
      if (entropy.below(30) == 0) {
        for (auto& one : handles) one.reset();
        entropy.below(2) == 0 ? test.reboot() : test.forget_hints();
      }
      if (!handle) handle = test.open();
      if (entropy.below(4) == 0) {
        ids.emplace_back("nobody");
        append(*handle, {event(ids.back(), std::string(entropy.below(600), 'x'))});
        continue;
      }
      const auto id = 1 + entropy.below(5);
      auto& known = model[id];
      const auto epoch = known.epoch + static_cast<std::uint32_t>(entropy.below(8) == 0) -
                         static_cast<std::uint32_t>(known.epoch > 0 && entropy.below(8) == 0);
      auto sequence = known.sequence - std::min<std::uint64_t>(known.sequence, entropy.below(4)) + entropy.below(3);
      std::vector<std::uint64_t> sequences;
      for (auto count = 1 + entropy.below(4); count > 0; --count) sequences.push_back(sequence += 1 + entropy.below(2));
      const auto answer = once(*handle, id, epoch, sequences, entropy.below(600));
      if (!known.offsets.empty() && epoch < known.epoch) {
        ASSERT_EQ(answer.before.fenced_by, known.epoch) << seed << " step " << step;
        continue;
      }
      ASSERT_FALSE(answer.before.fenced_by) << seed << " step " << step;
      std::size_t seen = 0;
      for (const auto one : sequences) {
        if (known.offsets.empty() || one > known.sequence) break;
        ASSERT_GT(answer.before.duplicates.size(), seen) << seed << " step " << step;
        const auto& place = answer.before.duplicates[seen++];
        if (place.is_exact) {
          ASSERT_EQ(known.offsets.at(one), place.offset) << seed << " step " << step;
        } else if (known.offsets.contains(one)) {
          ASSERT_LT(known.offsets.at(one), place.offset) << seed << " step " << step;
        }
      }
      ASSERT_EQ(answer.before.duplicates.size(), seen) << seed << " step " << step;
      if (seen == sequences.size()) continue;
      ASSERT_EQ(answer.first, ids.size()) << seed << " step " << step;
      for (; seen < sequences.size(); ++seen) {
        known.epoch = std::max(known.epoch, epoch);
        known.offsets[known.sequence = sequences[seen]] = ids.size();
        ids.push_back(std::to_string(id) + "/" + std::to_string(sequences[seen]));
      }
    }
    auto last = test.open();
    last->sync_to(ids.size(), std::chrono::seconds{10}).or_throw();
    ASSERT_EQ(read_ids(*last).or_throw(), ids) << seed;
    for (std::uint64_t from = 0; from < ids.size(); from += 7)
      ASSERT_EQ(read_ids(*test.open(), from).or_throw().size(), ids.size() - from) << seed;
  }
}

/// Each call of a roll fails once: what was acknowledged is known behind it, and comes once.
TEST(Producers, WhateverFailsInARollIsForgottenByNobody) {
  for (const bool durable : {false, true}) {
    for (std::uint64_t fails = 1; fails < 60; ++fails) {
      FaultyFiles files;
      files.skip_syncs();
      TestLog test(durable);
      test.disk = &files;
      auto log = test.open();
      once(*log, 7, 1, {1, 2});
      while (log->committed() < 12) append(*log, {event("n", std::string(200, 'x'))});
      const auto before = files.calls();
      files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
        if (call.number != before + fails || call.name == "sync_data") return std::nullopt;
        return Error{"io_error", "the test says so", Retry::same_call};
      });
      std::uint64_t written = 12;
      for (int i = 0; i < 12; ++i) written += try_append(*log, {event("n", std::string(200, 'x'))}).has_value();
      files.fail({});
      EXPECT_EQ(log->committed(), written) << fails;
      EXPECT_EQ(once(*log, 7, 1, {1, 2}).before.duplicates.size(), 2U) << fails;
      EXPECT_EQ(once(*test.open(), 7, 0, {3}).before.fenced_by, 1U) << fails;
      log.reset();
      test.forget_hints();
      EXPECT_EQ(once(*test.open(), 7, 1, {1, 2}).before.duplicates.size(), 2U) << fails;
    }
  }
}

TEST(Producers, WhoCountsNothingPaysNothing) {
  TestLog test;
  auto log = test.open();
  while (segments(test) < 3) append(*log, {event("n", std::string(200, 'x'))});
  for (const auto& name : test.files()) {
    if (!segment_first_offset(name)) continue;
    const auto bytes = read_file(test.partition() + "/" + name).or_throw();
    EXPECT_EQ(static_cast<FrameType>(bytes[sizeof(SegmentHeader) + offsetof(FrameHeader, type)]), FrameType::data);
  }
}

/// Twelve events of producer 7, so that a second segment begins with its state.
void fill_as_producer(SmallLog& log) {
  auto partition = log.open();
  for (std::uint64_t sequence = 0; log.firsts().size() < 2; ++sequence) {
    log.clock.advance(std::chrono::milliseconds{1});
    once(*partition, 7, 1, {sequence}, 200);
  }
}

TEST(Producers, VerifyPassesOverTheStateAndSeesWhatStandsTwice) {
  SmallLog log(false);
  fill_as_producer(log);
  EXPECT_EQ(log.told(), "");
  EXPECT_EQ(log.summary.events, log.firsts().back() + 1);
  const auto at = std::to_string(log.place(5));
  log.forge(5, [](FrameHeader& header) { header.sequence = 4; });
  EXPECT_EQ(log.told(), "error published_twice " + log.segment(0) + " byte " + at + " offset 5\n");
  log.forge(5, [](FrameHeader& header) { header.sequence = 5, header.producer_epoch = 0; });
  EXPECT_EQ(log.told(), "error producer_epoch_back " + log.segment(0) + " byte " + at + " offset 5\n");
}

TEST(Producers, EveryFlippedBitOfTheStateIsSeenAndNothingIsForgotten) {
  SmallLog log(false);
  fill_as_producer(log);
  log.reboot();
  const auto last = log.firsts().back();
  const auto file = log.segment(last);
  const auto before = read_file(log.path + "/" + file).or_throw();
  for (std::size_t bit = 0; bit < producers_bytes(1) * 8; bit += 3) {
    log.flip(file, sizeof(SegmentHeader) + bit / 8, static_cast<int>(bit % 8));
    EXPECT_NE(log.told(), "") << bit;
    overwrite(log.path + "/" + file, before);
  }
  // In use, by a process that has not read it yet.
  auto partition = log.open();
  append(*partition, {event("n")});
  log.flip(file, sizeof(SegmentHeader) + sizeof(FrameHeader) + 8);
  EXPECT_EQ(try_once(*log.open(), 7, 1, {0}).error().code, "corrupt");
}

TEST(Producers, StatesThatCannotBeAreRefused) {
  const auto make = [](std::vector<ProducerTable::Entry> entries) {
    std::string out(producers_bytes(entries.size()), '\0');
    auto* const at = reinterpret_cast<std::byte*>(out.data());
    const auto commit = put_producers_frame(at, entries, {.offset = 9, .time = 5, .epoch = 1}, 1);
    std::memcpy(at, &commit, sizeof commit);
    return out;
  };
  const auto reads = [](const std::string& bytes) {
    ProducerTable table;
    const auto frame = read_frame(std::as_bytes(std::span{bytes}), 1);
    return frame && read_producers(*frame, table);
  };
  const ProducerTable::Entry good{.id = 7, .sequence = 4, .offset = 8, .time = 5, .epoch = 1, .run = 3};
  auto later = good;
  later.offset = 9;
  EXPECT_TRUE(reads(make({good})));
  EXPECT_FALSE(reads(make({later}))) << "of an event behind it";
  EXPECT_FALSE(reads(make({good, good})));
  EXPECT_FALSE(reads(make(std::vector(ProducerTable::producers_max + 1, good))));
}

}  // namespace
}  // namespace tidings::log
