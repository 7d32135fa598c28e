// What a power cut leaves of a topic that is not durable: of the last segments anything, of those before all.
#include <gtest/gtest.h>

#include <functional>
#include <future>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

/// A log of a few segments, none synced by hand, as after a reboot.
struct Cut {
  Cut() {
    auto log = test.open();
    while (firsts().size() < 5) append(*log, {event(std::to_string(count++), std::string(200, 'x'))});
    append(*log, {event(std::to_string(count++))});
    durable = log->durable();
    log.reset();
    test.forget_hints();
  }
  [[nodiscard]] std::vector<std::uint64_t> firsts() const {
    std::vector<std::uint64_t> found;
    for (const auto& name : test.files())
      if (const auto first = segment_first_offset(name)) found.push_back(*first);
    return found;
  }
  void change(std::uint64_t first, const std::function<void(std::string&)>& how) const {
    auto bytes = read_file(test.segment(first)).or_throw();
    how(bytes);
    overwrite(test.segment(first), bytes);
  }
  void zero_from(std::uint64_t first, std::size_t at) const {
    change(first,
           [&](std::string& bytes) { std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), '\0'); });
  }
  /// Opens, reads what is left, and goes on.
  std::uint64_t end_after_recovery() {
    auto log = test.open();
    const auto ids = read_ids(*log).or_throw();
    EXPECT_EQ(ids, numbers(0, ids.size()));
    EXPECT_EQ(append(*log, {event(std::to_string(ids.size())), event(std::to_string(ids.size() + 1))}), ids.size());
    EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, ids.size() + 2));
    log.reset();
    test.forget_hints();
    EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, ids.size() + 2));
    return ids.size();
  }
  [[nodiscard]] std::size_t in_quarantine() const {
    const auto folder = test.partition() + "/quarantine";
    if (!std::filesystem::exists(folder)) return 0;
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
  }

  TestLog test;
  std::uint64_t count = 0;
  std::uint64_t durable = 0;
};

TEST(PowerCut, WhatWasSealedBeforeTheLastSealIsSynced) {
  const Cut cut;
  const auto firsts = cut.firsts();
  EXPECT_EQ(cut.durable, firsts[firsts.size() - 2]);
}

TEST(PowerCut, TakesTheLastSegment) {
  for (const auto* const how : {"missing", "no header", "short", "empty"}) {
    Cut cut;
    const auto last = cut.firsts().back();
    if (how == std::string_view("missing")) std::filesystem::remove(cut.test.segment(last));
    if (how == std::string_view("no header")) cut.zero_from(last, 0);
    if (how == std::string_view("short")) overwrite(cut.test.segment(last), "TIDS");
    if (how == std::string_view("empty")) cut.zero_from(last, sizeof(SegmentHeader));
    EXPECT_EQ(cut.end_after_recovery(), last) << how;
  }
}

TEST(PowerCut, TakesTheOneBeforeTheLastAndWhatFollowsIsKeptAside) {
  for (const auto* const how : {"missing", "no header", "from a frame on", "a page of it"}) {
    Cut cut;
    const auto firsts = cut.firsts();
    const auto torn = firsts[firsts.size() - 2];
    if (how == std::string_view("missing")) std::filesystem::remove(cut.test.segment(torn));
    if (how == std::string_view("no header")) cut.zero_from(torn, 0);
    if (how == std::string_view("from a frame on")) cut.zero_from(torn, 700);
    if (how == std::string_view("a page of it"))
      cut.change(torn, [](std::string& bytes) { std::fill(bytes.begin() + 512, bytes.begin() + 1024, '\0'); });
    const auto end = cut.end_after_recovery();
    EXPECT_GE(end, torn) << how;
    EXPECT_LT(end, firsts.back()) << how;
    EXPECT_GE(cut.in_quarantine(), 1U) << how;
  }
}

/// Retention has taken all that was sealed, and of what is left not even the header was synced: the end is known by the
/// name alone, and must not be forgotten with the file.
TEST(PowerCut, TakesTheOnlySegmentThatRetentionLeftAndNotItsOffset) {
  for (const auto* const how : {"no header", "short", "only its frames"}) {
    TestLog test;
    test.setting.background = std::make_shared<Background>();
    auto log = test.open();
    std::uint64_t count = 0;
    while (!std::filesystem::exists(test.segment(count == 0 ? 1 : count - 1)) || count < 40)
      append(*log, {event(std::to_string(count++), std::string(200, 'x'))});
    std::promise<void> done;  // what is sealed is synced behind the writer's back
    test.setting.background->post(&done, [&] { done.set_value(); });
    done.get_future().wait();
    log->remove_old({.bytes = 1}, ~std::uint64_t{0}).or_throw();
    const auto last = log->earliest().or_throw();
    ASSERT_EQ(last, count - 1) << "the segment that is written is the only one";
    const auto epoch = log->epoch();
    log.reset();
    auto bytes = read_file(test.segment(last)).or_throw();
    if (how == std::string_view("short"))
      bytes = "TIDS";
    else
      std::fill(bytes.begin() + (how == std::string_view("no header") ? 0 : sizeof(SegmentHeader)), bytes.end(), '\0');
    overwrite(test.segment(last), bytes);
    test.reboot();
    for (int round = 0; round < 3; ++round) {  // also where nothing was appended meanwhile
      log = test.open();
      EXPECT_EQ(log->committed(), last) << how << " " << round;
      EXPECT_GT(log->epoch(), epoch) << how << " " << round;
      log.reset();
      if (round == 1)
        test.forget_hints();
      else
        test.reboot();
    }
    log = test.open();
    EXPECT_GT(log->epoch(), epoch) << how;
    const auto next = try_append(*log, {event("a"), event("b")});
    ASSERT_TRUE(next) << how << ": " << next.error().message;
    EXPECT_EQ(*next, last) << how;
    EXPECT_EQ(append(*log, {event("c", std::string(6'000, 'x'))}), last + 2);
    Cursor cursor(*log);
    cursor.seek(last);
    for (const auto* const id : {"a", "b", "c"}) EXPECT_EQ(cursor.next(last + 3).or_throw()->envelope.id, id) << how;
    cursor.seek(last - 1);
    EXPECT_EQ(cursor.next(last + 3).error().code, "removed") << how;
  }
}

TEST(PowerCut, WhatWasSyncedAndIsDamagedIsRefused) {
  for (const bool is_last_lost : {false, true}) {
    Cut cut;
    const auto firsts = cut.firsts();
    cut.zero_from(firsts[firsts.size() - 3], 700);
    if (is_last_lost) cut.zero_from(firsts.back(), sizeof(SegmentHeader));
    const auto opened = cut.test.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, "corrupt");
    EXPECT_EQ(cut.firsts(), firsts) << "nothing was changed";
    EXPECT_EQ(cut.in_quarantine(), 0U);
  }
}

/// A later frame says that everything before it was synced.
TEST(PowerCut, DoesNotExplainWhatIsMissingBehindASync) {
  TestLog test;
  {
    auto log = test.open();
    for (const auto& name : numbers(0, 15)) append(*log, {event(name, std::string(200, 'x'))});
    ASSERT_EQ(test.files().size(), 3U) << "two segments";
    log->sync_to(15, std::chrono::seconds{10}).or_throw();
    append(*log, {event("15")});
  }
  test.forget_hints();
  auto bytes = read_file(test.segment(0)).or_throw();
  bytes[400] = static_cast<char>(bytes[400] ^ 1);
  overwrite(test.segment(0), bytes);
  const auto opened = test.try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "corrupt");
}

}  // namespace
}  // namespace tidings::log
