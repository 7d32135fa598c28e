// Where a group goes on: after its members died, after a power cut.
#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <thread>

#include "brokers/log/testing.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;

/// Who joined first holds the partition's byte, and dies before it has written where the group begins.
TEST_F(LogBroker, AnHeirBeginsWhereItsGroupWasTold) {
  auto broker = open();
  for (const auto* const id : {"0", "1", "2"}) publish(*broker, "t", id);
  auto groups = system_files().open(folder + "/t/groups", false).or_throw();
  auto slots = tidings::log::Slots::take(*system_files().open(folder, false).or_throw()).or_throw();
  std::optional first = tidings::log::GroupFile::open(*groups, "g", 1, slots.get()).or_throw();
  first->join().or_throw();
  ASSERT_TRUE(first->try_hold(0).or_throw());
  auto heir = broker->subscribe("t", {.group = "g", .start = Start::latest()}).or_throw();
  EXPECT_TRUE(heir->fetch(10, 10ms).or_throw().empty());
  first.reset();
  // As the process does that had it.
  (void)system_files().open(folder, false).or_throw()->file("slots.lock", Directory::Create::never).or_throw();
  for (int i = 0; i < 1'000 && heir->assignment().empty(); ++i) EXPECT_TRUE(heir->fetch(10, 10ms).or_throw().empty());
  publish(*broker, "t", "3");
  EXPECT_EQ(ids_of(heir->fetch(10, 10s).or_throw()), std::vector<std::string>{"3"});
}

/// A power cut takes events back that a group has settled; what is published then is handled all the same.
TEST_F(LogBroker, APositionBeyondWhatAPowerCutLeftIsTakenBackAndTold) {
  const auto settle_all = [](Consumer& member, std::size_t count) {
    for (std::size_t seen = 0; seen < count;) {
      std::vector<DeliveryId> ids;
      for (const auto& one : member.fetch(100, 10s).or_throw()) ids.push_back(one.id);
      ASSERT_FALSE(ids.empty());
      seen += ids.size();
      member.settle(ids).or_throw();
    }
  };
  const auto segment = folder + "/t/0/" + tidings::log::segment_name(0);
  std::string before;
  {
    auto broker = open();
    broker->create_topic("t", {.durability = Durability::memory}).or_throw();
    for (int i = 0; i < 5; ++i) publish(*broker, "t", "old");
    before = read_file(segment).or_throw();
    for (int i = 0; i < 5; ++i) publish(*broker, "t", "old");
    auto member = broker->subscribe("t", {.group = "g"}).or_throw();
    settle_all(*member, 10);
  }
  std::ofstream(segment, std::ios::binary | std::ios::trunc) << before;
  const auto control = folder + "/t/0/control";
  auto bytes = read_file(control).or_throw();
  bytes[offsetof(tidings::log::Control, boot_id)] ^= 1;
  std::ofstream(control, std::ios::binary | std::ios::trunc) << bytes;
  auto broker = open();
  for (int i = 0; i < 8; ++i) publish(*broker, "t", "new");
  EXPECT_EQ(broker->groups("t").or_throw().at(0).lag(), 8U);
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_EQ(ids_of(member->fetch(100, 10s).or_throw()), std::vector<std::string>(8, "new"));
  EXPECT_NE(sink.lines.find("stood at offset 10"), std::string::npos) << sink.lines;
  EXPECT_NE(sink.lines.find("from offset 5 on"), std::string::npos) << sink.lines;
}

TEST_F(LogBroker, AttemptsThatWereBegunOutliveTheirHolder) {
  auto broker = open();
  for (const auto* id : {"0", "1", "2", "3"}) try_publish(*broker, "orders", id).or_throw();
  const auto take = [&] { return broker->subscribe("orders", {.group = "group"}).or_throw(); };
  auto holder = take();
  auto got = holder->fetch(10, 1s).or_throw();
  ASSERT_EQ(got.size(), 4U);
  const std::vector<Attempt> begun{{got[0].id, 1}, {got[1].id, 1}, {got[2].id, 1}};
  holder->begin(begun);
  holder->begin(std::vector<Attempt>{{got[1].id, 2}});
  holder->settle({&got[0].id, 1}).or_throw();
  holder->settle({&got[2].id, 1}).or_throw();  // beyond the position
  holder.reset();
  holder = take();
  holder->begin(begun);  // of a hold that is over: nobody is held to account
  got = holder->fetch(10, 1s).or_throw();
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].envelope.id, "1");
  EXPECT_EQ(got[0].lost, 2);
  EXPECT_EQ(got[0].attempt, 3);
  EXPECT_EQ(got[1].lost, 0) << "it was settled, if beyond the position";
  EXPECT_EQ(got[2].attempt, 1) << "what was fetched only has not been tried";
  holder.reset();
  holder = take();
  EXPECT_EQ(holder->fetch(1, 1s).or_throw().at(0).lost, 2);
  holder.reset();
  // Moved by hand, a group begins anew.
  broker->seek("orders", "group", Start::earliest()).or_throw();
  holder = take();
  for (const auto& one : holder->fetch(10, 1s).or_throw()) EXPECT_EQ(one.attempt, 1) << one.envelope.id;
}

/// Whoever is a member has the group that everybody sees: else two members would hold one partition.
TEST_F(LogBroker, AGroupIsDeletedWhileOthersJoinIt) {
  auto broker = open();
  publish(*broker, "orders", "0");
  std::jthread deleting([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto deleted = broker->delete_group("orders", "group");
      EXPECT_TRUE(deleted || deleted.error().code == "group_active" || deleted.error().code == "unknown_group")
          << to_string(deleted.error());
    }
  });
  for (int round = 0; round < 300; ++round) {
    ConsumerOptions options;
    options.group = "group";
    auto member = broker->subscribe("orders", options);
    if (!member) {
      ASSERT_EQ(member.error().retry, Retry::same_call) << to_string(member.error());
      continue;
    }
    auto got = (*member)->fetch(1, 10s).or_throw();
    if (got.empty()) continue;  // it holds nothing yet, since the one before is being deleted
    ASSERT_EQ(broker->delete_group("orders", "group").error().code, "group_active");
    const auto groups = broker->groups("orders").or_throw();
    ASSERT_EQ(groups.size(), 1U);
    ASSERT_TRUE(groups[0].partitions[0].owned);
  }
}

/// Who does nothing at all gives up another's share once what it has in hand may be given to others.
TEST_F(LogBroker, AMemberThatDoesNothingSharesToo) {
  auto broker = open();
  broker->create_topic("t", {.partitions = 2, .durability = Durability::memory}).or_throw();
  const EnvelopeView event{.id = "0", .type = "t", .payload = "payload"};
  for (std::uint32_t number = 0; number < 2; ++number)
    broker->publish("t", {&event, 1}, {.partition = Partition{number}}).or_throw();
  auto first = broker->subscribe("t", {.group = "g", .settle_within = 100ms}).or_throw();
  for (int seen = 0; seen < 2;) seen += static_cast<int>(first->fetch(10, 10s).or_throw().size());
  auto second = broker->subscribe("t", {.group = "g"}).or_throw();
  std::vector<Delivery> got;
  for (int i = 0; i < 1'000 && got.empty(); ++i) got = second->fetch(10, 10ms).or_throw();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(first->assignment().size(), 1U);
}

/// Who has enough in hand, and does not fetch, gives up what is another's share once that is settled.
TEST_F(LogBroker, AMemberThatOnlySettlesSharesToo) {
  auto broker = open();
  broker->create_topic("t", {.partitions = 2, .durability = Durability::memory}).or_throw();
  const EnvelopeView event{.id = "0", .type = "t", .payload = "payload"};
  for (std::uint32_t number = 0; number < 2; ++number)
    broker->publish("t", {&event, 1}, {.partition = Partition{number}}).or_throw();
  auto first = broker->subscribe("t", {.group = "g"}).or_throw();
  std::vector<DeliveryId> all;
  while (all.size() < 2)
    for (const auto& one : first->fetch(10, 10s).or_throw()) all.push_back(one.id);
  auto second = broker->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_TRUE(second->assignment().empty());
  first->settle(all).or_throw();
  for (int i = 0; i < 1'000 && second->assignment().empty(); ++i) (void)second->fetch(10, 10ms).or_throw();
  EXPECT_EQ(second->assignment().size(), 1U);
  EXPECT_EQ(first->assignment().size(), 1U);
}

}  // namespace
}  // namespace tidings::brokers
