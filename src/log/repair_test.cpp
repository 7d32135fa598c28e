#include <gtest/gtest.h>

#include "log/verify_testing.hpp"

namespace tidings::log {
namespace {

TEST(MoveTornTail, MovesATornTailToQuarantine) {
  for (const bool rebooted : {false, true}) {
    SmallLog log;
    log.fill(15);
    log.flip(log.segment(log.firsts().back()), log.place(14) + 500);
    if (rebooted) log.reboot();
    ASSERT_EQ(log.told().substr(0, 14), "torn torn_tail");
    ASSERT_TRUE(move_torn_tail(log.path, "orders", 0, {.log = &log.silent}));
    const auto told = log.told();
    EXPECT_TRUE(told.starts_with("note quarantined orders/0/quarantine/")) << told;
    EXPECT_EQ(std::ranges::count(told, '\n'), 1) << told;
    EXPECT_EQ(log.summary.events, 15U);
    EXPECT_EQ(read_ids(*log.open()).or_throw(), numbers(0, 15));
  }
}

TEST(MoveTornTail, OneOfFewBytesLeavesNothing) {
  for (int bytes = 1; bytes < 10; ++bytes) {
    SmallLog log;
    log.fill(15);
    const auto file = log.segment(log.firsts().back());
    const auto before = read_file(log.path + "/" + file).or_throw();
    const auto end = padded(used_bytes(before));
    log.edit(file, [&](std::string& all) { all[end + static_cast<std::size_t>(bytes) - 1] = 'x'; });
    ASSERT_TRUE(move_torn_tail(log.path, "orders", 0, {.log = &log.silent}));
    EXPECT_EQ(read_file(log.path + "/" + file).or_throw(), before) << bytes;
  }
}

TEST(MoveTornTail, NotWhileAProcessHasThePartitionOpen) {
  SmallLog log;
  log.fill(15);
  const auto file = log.segment(log.firsts().back());
  log.flip(file, log.place(14) + 500);
  const auto before = read_file(log.path + "/" + file).or_throw();
  {
    auto user = log.open();
    EXPECT_EQ(move_torn_tail(log.path, "orders", 0, {.log = &log.silent}).error().code, "in_use");
  }
  EXPECT_EQ(read_file(log.path + "/" + file).or_throw(), before);
  EXPECT_FALSE(std::filesystem::exists(log.path + "/orders/0/quarantine"));
}

TEST(MoveTornTail, DamageIsLeftAsItIs) {
  SmallLog log;
  log.fill(16);
  log.reboot();
  const auto file = log.segment(log.firsts().back());
  log.flip(file, log.place(14) + 80);
  const auto before = read_file(log.path + "/" + file).or_throw();
  EXPECT_EQ(move_torn_tail(log.path, "orders", 0, {.log = &log.silent}).error().code, "corrupt");
  EXPECT_EQ(read_file(log.path + "/" + file).or_throw(), before);
  EXPECT_EQ(move_torn_tail(log.path, "nothing", 0, {.log = &log.silent}).error().code, "unknown_topic");
}

}  // namespace
}  // namespace tidings::log
