#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "log/crc32c.hpp"
#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

TEST(Recovery, ATornTailGoesToQuarantine) {
  TestLog test;
  append(*test.open(), {event("0")});
  append(*test.open(), {event("1"), event("2")});
  test.forget_hints();
  auto bytes = read_file(test.segment(0)).or_throw();
  const auto used = used_bytes(bytes);
  bytes[used - 1] = static_cast<char>(bytes[used - 1] ^ 1);  // the batch's second frame
  overwrite(test.segment(0), bytes);
  auto log = test.open();
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 1)) << "a batch is kept whole or not at all";
  EXPECT_TRUE(std::filesystem::exists(test.partition() + "/quarantine"));
  EXPECT_EQ(append(*log, {event("1")}), 1U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
  log.reset();
  test.forget_hints();
  EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 2));
}

TEST(Recovery, TwiceGivesTheSameBytes) {
  TestLog test;
  append(*test.open(), {event("0")});
  append(*test.open(), {event("1"), event("2")});
  auto bytes = read_file(test.segment(0)).or_throw();
  bytes[used_bytes(bytes) - 1] ^= 1;
  overwrite(test.segment(0), bytes);
  std::string once;
  for (int round = 0; round < 3; ++round) {
    test.forget_hints();
    (void)test.open();
    const auto now = read_file(test.segment(0)).or_throw();
    if (round == 0) once = now;
    EXPECT_EQ(now, once);
  }
}

TEST(Recovery, WhatWasSyncedAndIsDamagedIsRefused) {
  TestLog test(true);
  {
    auto log = test.open();
    append(*log, {event("0")});
    append(*log, {event("1")});
    log->sync_to(2, std::chrono::seconds{10}).or_throw();
    append(*log, {event("2")});  // its floor says that 0 and 1 were synced
  }
  test.forget_hints();
  auto bytes = read_file(test.segment(0)).or_throw();
  bytes[sizeof(SegmentHeader) + sizeof(FrameHeader) + 3] ^= 1;
  overwrite(test.segment(0), bytes);
  auto opened = test.try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "corrupt");
  EXPECT_NE(opened.error().message.find(segment_name(0)), std::string::npos);
  EXPECT_EQ(read_file(test.segment(0)).or_throw(), bytes) << "nothing was changed";
}

/// It ends with zeros, and is what says last what was synced.
TEST(Recovery, ASealProvesWhatWasSynced) {
  TestLog test(true);
  std::uint64_t end = 0;
  {
    auto log = test.open();
    log->sync_to(append(*log, {event("0")}) + 1, std::chrono::seconds{10}).or_throw();
    while (end < 4) end = append(*log, {event(std::to_string(end + 1))}) + 1;  // their floors lie before all of them
    log->sync_to(end, std::chrono::seconds{10}).or_throw();
    append(*log, {event("large", std::string(5'000, 'x'))});
  }
  auto last = read_file(test.segment(end)).or_throw();
  std::fill(last.begin() + sizeof(SegmentHeader), last.end(), '\0');  // of the roll no more was on the device
  overwrite(test.segment(end), last);
  test.reboot();
  auto bytes = read_file(test.segment(0)).or_throw();
  bytes[sizeof(SegmentHeader) + 2 * frame_bytes(event("0").view()) + sizeof(FrameHeader) + 3] ^= 1;
  overwrite(test.segment(0), bytes);
  auto opened = test.try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "corrupt");
  EXPECT_EQ(read_file(test.segment(0)).or_throw(), bytes) << "nothing was changed";
}

/// Without a frame behind it nothing proves that it was synced; what the hints said is told, at least.
TEST(Recovery, WhatTheHintsSaidWasSyncedAndIsGoneIsTold) {
  struct Heard final : LogSink {
    void write(LogLevel level, std::string_view text) override {
      if (level == LogLevel::error) errors += std::string(text) + "\n";
    }
    std::string errors;
  };
  for (const bool durable : {true, false})
    for (const bool is_damaged : {true, false}) {
      Heard heard;
      TestLog test(durable);
      test.setting.log = &heard;
      {
        auto log = test.open();
        for (const auto& name : numbers(0, 3))
          log->sync_to(append(*log, {event(name)}) + 1, std::chrono::seconds{10}).or_throw();
      }
      test.reboot();
      auto bytes = read_file(test.segment(0)).or_throw();
      if (is_damaged) bytes[sizeof(SegmentHeader) + 2 * frame_bytes(event("0").view()) + 70] ^= 1;
      overwrite(test.segment(0), bytes);
      EXPECT_EQ(test.open()->committed(), is_damaged ? 2U : 3U);
      EXPECT_EQ(heard.errors.find("before offset 3 were synced") != std::string::npos, is_damaged) << heard.errors;
      EXPECT_EQ(heard.errors.empty(), !is_damaged) << heard.errors;
    }
}

/// Of a later version: not damaged, and nothing that a power cut left.
TEST(Recovery, ASegmentOfALaterFormatIsNotMovedAway) {
  TestLog test;
  append(*test.open(), {event("0")});
  auto bytes = read_file(test.segment(0)).or_throw();
  bytes[7] = '1';  // TIDSLOG1
  overwrite(test.segment(0), bytes);
  for (const bool rebooted : {false, true}) {
    if (rebooted) test.reboot();
    const auto opened = test.try_open();
    const auto ids = opened ? read_ids(**opened) : Result<std::vector<std::string>>{opened.error()};
    ASSERT_FALSE(ids);
    EXPECT_EQ(ids.error().code, "newer_version") << ids.error().message;
    EXPECT_EQ(read_file(test.segment(0)).or_throw(), bytes) << "nothing was changed";
  }
}

TEST(Recovery, ACutAtEveryByteKeepsAPrefix) {
  FaultyFiles quick;
  quick.skip_syncs();
  TestLog test;
  test.disk = &quick;
  for (const auto& name : numbers(0, 3)) append(*test.open(), {event(name, "xyz")});
  const auto bytes = read_file(test.segment(0)).or_throw();
  const auto used = used_bytes(bytes);
  std::size_t most = 0;
  for (std::size_t size = sizeof(SegmentHeader); size <= used; ++size) {
    auto cut = bytes.substr(0, size);
    cut.resize(bytes.size(), '\0');
    overwrite(test.segment(0), cut);
    test.forget_hints();
    const auto ids = read_ids(*test.open()).or_throw();
    ASSERT_EQ(ids, numbers(0, ids.size())) << size;
    ASSERT_GE(ids.size(), most) << size;
    most = ids.size();
  }
  EXPECT_EQ(most, 3U);
}

TEST(Recovery, AFlipOfEveryBitIsSeenOrHarmless) {
  FaultyFiles quick;
  quick.skip_syncs();
  TestLog test;
  test.disk = &quick;
  for (const auto& name : numbers(0, 3)) append(*test.open(), {event(name, "payload")});
  const auto bytes = read_file(test.segment(0)).or_throw();
  const auto used = used_bytes(bytes);
  for (std::size_t bit = 0; bit < used * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    overwrite(test.segment(0), flipped);
    test.forget_hints();
    auto opened = test.try_open();
    if (!opened) continue;  // refused
    Cursor cursor(**opened);
    for (std::uint64_t offset = 0;; ++offset) {
      auto item = cursor.next((*opened)->visible_end());
      if (!item || !*item) break;
      ASSERT_EQ((*item)->envelope.id, std::to_string(offset)) << "bit " << bit;
      ASSERT_EQ((*item)->envelope.payload, "payload") << "bit " << bit;
    }
  }
}

/// A copy of the files as they are while a roll is at each of its steps.
void stop_a_roll_at_any_step(bool durable) {
  TestLog test(durable);
  std::uint64_t next = 0;
  {
    auto log = test.open();
    while (test.files().size() < 3) append(*log, {event(std::to_string(next++), std::string(200, 'x'))});
  }
  const auto names = test.files();
  const auto last = segment_first_offset(names[1]).value();
  const auto whole = read_file(test.segment(0)).or_throw();
  ASSERT_EQ(last + 1, next);
  std::size_t seal = sizeof(SegmentHeader);
  for (std::uint64_t offset = 0; offset < last; ++offset)
    seal += padded(reinterpret_cast<const FrameHeader*>(whole.data() + seal)->length);
  // Made, not begun, not sealed before; made and sealed, not begun; sealed, and the next one lost.
  for (const auto* const step : {"made", "sealed", "sealed alone"}) {
    const bool is_lost = std::string_view(step) == "sealed alone";
    auto bytes = whole;
    if (std::string_view(step) == "made")
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(seal), bytes.end(), '\0');
    overwrite(test.segment(0), bytes);
    std::filesystem::remove(test.segment(last));
    if (std::string_view(step) != "sealed alone") {
      auto directory = system_files().open(test.partition(), false).or_throw();
      Segment::prepare(*directory, {.first_offset = last, .size = 4096, .epoch = 1}).or_throw();
    }
    test.forget_hints();
    if (is_lost && durable) {
      const auto refused = test.try_open();
      ASSERT_FALSE(refused) << "events behind a seal were there, and are missing";
      EXPECT_EQ(refused.error().code, "corrupt");
      continue;
    }
    auto log = test.open();
    ASSERT_EQ(read_ids(*log).or_throw(), numbers(0, last)) << step;
    ASSERT_EQ(append(*log, {event(std::to_string(last)), event(std::to_string(last + 1))}), last) << step;
    ASSERT_EQ(append(*log, {event(std::to_string(last + 2), std::string(3'000, 'y'))}), last + 2) << step;
    if (durable) log->sync_to(last + 3, std::chrono::seconds{10}).or_throw();
    ASSERT_EQ(read_ids(*log).or_throw(), numbers(0, last + 3)) << step;
    log.reset();
    test.forget_hints();
    ASSERT_EQ(read_ids(*test.open()).or_throw(), numbers(0, last + 3)) << step;
    for (const auto& name : test.files())
      if (const auto first = segment_first_offset(name); first && *first != 0)
        std::filesystem::remove(test.segment(*first));
  }
}

TEST(Recovery, ARollThatStoppedAtAnyStep) {
  for (const bool durable : {false, true}) stop_a_roll_at_any_step(durable);
}

/// The word of a process that is gone stands in the writer lock: the next writer repairs, without a reboot.
TEST(Repair, ASegmentThatWasMadeAndNotBegunGoes) {
  TestLog test;
  auto log = test.open();
  append(*log, {event("0")});
  {
    auto directory = system_files().open(test.partition(), false).or_throw();
    Segment::prepare(*directory, {.first_offset = 1, .size = 4096, .epoch = 1}).or_throw();  // a roll began here
    auto control = directory->file("control", Directory::Create::never).or_throw();
    const std::uint64_t dead = std::uint64_t{1000} << 16 | 7;
    control->write_at(std::as_bytes(std::span{&dead, 1}), offsetof(Control, writer)).or_throw();
  }
  append(*log, {event("1")});  // it fits into the segment before
  append(*log, {event("2")});
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 3));
  EXPECT_EQ(read_ids(*log, 1).or_throw(), numbers(1, 3));
  log.reset();
  test.forget_hints();
  EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 3));
}

TEST(Repair, HalfABatchIsClearedAndWhatWasWholeIsKept) {
  TestLog test;
  auto log = test.open();
  append(*log, {event("0")});
  append(*log, {event("1"), event("2")});
  // As if the writer of the second batch had died before it published its end, with its last frame not whole.
  auto bytes = read_file(test.segment(0)).or_throw();
  const auto first = sizeof(SegmentHeader) +
                     padded(reinterpret_cast<const FrameHeader*>(bytes.data() + sizeof(SegmentHeader))->length);
  const std::uint64_t end = used_bytes(bytes) + 8;
  auto directory = system_files().open(test.partition(), false).or_throw();
  auto control = directory->file("control", Directory::Create::never).or_throw();
  const auto set = [&](std::size_t at, std::uint64_t value) {
    control->write_at(std::as_bytes(std::span{&value, 1}), at).or_throw();
  };
  set(offsetof(Control, committed), 1);
  set(offsetof(Control, position), first);
  set(offsetof(Control, dirty_end), end);
  set(offsetof(Control, writer), std::uint64_t{1000} << 16 | 7);
  auto segment = directory->file(segment_name(0), Directory::Create::never).or_throw();
  const char wrong = 'w';
  segment->write_at(std::as_bytes(std::span{&wrong, 1}), used_bytes(bytes) - 1).or_throw();
  EXPECT_EQ(append(*log, {event("1")}), 1U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
}

/// Such as a device makes of blocks that were written once: no seal, and no frame.
TEST(Repair, GarbageBehindTheEndIsNoSeal) {
  for (const bool durable : {false, true}) {
    TestLog test(durable);
    auto log = test.open();
    append(*log, {event("0")});
    const auto used = padded(used_bytes(read_file(test.segment(0)).or_throw()));
    auto directory = system_files().open(test.partition(), false).or_throw();
    auto segment = directory->file(segment_name(0), Directory::Create::never).or_throw();
    const std::string garbage(200, 'g');
    segment->write_at(std::as_bytes(std::span{garbage}), used).or_throw();
    for (std::uint64_t offset = 1; offset < 40; ++offset)
      ASSERT_EQ(append(*log, {event(std::to_string(offset), std::string(200, 'x'))}), offset);
    log->sync_to(40, std::chrono::seconds{10}).or_throw();
    const auto hints = read_ids(*log);
    ASSERT_TRUE(hints) << hints.error().message;
    EXPECT_EQ(*hints, numbers(0, 40));
    EXPECT_TRUE(std::filesystem::exists(test.partition() + "/quarantine"));
    log.reset();
    test.forget_hints();
    EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 40));
  }
}

/// The hints are another's, and wrong: what was written stays, and what is written now is readable.
TEST(Hints, ThoseThatDoNotFitTheSegmentsLoseNothing) {
  struct Wrong {
    std::size_t at;
    std::uint64_t value;
  };
  constexpr auto far = ~std::uint64_t{0};
  for (const bool durable : {false, true})
    for (const auto& wrong : {Wrong{offsetof(Control, position), 64}, Wrong{offsetof(Control, position), 0},
                              Wrong{offsetof(Control, position), 68}, Wrong{offsetof(Control, position), 2048},
                              Wrong{offsetof(Control, position), far - 7}, Wrong{offsetof(Control, position), far - 63},
                              Wrong{offsetof(Control, committed), 0}, Wrong{offsetof(Control, committed), 12},
                              Wrong{offsetof(Control, committed), 1'000}, Wrong{offsetof(Control, segment), 0},
                              Wrong{offsetof(Control, segment), 7}, Wrong{offsetof(Control, segment), far}}) {
      TestLog test(durable);
      {
        auto log = test.open();
        for (const auto& name : numbers(0, 14)) append(*log, {event(name, std::string(300, 'x'))});
        log->sync_to(14, std::chrono::seconds{10}).or_throw();
      }
      auto directory = system_files().open(test.partition(), false).or_throw();
      auto control = directory->file("control", Directory::Create::never).or_throw();
      control->write_at(std::as_bytes(std::span{&wrong.value, 1}), wrong.at).or_throw();
      auto log = test.open();
      const auto appended = try_append(*log, {event("14", std::string(300, 'x'))});
      if (appended) {
        EXPECT_EQ(*appended, 14U) << wrong.at << " " << wrong.value;
        log->sync_to(15, std::chrono::seconds{10}).or_throw();
        const auto ids = read_ids(*log);
        ASSERT_TRUE(ids) << wrong.at << " " << wrong.value << ": " << ids.error().message;
        EXPECT_EQ(*ids, numbers(0, 15));
        continue;
      }
      EXPECT_EQ(appended.error().code, "corrupt") << wrong.at << " " << wrong.value;
      log.reset();
      test.forget_hints();
      EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 14)) << wrong.at << " " << wrong.value;
    }
}

TEST(Hints, ThatAreCutAreMadeAnew) {
  for (const std::size_t size : {0U, 1U, 59U, 60U, 100U, 127U, 128U, 200U, 4095U}) {
    TestLog test;
    for (const auto& name : numbers(0, 3)) append(*test.open(), {event(name)});
    std::filesystem::resize_file(test.partition() + "/control", size);
    EXPECT_EQ(append(*test.open(), {event("3")}), 3U) << size;
    EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 4)) << size;
  }
}

TEST(Recovery, AMissingSegmentIsTold) {
  TestLog test;
  {
    auto log = test.open();
    for (const auto& name : numbers(0, 60)) append(*log, {event(name, std::string(200, 'x'))});
  }
  std::vector<std::uint64_t> firsts;
  for (const auto& name : test.files())
    if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
  ASSERT_GT(firsts.size(), 3U);
  std::filesystem::remove(test.segment(firsts[1]));
  auto log = test.open();
  const auto ids = read_ids(*log);
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, "corrupt");
}

TEST(Files, WhatIsNoSegmentIsRefused) {
  for (const auto* const kind : {"fifo", "link", "short", "newer", "renamed"}) {
    TestLog test(true);
    append(*test.open(), {event("0")});
    auto bytes = read_file(test.segment(0)).or_throw();
    std::filesystem::remove(test.segment(0));
    test.forget_hints();
    std::string wanted = "corrupt";
    const std::string_view what = kind;
    if (what == "fifo") {
      ASSERT_EQ(::mkfifo(test.segment(0).c_str(), 0600), 0);
      wanted = "not_a_file";
    }
    if (what == "link") std::filesystem::create_symlink("/dev/zero", test.segment(0)), wanted = "not_a_file";
    if (what == "short") overwrite(test.segment(0), bytes.substr(0, 40));
    if (what == "renamed") overwrite(test.segment(5), bytes);
    if (what == "newer") {
      auto& header = *reinterpret_cast<SegmentHeader*>(bytes.data());
      header.version = 9;
      header.checksum = header_checksum(header);
      overwrite(test.segment(0), bytes);
      wanted = "newer_version";
    }
    auto opened = test.try_open();
    ASSERT_FALSE(opened) << kind;
    EXPECT_EQ(opened.error().code, wanted) << kind << ": " << opened.error().message;
  }
}

/// How long recovery takes over a damaged frame of 4 MiB that holds `word` again and again.
std::chrono::steady_clock::duration recovery_of_a_tail_of(std::string_view word) {
  TestLog test;
  append(*test.open(), {event("0")});
  {
    auto log = test.open();
    std::string words;
    while (words.size() < 4 << 20) words += word;
    append(*log, {event("1234567", words)});  // with the type 8 bytes: the words are aligned
  }
  const auto path = test.segment(1);
  auto bytes = read_file(path).or_throw();
  bytes[sizeof(SegmentHeader) + 40] ^= 1;  // its frame is damaged
  overwrite(path, bytes);
  test.forget_hints();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 1));
  return std::chrono::steady_clock::now() - begin;
}

/// Each word of the tail looks like a frame's length of 1 MiB: summing up each of them would take a hundred thousand
/// times as long.
TEST(Recovery, ATornTailOfLengthsIsReadOnce) {
  using namespace std::string_view_literals;
  const auto plain = recovery_of_a_tail_of("no frame"sv);
  EXPECT_LT(recovery_of_a_tail_of("\0\0\x10\0\0\0\0\0"sv), 1000 * plain);
}

/// What a power cut does to a topic that is not durable: the last events are gone, and others get their offsets.
TEST(Recovery, APositionOfAnEpochThatWasCutHoldsUpToTheCut) {
  TestLog test;
  {
    auto log = test.open();
    for (const auto& name : numbers(0, 10)) append(*log, {event(name, std::string(600, 'x'))});
  }
  test.reboot();
  std::uint32_t epoch = 0;
  {
    auto log = test.open();
    for (const auto& name : numbers(10, 20)) append(*log, {event(name, std::string(600, 'x'))});
    epoch = log->epoch();
  }
  // Everything from offset 15 on never reached the device.
  for (const auto& name : test.files())
    if (const auto first = segment_first_offset(name)) {
      auto bytes = read_file(test.segment(*first)).or_throw();
      std::size_t at = sizeof(SegmentHeader);
      const auto header = [&] { return reinterpret_cast<const FrameHeader*>(bytes.data() + at); };
      while (at + sizeof(FrameHeader) <= bytes.size() && header()->length != 0 && header()->offset < 15)
        at += padded(header()->length);
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at, bytes.size())), bytes.end(), '\0');
      overwrite(test.segment(*first), bytes);
      if (*first >= 15) std::filesystem::remove(test.segment(*first));
    }
  test.reboot();
  auto log = test.open();
  ASSERT_EQ(log->committed(), 15U);
  EXPECT_GT(log->epoch(), epoch) << "although no segment and no event carries the one before";
  EXPECT_EQ(log->what_holds(18, epoch).or_throw(), 15U);
  for (int i = 0; i < 10; ++i) append(*log, {event("new", std::string(600, 'x'))});
  EXPECT_EQ(log->what_holds(18, epoch).or_throw(), 15U) << "others stand there now";
  EXPECT_EQ(log->what_holds(25, epoch).or_throw(), 15U);
  EXPECT_EQ(log->what_holds(15, epoch).or_throw(), 15U);
  EXPECT_EQ(log->what_holds(12, epoch).or_throw(), 12U);
  EXPECT_EQ(log->what_holds(0, epoch).or_throw(), 0U);
  EXPECT_EQ(log->what_holds(18, log->epoch()).or_throw(), 18U);
  EXPECT_EQ(log->what_holds(99, log->epoch()).or_throw(), 25U);
  EXPECT_EQ(log->what_holds(18, epoch - 1).or_throw(), 10U);
}

/// A process without a descriptor cannot read the boot id: it must not take that for a reboot.
TEST(Recovery, AnOpenerWithoutDescriptorsRecoversNothing) {
  TestLog test(true);
  auto log = test.open();
  append(*log, {event("0")});
  auto directory = system_files().open(test.path, false).or_throw();
  auto slots = Slots::take(*directory).or_throw();
  auto wake_file = directory->file("control", Directory::Create::if_missing).or_throw();
  auto wake = std::make_shared<TopicWake>(wake_file->map(TopicWake::file_bytes, true).or_throw());
  const auto epoch = log->epoch();
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(0);
  ::close(next);
  int refused = 0;
  for (int more = 0; more < 8; ++more) {
    auto limit = before;
    limit.rlim_cur = static_cast<rlim_t>(next) + static_cast<rlim_t>(more);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    auto opened = PartitionLog::open(*directory, 0, slots, wake, test.setting, std::chrono::milliseconds{50});
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    if (opened) continue;
    ++refused;
    EXPECT_EQ(opened.error().code, "too_many_files") << more << ": " << opened.error().message;
  }
  EXPECT_GE(refused, 2);
  EXPECT_EQ(log->epoch(), epoch) << "it was recovered under its writer";
  EXPECT_EQ(append(*log, {event("1")}), 1U);
}

TEST(Recovery, NobodyRecoversUnderThoseWhoHaveItOpen) {
  for (const auto* const how : {"removed", "another boot"}) {
    TestLog test(true);
    auto log = test.open();
    append(*log, {event("0")});
    std::string_view(how) == "removed" ? test.forget_hints() : test.reboot();
    auto opened = test.try_open();
    ASSERT_FALSE(opened) << how;
    EXPECT_EQ(opened.error().code, "busy");
    EXPECT_EQ(append(*log, {event("1")}), 1U) << how;
    log.reset();
    log = test.open();
    EXPECT_EQ(append(*log, {event("2")}), 2U) << how;
    EXPECT_EQ(append(*test.open(), {event("3")}), 3U) << "who has recovered shares it again";
  }
}

/// Another process that is stopped in a recovery, or in front of it, holds up nobody who has nothing to recover.
TEST(Recovery, WhoFindsItRecoveredWaitsForNobody) {
  TestLog test;
  append(*test.open(), {event("0")});
  auto topic = system_files().open(test.path, false).or_throw();
  auto gate = topic->file("openers.lock", Directory::Create::if_missing).or_throw();
  ASSERT_TRUE(gate->try_lock({0, 1}).or_throw());
  append(*test.try_open(Duration::zero()).or_throw(), {event("1")});
}

/// Its checksum is right: a hostile one, or one of a program that was not ours.
TEST(Files, ATopicOfMorePartitionsThanThereCanBeIsRefused) {
  TestLog test;
  auto options = LogDirectory::Options{.any_file_system = true, .clock = &test.clock, .log = &test.silent};
  (void)LogDirectory::open(test.path, options).or_throw()->create("t", {.partitions = 1}).or_throw();
  auto bytes = read_file(test.path + "/t/topic.meta").or_throw();
  for (const std::uint32_t partitions : {1025U, 4'294'967'295U}) {
    std::memcpy(bytes.data() + 12, &partitions, 4);
    const auto sum = crc32c(std::as_bytes(std::span{bytes}).first(60));
    std::memcpy(bytes.data() + 60, &sum, 4);
    overwrite(test.path + "/t/topic.meta", bytes);
    const auto found = LogDirectory::open(test.path, options).or_throw()->find("t");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, "corrupt");
  }
}

/// No event of the second boot is left; the third must not take its number.
TEST(Recovery, AnEpochIsNeverUsedTwice) {
  TestLog test;
  append(*test.open(), {event("0")});
  std::set<std::uint32_t> epochs;
  for (int boot = 0; boot < 5; ++boot) {
    test.reboot();
    epochs.insert(test.open()->epoch());
  }
  EXPECT_EQ(epochs.size(), 5U);
}

}  // namespace
}  // namespace tidings::log
