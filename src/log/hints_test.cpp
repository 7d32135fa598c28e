// What `control` says too much of refuses to be written on, and says what to do; that then helps.
#include <gtest/gtest.h>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

TEST(Hints, ThatSayMoreThanThereIsAreRefusedWithTheWayOut) {
  for (const auto word : {offsetof(Control, committed), offsetof(Control, durable)}) {
    TestLog test(true);
    {
      auto log = test.open();
      for (const auto& name : numbers(0, 30)) append(*log, {event(name, std::string(150, 'x'))});
      log->sync_to(30, std::chrono::seconds{10}).or_throw();
    }
    const auto control = test.partition() + "/control";
    auto bytes = read_file(control).or_throw();
    const std::uint64_t said = 1'000;
    std::memcpy(bytes.data() + word, &said, sizeof said);
    overwrite(control, bytes);
    {
      auto log = test.open();
      const auto refused = try_append(*log, {event("30")});
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, "corrupt");
      EXPECT_NE(refused.error().message.find("Stop every process that uses the log and move control away"),
                std::string::npos)
          << refused.error().message;
      EXPECT_NE(refused.error().message.find("the segments end at 30"), std::string::npos) << refused.error().message;
    }
    std::filesystem::rename(control, test.path + "/away");
    auto log = test.open();
    EXPECT_EQ(append(*log, {event("30")}), 30U);
    log->sync_to(31, std::chrono::seconds{10}).or_throw();
    EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 31)) << "nothing is lost by it";
  }
}

/// Behind damage there are whole events: a recovery would take them for a torn tail, so that is no way out of it.
TEST(Hints, ThatSayTheTruthOfADamagedSegmentAreNotToBeMovedAway) {
  TestLog test(true);
  {
    auto log = test.open();
    for (const auto& name : numbers(0, 10)) append(*log, {event(name, "payload")});
    log->sync_to(10, std::chrono::seconds{10}).or_throw();
  }
  auto bytes = read_file(test.segment(0)).or_throw();
  bytes[bytes.find("payload")] ^= 1;
  std::uint64_t position = 0;
  std::memcpy(&position, read_file(test.partition() + "/control").or_throw().data() + offsetof(Control, position),
              sizeof position);
  bytes.replace(position, 4, "torn");  // so that the hints are looked into
  overwrite(test.segment(0), bytes);
  const auto refused = try_append(*test.open(), {event("10")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "corrupt");
  EXPECT_EQ(refused.error().message.find("control away"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("offset 0 is not whole, and events up to offset 9 were written"),
            std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace tidings::log
