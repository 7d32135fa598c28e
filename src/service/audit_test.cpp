#include "service/audit.hpp"

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

/// A broker whose groups say what a test tells them to.
class Told final : public Wrapped {
 public:
  explicit Told(std::unique_ptr<Broker> broker) : Wrapped(std::move(broker)) {}
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override {
    if (topic == failing) return Error{"unreachable", "away", Retry::same_call};
    return std::vector<GroupInfo>{{.topic = std::string(topic), .group = "g", .partitions = {partition}, .error = {}}};
  }
  void set(std::uint64_t position, std::uint64_t end, std::uint64_t handled, std::uint64_t parked = 0) {
    partition = {.partition = Partition{0}, .position = Offset{position}, .end = Offset{end}};
    partition.handled = handled;
    partition.parked = parked;
  }
  void be_inexact() { capabilities_.exact_counts = false; }
  GroupPartitionInfo partition{};
  std::string failing;
};

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() {
    host_.service = "shop";
    host_.broker = &broker_;
    host_.clock = &clock_;
    host_.log = &lines_;
    audit_.add({.handler = "h", .group = "g", .topic = "t", .broker_topic = "t", .state = [this] { return state_; }});
  }
  Audited look() { return audit_.look().or_throw().at(0); }

  ManualClock clock_;
  Lines lines_;
  Told broker_{open_broker("memory:").or_throw()};
  Host host_;
  Audit audit_{host_};
  std::string state_;
};

TEST_F(AuditTest, WhatIsPassedAndCountedAddsUp) {
  broker_.set(100, 150, 40);  // it began at 60, or its counts are of an earlier position: nothing to say of what was
  EXPECT_EQ(look().difference, 0);
  EXPECT_EQ(look().pending, 50U);
  broker_.set(120, 150, 58, 2);
  EXPECT_EQ(look().difference, 0);
  EXPECT_EQ(lines_.all(), "");
}

TEST_F(AuditTest, AnEventThatNobodyCountedIsToldOnce) {
  broker_.set(0, 10, 0);
  (void)look();
  broker_.set(5, 10, 4);
  EXPECT_EQ(look().difference, 1);
  broker_.set(7, 10, 6);
  EXPECT_EQ(look().difference, 1) << "it does not go away by what comes after it";
  EXPECT_EQ(lines_.count("h does not add up on t/0"), 1U) << lines_.all();
  EXPECT_EQ(lines_.count("1 events more"), 1U);
  broker_.set(8, 10, 9);
  EXPECT_EQ(look().difference, -1) << "counted twice";
}

TEST_F(AuditTest, ABrokersErrorIsToldAlsoWhereOtherGroupsCouldBeLookedAt) {
  broker_.set(0, 10, 0);
  broker_.failing = "u";
  audit_.add({.handler = "i", .group = "g", .topic = "u", .broker_topic = "u", .state = {}});
  EXPECT_EQ(audit_.look().error().code, "unreachable");
  broker_.set(5, 10, 4);
  EXPECT_FALSE(audit_.look());
  EXPECT_EQ(lines_.count("h does not add up"), 1U) << lines_.all();
}

TEST_F(AuditTest, AGroupThatIsMovedBackIsNoDifference) {
  broker_.set(100, 100, 100);
  (void)look();
  broker_.set(10, 100, 100);
  EXPECT_EQ(look().difference, 0);
  broker_.set(20, 100, 110);
  EXPECT_EQ(look().difference, 0);
  EXPECT_EQ(lines_.all(), "");
}

TEST_F(AuditTest, OffsetsWithoutAnEventAreCountedAndToldOnce) {
  broker_.set(0, 20, 0);
  (void)look();
  broker_.set(5, 20, 3);
  broker_.partition.gaps = 2;
  EXPECT_EQ(look().difference, 0);
  EXPECT_EQ(look().gaps, 2U);
  broker_.set(7, 20, 4);
  broker_.partition.gaps = 3;
  EXPECT_EQ(look().difference, 0);
  EXPECT_EQ(lines_.count("h passed 2 offsets of t/0 before 5 that hold no event"), 1U) << lines_.all();
  EXPECT_EQ(lines_.count("hold no event"), 1U);
}

TEST_F(AuditTest, CountsThatGoBackWhereThePositionGoesOnAreTold) {
  broker_.set(10, 20, 10);
  (void)look();
  broker_.set(15, 20, 0);
  EXPECT_EQ(look().difference, 0);
  EXPECT_EQ(lines_.count("h counts anew on t/0 from offset 15 on, where it had counted 10 events"), 1U) << lines_.all();
}

TEST_F(AuditTest, AGroupThatStandsStillWhileItsLagGrowsIsTold) {
  broker_.set(5, 10, 5);
  (void)look();
  clock_.advance(2min);
  EXPECT_EQ(look().stands_still, 2min);
  EXPECT_EQ(lines_.all(), "") << "its lag does not grow: a handler that takes long";
  broker_.set(5, 20, 5);
  EXPECT_TRUE(look().lag_grows);
  EXPECT_EQ(lines_.count("h stands still on t/0 at offset 5 for 2min: 15 events wait"), 1U) << lines_.all();
  (void)look();
  EXPECT_EQ(lines_.count("stands still"), 1U);
  broker_.set(6, 20, 6);
  EXPECT_EQ(look().stands_still, 0s);
  EXPECT_EQ(lines_.count("h goes on at t/0"), 1U);
}

TEST_F(AuditTest, SaysWhyItMayStand) {
  state_ = "it is paused";
  broker_.set(5, 10, 5);
  (void)look();
  clock_.advance(2min);
  broker_.set(5, 20, 5);
  (void)look();
  EXPECT_EQ(lines_.count("(it is paused)"), 1U) << lines_.all();
}

TEST_F(AuditTest, IsUnsupportedWhereCountsAreNotExact) {
  broker_.be_inexact();
  EXPECT_EQ(audit_.look().error().code, "unsupported");
}

class AuditedService : public ServiceTest {};

TEST_F(AuditedService, EverythingIsAccountedForOverFailuresExpiryAndIgnored) {
  auto& service = make();
  service.on("pay", {.retry = {.immediate = 0, .delayed = 0}}, [&](const Order& order) -> Result<> {
    if (order.number % 3 == 0) return Error{"bad", "no"};
    return {};
  });
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  (void)service.audit().or_throw();
  for (int order = 0; order < 300; ++order) {
    publish(Order{"k" + std::to_string(order), order});
    if (order % 5 == 0) publish(Cancelled{"k"});
    if (order % 50 != 0) continue;
    for (const auto& one : service.audit().or_throw()) EXPECT_EQ(one.difference, 0);
  }
  ASSERT_TRUE(caught_up("orders", "test.pay"));
  const auto audited = service.audit().or_throw();
  ASSERT_EQ(audited.size(), 1U);
  EXPECT_EQ(audited[0].difference, 0);
  EXPECT_EQ(audited[0].handled + audited[0].parked, audited[0].end.value);
  EXPECT_EQ(audited[0].parked, 100U);
}

TEST_F(AuditedService, LooksByItself) {
  auto& service = make({.settings = {{"audit.every", "1s"}}});
  service.on("pay", {.in_flight_max = 1}, [&](const Order&) {});
  const auto running = start();
  EXPECT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  EXPECT_EQ(lines_.count("no audit"), 0U);
}

}  // namespace
}  // namespace tidings::service
