// A member that gets no partition says so, once.
#include <gtest/gtest.h>

#include "brokers/log/member.hpp"
#include "brokers/log/testing.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;

class StandingBy : public LogBroker {
 protected:
  ~StandingBy() override { log::tell_standing_by_after = before_; }
  static void tell_after(Duration wait) { log::tell_standing_by_after = wait; }
  [[nodiscard]] std::size_t told() const {
    std::size_t count = 0;
    for (auto at = sink.lines.find("stands by"); at != std::string::npos; at = sink.lines.find("stands by", at + 1))
      ++count;
    return count;
  }

 private:
  const Duration before_ = log::tell_standing_by_after;
};

TEST_F(StandingBy, AMemberWithoutAPartitionSaysSoOnce) {
  tell_after(0s);
  auto broker = open();
  publish(*broker, "t", "0");
  auto holder = broker->subscribe("t", {.group = "g"}).or_throw();
  for (int look = 0; look < 3; ++look) (void)holder->fetch(1, 1ms).or_throw();
  EXPECT_EQ(told(), 0U) << "who holds one does not stand by";
  auto other = broker->subscribe("t", {.group = "g"}).or_throw();
  // Each that joins or goes has all look again.
  for (int look = 0; look < 3; ++look) {
    auto third = broker->subscribe("t", {.group = "g"}).or_throw();
    third.reset();
    EXPECT_TRUE(other->fetch(1, 1ms).or_throw().empty());
  }
  EXPECT_EQ(sink.lines.find("a member of group g stands by: others hold every partition of topic t, which has 1 for 2 "
                            "members; each keeps its own"),
            0U)
      << sink.lines;
  EXPECT_EQ(told(), 4U) << "it, and the three that came and went: " << sink.lines;
}

/// As a process that is stopped: it does not look, and keeps more than its share.
TEST_F(StandingBy, AlsoWhereAHolderKeepsMoreThanItsShare) {
  tell_after(0s);
  auto broker = open();
  broker->create_topic("t", {.partitions = 2}).or_throw();
  auto holder = broker->subscribe("t", {.group = "g"}).or_throw();
  auto other = broker->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_EQ(told(), 1U) << sink.lines;
  // Once that looks it gives one up.
  (void)holder->fetch(1, 1ms).or_throw();
  for (int look = 0; look < 1'000 && other->assignment().empty(); ++look) (void)other->fetch(1, 10ms).or_throw();
  ASSERT_EQ(other->assignment().size(), 1U);
  EXPECT_EQ(told(), 1U) << sink.lines;
}

TEST_F(StandingBy, AtFirstItWaits) {
  tell_after(1h);
  auto broker = open();
  publish(*broker, "t", "0");
  auto holder = broker->subscribe("t", {.group = "g"}).or_throw();
  auto other = broker->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_TRUE(other->fetch(1, 1ms).or_throw().empty());
  EXPECT_EQ(told(), 0U) << sink.lines;
}

}  // namespace
}  // namespace tidings::brokers
