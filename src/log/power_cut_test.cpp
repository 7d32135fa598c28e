// What a power cut leaves of a topic that is not durable: of the last segments anything, of those before all.
#include <gtest/gtest.h>

#include <functional>

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
