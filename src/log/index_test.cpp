#include "log/index.hpp"

#include <gtest/gtest.h>

#include <ranges>
#include <thread>

#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

constexpr std::uint64_t count = 40;

TimePoint appended(std::uint64_t offset) {
  return TimePoint{std::chrono::seconds{1'000 + offset}};
}

/// Events "0" to "39", one a second, in three segments, of which two are sealed.
struct Indexed {
  explicit Indexed(bool durable = false) : test(durable) {
    auto log = test.open();
    for (const auto& name : numbers(0, count)) {
      append(*log, {event(name, std::string(150, 'x'))});
      test.clock.advance(std::chrono::seconds{1});
    }
    log->sync_to(count, std::chrono::seconds{10}).or_throw();
    for (const auto& name : test.files())
      if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
  }
  [[nodiscard]] std::string index(std::uint64_t first) const { return test.partition() + "/" + index_name(first); }
  [[nodiscard]] bool has_index(std::uint64_t first) const { return std::filesystem::exists(index(first)); }
  [[nodiscard]] std::shared_ptr<Segment> segment(std::uint64_t first) const {
    auto directory = system_files().open(test.partition(), false).or_throw();
    return Segment::open(*directory, first, Segment::Access::read).or_throw();
  }
  [[nodiscard]] SegmentIndex right(std::uint64_t first) const { return index_of(*segment(first), 512).value(); }
  [[nodiscard]] std::string bytes_of(const SegmentIndex& index, std::uint64_t first) const {
    const auto bytes = encode_index(index, first, segment(first)->salt());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// Each looked for anew, from its offset and from its time.
  void expect_all_found(std::uint64_t from = 0, std::uint64_t to = count) {
    auto log = test.open();
    for (auto offset = from; offset < to; ++offset) {
      Cursor cursor(*log);
      cursor.seek(offset);
      const auto item = cursor.next(count);
      ASSERT_TRUE(item) << item.error().message;
      ASSERT_EQ((*item)->envelope.id, std::to_string(offset));
      ASSERT_EQ(log->first_at(appended(offset)).or_throw(), offset);
      ASSERT_EQ(log->first_at(appended(offset) - Duration{1}).or_throw(), offset);
    }
  }

  TestLog test;
  std::vector<std::uint64_t> firsts;
};

// What is written here is in files of users: a change of these bytes is a change of the format's version.
TEST(Index, GoldenBytes) {
  const SegmentIndex index{9, 1'064, {{7, 64, 100}, {8, 600, 101}}};
  std::string hex;
  for (const auto byte : encode_index(index, 7, 0x1122334455667788)) {
    char text[4];
    std::snprintf(text, sizeof text, "%02x", static_cast<unsigned>(byte));
    hex += text;
  }
  EXPECT_EQ(hex,
            "5449445349445830"
            "00000000"
            "02000000"
            "0700000000000000"
            "8877665544332211"
            "0900000000000000"
            "2804000000000000"
            "000000000000000000000000"
            "3211bcdc"
            "0700000000000000"
            "4000000000000000"
            "6400000000000000"
            "0800000000000000"
            "5802000000000000"
            "6500000000000000");
  SegmentHeader segment;
  segment.first_offset = 7;
  segment.size = 4'096;
  segment.salt = 0x1122334455667788;
  SegmentIndex again;
  EXPECT_FALSE(decode_index(encode_index(index, 7, segment.salt), segment, again));
  EXPECT_EQ(again, index);
}

TEST(Index, IsMadeByWhoNeedsItAndFindsEverything) {
  for (const bool durable : {false, true}) {
    Indexed log(durable);
    ASSERT_EQ(log.firsts.size(), 3U);
    EXPECT_FALSE(log.has_index(0));
    log.expect_all_found();
    for (const auto first : {log.firsts[0], log.firsts[1]}) {
      EXPECT_EQ(read_file(log.index(first)).or_throw(), log.bytes_of(log.right(first), first));
      EXPECT_GT(log.right(first).places.size(), 4U);
    }
    EXPECT_FALSE(log.has_index(log.firsts[2])) << "it is written yet";
    log.expect_all_found();
  }
}

TEST(Index, IsMadeInTheBackgroundOfARoll) {
  for (const bool durable : {false, true}) {
    TestLog test(durable);
    test.setting.background = std::make_shared<Background>();
    auto log = test.open();
    for (const auto& name : numbers(0, 30)) append(*log, {event(name, std::string(150, 'x'))});
    const auto has_index = [&] { return std::filesystem::exists(test.partition() + "/" + index_name(0)); };
    for (int i = 0; i < 1'000 && !has_index(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds{10});
    EXPECT_TRUE(has_index());
  }
}

/// What the writer noted is what a walk through the segment finds.
TEST(Index, IsMadeByTheWriterAsByAWalk) {
  TestLog test;
  test.setting.background = std::make_shared<Background>();
  IndexDraft draft;
  auto log = test.open();
  std::uint64_t position = sizeof(SegmentHeader), offset = 0;
  draft.begin(0, 4096, 512);
  for (std::uint64_t size = 1;; size = size * 7 % 5 + 1) {
    std::vector<Envelope> events;
    for (std::uint64_t i = 0; i < size; ++i) events.push_back(event("id", std::string(size * 40, 'x')));
    std::vector<EnvelopeView> views;
    for (const auto& one : events) views.push_back(one.view());
    std::vector<const EnvelopeView*> pointers;
    for (const auto& view : views) pointers.push_back(&view);
    test.clock.advance(std::chrono::seconds{1});
    ASSERT_EQ(append(*log, events), offset);
    if (log->segment_of(offset).or_throw()->first_offset() != 0) break;
    const auto begin = std::exchange(position, position + size * frame_bytes(views.front()));
    draft.add({.begin = begin, .end = position}, {offset, begin, test.clock.now().time_since_epoch().count()},
              pointers);
    offset += size;
  }
  auto broken = draft;
  const auto segment = log->segment_of(0).or_throw();
  const auto walked = index_of(*segment, 512);
  ASSERT_TRUE(walked);
  EXPECT_GT(walked->places.size(), 3U);
  EXPECT_EQ(draft.finish(0, offset, position), walked);
  EXPECT_FALSE(draft.finish(0, offset, position)) << "it is gone";
  const auto path = test.partition() + "/" + index_name(0);
  for (int i = 0; i < 1'000 && !std::filesystem::exists(path); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  const auto bytes = encode_index(*walked, 0, segment->salt());
  EXPECT_EQ(read_file(path).or_throw(), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  broken.add({.begin = position + 8, .end = position + 16}, {}, {});
  EXPECT_FALSE(broken.finish(0, offset, position + 16)) << "another process wrote in between";
}

/// Two handles stand for two processes: none of them has written all of a segment, and both walk.
TEST(Index, IsRightWhereWritersTakeTurns) {
  TestLog test;
  test.setting.background = std::make_shared<Background>();
  auto one = test.open(), other = test.open();
  for (const auto& name : numbers(0, 40))
    append(name.back() % 2 == 0 ? *one : *other, {event(name, std::string(150, 'x'))});
  for (const auto& name : numbers(0, 40))
    append(name.back() % 2 == 0 ? *one : *other, {event(name, std::string(99, 'y'))});
  const auto last = one->segment_of(79).or_throw()->first_offset();
  std::size_t indexes = 0;
  auto directory = system_files().open(test.partition(), false).or_throw();
  for (const auto& name : test.files()) {
    const auto first = segment_first_offset(name);
    if (!first || *first == last) continue;
    const auto path = test.partition() + "/" + index_name(*first);
    for (int i = 0; i < 1'000 && !std::filesystem::exists(path); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    const auto segment = Segment::open(*directory, *first, Segment::Access::read).or_throw();
    const auto bytes = encode_index(index_of(*segment, 512).value(), *first, segment->salt());
    EXPECT_EQ(read_file(path).or_throw(), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    ++indexes;
  }
  EXPECT_GT(indexes, 2U);
}

/// What lies between the places is not looked at: a frame there that cannot be passed is no hindrance.
TEST(Index, LeadsPastWhatLiesInFront) {
  Indexed log;
  log.expect_all_found();
  const auto second = log.segment(0)->length_at(sizeof(SegmentHeader));
  auto bytes = read_file(log.test.segment(0)).or_throw();
  std::memset(bytes.data() + sizeof(SegmentHeader) + padded(second), 0xff, 8);
  overwrite(log.test.segment(0), bytes);
  log.expect_all_found(4);
  std::filesystem::remove(log.index(0));
  auto reading = log.test.open();
  Cursor cursor(*reading);
  cursor.seek(4);
  EXPECT_EQ(cursor.next(count).error().code, "corrupt");
  EXPECT_FALSE(log.has_index(0)) << "a damaged segment gets none";
}

TEST(Index, EveryFlippedBitAndEveryCutIsSeenAndMended) {
  Indexed log;
  log.expect_all_found();
  const auto whole = read_file(log.index(0)).or_throw();
  const auto header = log.segment(0)->header();
  const auto is_refused = [&](const std::string& bytes) {
    SegmentIndex index;
    return decode_index(std::as_bytes(std::span{bytes}), header, index).has_value();
  };
  ASSERT_FALSE(is_refused(whole));
  std::vector<std::string> wrong{"", whole + '\0', whole + whole, std::string(whole.size(), '\0')};
  for (std::size_t size = 0; size < whole.size(); ++size) wrong.push_back(whole.substr(0, size));
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      wrong.push_back(whole);
      wrong.back()[at] = static_cast<char>(wrong.back()[at] ^ 1 << bit);
    }
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    ASSERT_TRUE(is_refused(wrong[i])) << i;
    if (i % 7 != 0) continue;  // the slow look
    overwrite(log.index(0), wrong[i]);
    log.expect_all_found(log.firsts[1] - 2, log.firsts[1] + 2);
    ASSERT_EQ(read_file(log.index(0)).or_throw(), whole) << i;
  }
}

/// Its checksum is right, what it says is not.
TEST(Index, CountsOnlyWhereTheFrameStands) {
  Indexed log;
  log.expect_all_found();
  const auto right = log.right(0);
  const auto first_bytes = read_file(log.index(0)).or_throw();
  std::vector<SegmentIndex> wrong;
  for (const int delta : {-8, 8, 272}) {
    auto& positions = wrong.emplace_back(right);
    for (auto& place : positions.places | std::views::drop(1)) place.position += static_cast<std::uint64_t>(delta);
  }
  auto& offsets = wrong.emplace_back(right);
  for (auto& place : offsets.places | std::views::drop(1)) --place.offset;
  auto& times = wrong.emplace_back(right);
  for (auto& place : times.places) place.time -= 3'000'000'000;
  auto& seal = wrong.emplace_back(right);
  seal.places.back() = {right.end_offset - 1, right.end_position - 8, seal.places.back().time};
  for (const auto& index : wrong) {
    overwrite(log.index(0), log.bytes_of(index, 0));
    log.expect_all_found(0, log.firsts[1] + 1);
    EXPECT_EQ(read_file(log.index(0)).or_throw(), first_bytes) << "made anew";
  }
  // Places that cannot be are refused before any is looked up.
  const auto header = log.segment(0)->header();
  const auto is_refused = [&](auto change) {
    auto index = right;
    change(index);
    SegmentIndex read;
    return decode_index(encode_index(index, 0, header.salt), header, read).has_value();
  };
  EXPECT_TRUE(is_refused([](SegmentIndex& index) { index.places[1].position += 4; }));
  EXPECT_TRUE(is_refused([](SegmentIndex& index) { index.places[1].position = ~std::uint64_t{7}; }));
  EXPECT_TRUE(is_refused([](SegmentIndex& index) { index.places[1].position = 0; }));
  EXPECT_TRUE(is_refused([](SegmentIndex& index) { index.places[1].offset = 1'000; }));
  EXPECT_TRUE(is_refused([](SegmentIndex& index) { index.places[1].time = 0; }));
  EXPECT_TRUE(is_refused([](SegmentIndex& index) { std::swap(index.places[1], index.places[2]); }));
  EXPECT_TRUE(is_refused([](SegmentIndex& index) { index.places.clear(); }));
  EXPECT_TRUE(is_refused([](SegmentIndex& index) { index.end_position = 5'000; }));
}

TEST(Index, OfAnotherSegmentNeverPasses) {
  Indexed log;
  Indexed other;
  log.expect_all_found();
  other.expect_all_found();
  const auto whole = read_file(log.index(0)).or_throw();
  for (const auto& foreign : {other.index(0), log.index(log.firsts[1])}) {
    SegmentIndex index;
    const auto bytes = read_file(foreign).or_throw();
    EXPECT_TRUE(decode_index(std::as_bytes(std::span{bytes}), log.segment(0)->header(), index));
    overwrite(log.index(0), bytes);
    log.expect_all_found();
    EXPECT_EQ(read_file(log.index(0)).or_throw(), whole);
  }
}

TEST(Index, GoesWithItsSegment) {
  Indexed log;
  log.expect_all_found();
  auto partition = log.test.open();
  ASSERT_TRUE(log.has_index(0) && log.has_index(log.firsts[1]));
  EXPECT_EQ(partition->remove_old({.bytes = 1}, log.firsts[1]).or_throw(), 1U);
  EXPECT_FALSE(log.has_index(0));
  EXPECT_TRUE(log.has_index(log.firsts[1]));
  // One who removed died in between, one who made an index too.
  overwrite(log.index(0), "x");
  overwrite(log.test.partition() + "/~" + index_name(0), "x");
  EXPECT_EQ(partition->remove_old({.bytes = 1 << 20}, 0).or_throw(), 0U);
  EXPECT_EQ(log.test.files().size(), 4U) << "control, two segments, one index";
}

/// A power cut may leave an index, and take the end of its segment, which was not synced.
TEST(Index, OfASegmentThatIsNotSealedAnyMoreGoes) {
  Indexed log;
  log.expect_all_found();
  const auto last = log.firsts[1];
  const auto cut = log.right(last).places[3].position;
  auto bytes = read_file(log.test.segment(last)).or_throw();
  std::memset(bytes.data() + cut, 0, bytes.size() - cut);
  overwrite(log.test.segment(last), bytes);
  std::filesystem::remove(log.test.segment(log.firsts[2]));
  log.test.forget_hints();
  auto partition = log.test.open();
  EXPECT_FALSE(log.has_index(last));
  while (log.test.files().size() < 5) append(*partition, {event("other", std::string(90, 'y'))});
  for (auto offset = last; offset < partition->committed(); ++offset)
    EXPECT_EQ(read_ids(*partition, offset).or_throw().size(), partition->committed() - offset);
}

TEST(Index, IsNoConditionOfReading) {
  Indexed log;
  FaultyFiles files;
  log.test.disk = &files;
  for (const auto* const call : {"file", "write_at", "replace", "read_at"}) {
    files.fail([&](const FaultyFiles::Call& one) -> std::optional<Error> {
      const bool is_index = one.path.ends_with(".idx") || one.name == "replace";
      if (one.name != call || !is_index) return std::nullopt;
      return Error{"disk_full", "test", Retry::same_call};
    });
    log.expect_all_found();
    files.fail({});
    for (const auto& name : log.test.files()) EXPECT_FALSE(name.starts_with('~')) << name;
    EXPECT_EQ(log.has_index(0), call == std::string_view("read_at")) << call;
  }
}

}  // namespace
}  // namespace tidings::log
