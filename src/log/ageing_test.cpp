#include <gtest/gtest.h>

#include <thread>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

using namespace std::chrono_literals;

constexpr auto all = ~std::uint64_t{0};
constexpr Keeping an_hour{.age = 1h};

template <class Condition>
bool wait_until(Condition is_so) {
  for (int i = 0; i < 60'000 && !is_so(); ++i) std::this_thread::sleep_for(1ms);
  return is_so();
}

/// A partition with three events in a segment that has room for more.
struct Quiet {
  explicit Quiet(bool durable) : test(durable) {
    test.setting.segment_bytes_max = 64 << 10;
    test.setting.background = std::make_shared<Background>();
    log = test.open();
    append(*log, {event("0"), event("1"), event("2")});
    log->sync_to(3, 10s).or_throw();
  }
  std::size_t roll_and_remove() {
    log->roll_old(an_hour.age).or_throw();
    // In a topic that is not durable what was sealed is synced behind, and goes only then.
    std::size_t count = 0;
    wait_until([&] {
      count += log->remove_old(an_hour, all).or_throw();
      return count > 0 || test.setting.durable;
    });
    return count;
  }

  TestLog test;
  std::unique_ptr<PartitionLog> log;
};

TEST(Ageing, OfAQuietPartitionAllGoesOnceItIsOld) {
  for (const bool durable : {true, false}) {
    Quiet quiet(durable);
    auto other = quiet.test.open();
    quiet.test.clock.advance(59min);
    quiet.log->roll_old(an_hour.age).or_throw();
    EXPECT_EQ(quiet.test.files().size(), 2U) << "one segment, and control";
    quiet.test.clock.advance(2min);
    EXPECT_EQ(quiet.roll_and_remove(), 1U);
    EXPECT_EQ(quiet.test.files(), (std::vector<std::string>{segment_name(3), "control"}));
    EXPECT_EQ(std::filesystem::file_size(quiet.test.segment(3)), 4096U) << "no more than is used";
    for (auto* const log : {quiet.log.get(), other.get()}) {
      EXPECT_EQ(log->earliest().or_throw(), 3U);
      EXPECT_EQ(log->visible_end(), 3U);
      EXPECT_EQ(log->first_at(TimePoint{}).or_throw(), 3U);
      EXPECT_FALSE(log->has_older(quiet.test.clock.now()).or_throw());
      EXPECT_EQ(read_ids(*log, 0).error().code, "removed");
    }
    quiet.log->roll_old(an_hour.age).or_throw();
    EXPECT_EQ(quiet.log->remove_old(an_hour, all).or_throw(), 0U);
    // Another process writes next; and after a reboot.
    EXPECT_EQ(append(*other, {event("3")}), 3U);
    quiet.test.clock.advance(2h);
    other->sync_to(4, 10s).or_throw();
    EXPECT_EQ(quiet.roll_and_remove(), 1U);
    quiet.log.reset();
    other.reset();
    quiet.test.forget_hints();
    quiet.log = quiet.test.open();
    EXPECT_EQ(quiet.log->earliest().or_throw(), 4U);
    EXPECT_EQ(append(*quiet.log, {event("4")}), 4U);
    quiet.log->sync_to(5, 10s).or_throw();
    EXPECT_EQ(read_ids(*quiet.log, 4).or_throw(), numbers(4, 5));
  }
}

TEST(Ageing, ASegmentStaysAsLongAsOneOfItsEventsIsYoung) {
  Quiet quiet(true);
  quiet.test.clock.advance(50min);
  append(*quiet.log, {event("3")});
  quiet.log->sync_to(4, 10s).or_throw();
  quiet.test.clock.advance(11min);
  EXPECT_EQ(quiet.roll_and_remove(), 0U);
  EXPECT_TRUE(std::filesystem::exists(quiet.test.segment(4))) << "another is begun";
  EXPECT_EQ(read_ids(*quiet.log).or_throw(), numbers(0, 4));
  quiet.test.clock.advance(50min);
  EXPECT_EQ(quiet.log->remove_old(an_hour, 3).or_throw(), 0U) << "a group has not settled it";
  EXPECT_EQ(quiet.roll_and_remove(), 1U);
}

TEST(Ageing, WhoPublishedIsRemembered) {
  Quiet quiet(true);
  const auto one = event("3");
  const auto view = one.view();
  const auto* const pointer = &view;
  const std::uint64_t sequence = 7;
  const auto publish = [&](PartitionLog& log) {
    return log.append_once({&pointer, 1}, {.id = 5, .epoch = 1}, {&sequence, 1}, 10s).or_throw();
  };
  publish(*quiet.log);
  quiet.log->sync_to(4, 10s).or_throw();
  quiet.test.clock.advance(2h);
  EXPECT_EQ(quiet.roll_and_remove(), 0U) << "nothing else tells that it published";
  auto other = quiet.test.open();
  EXPECT_EQ(publish(*other).before.duplicates.size(), 1U);
  EXPECT_EQ(other->committed(), 4U);
  quiet.test.clock.advance(24h);
  EXPECT_EQ(quiet.roll_and_remove(), 1U);
}

/// Of a log whose topics look at the clock all the time.
struct Looking {
  Looking() {
    ageing_pace.least = ageing_pace.most = 1ms;
    log = LogDirectory::open(test.path, {.clock = &test.clock, .log = &test.silent}).or_throw();
  }
  ~Looking() {
    ageing_pace.least = 1s;
    ageing_pace.most = 1min;
  }
  Looking(const Looking&) = delete;
  Looking& operator=(const Looking&) = delete;

  TestLog test;
  std::unique_ptr<LogDirectory> log;
};

TEST(Ageing, GoesByTheClockWhereNobodyPublishes) {
  for (const auto durability : {Durability::memory, Durability::durable}) {
    Looking looking;
    auto topic = looking.log->create("t", {.durability = durability, .keeping = an_hour}).or_throw();
    auto* const partition = topic->partition(0).or_throw();
    append(*partition, {event("0")});
    partition->sync_to(1, 10s).or_throw();
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(partition->earliest().or_throw(), 0U);
    looking.test.clock.advance(2h);
    EXPECT_TRUE(wait_until([&] { return partition->earliest().or_throw() == 1; }));
    append(*partition, {event("1")});
    EXPECT_EQ(read_ids(*partition, 1).has_value(), true);
  }
}

TEST(Ageing, IsLookedAtOnceAnotherProcessHasSetAnAge) {
  Looking looking;
  auto topic = looking.log->create("t", {.durability = Durability::durable}).or_throw();
  auto* const partition = topic->partition(0).or_throw();
  append(*partition, {event("0")});
  partition->sync_to(1, 10s).or_throw();
  auto another = LogDirectory::open(looking.test.path, {.clock = &looking.test.clock, .log = &looking.test.silent});
  (*another)->find("t").or_throw()->keep(an_hour).or_throw();
  another = Error{"gone"};
  topic->notice_keeping();
  looking.test.clock.advance(2h);
  EXPECT_TRUE(wait_until([&] { return partition->earliest().or_throw() == 1; }));
}

}  // namespace
}  // namespace tidings::log
