#include "tidings/log/inspect.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "log/verify_testing.hpp"

namespace tidings::log {
namespace {

TEST(Inspect, OneThatNobodyHasOpen) {
  SmallLog log(true, 2);
  log.fill(40);
  log.write_record("audit",
                   {.sequence = 1, .generation = 3, .position = 30, .handled = 28, .settled_beyond = 2, .epoch = 2});
  const auto seen = inspect_log(log.path).or_throw();
  EXPECT_TRUE(seen.slots.empty());
  ASSERT_EQ(seen.topics.size(), 1U);
  const auto& topic = seen.topics.front();
  EXPECT_EQ(topic.name, "orders");
  ASSERT_EQ(topic.partitions.size(), 2U);
  const auto& used = topic.partitions.front();
  EXPECT_EQ(used.state, PartitionState::current);
  EXPECT_EQ(used.segments, log.firsts().size());
  EXPECT_EQ(used.bytes, 4096 * log.firsts().size());
  EXPECT_EQ(std::vector({used.earliest, used.committed, used.durable, used.end}),
            std::vector<std::uint64_t>({0, 40, 40, 40}));
  EXPECT_EQ(used.openers, 0U);
  EXPECT_FALSE(used.writer || used.is_dirty || used.is_poisoned || used.error);
  EXPECT_EQ(topic.partitions.back().state, PartitionState::unused);
  const auto& group = topic.groups.at(0);
  EXPECT_EQ(group.members, 0U);
  EXPECT_EQ(group.partitions.at(0).lag, 10U);
  EXPECT_EQ(group.partitions.at(0).settled_beyond, 2U);
  EXPECT_EQ(group.partitions.at(0).handled, 28U);
  EXPECT_FALSE(group.partitions.at(0).is_held);
  EXPECT_FALSE(group.partitions.at(1).has_position);
}

TEST(Inspect, WhoHasItOpen) {
  SmallLog log;
  log.fill(5);
  auto one = log.open();
  auto other = log.open();
  auto groups = system_files().open(log.path + "/orders/groups", false).or_throw();
  auto slots = Slots::take(*system_files().open(log.path, false).or_throw()).or_throw();
  auto member = GroupFile::open(*groups, "audit", 1, slots.get()).or_throw();
  member.join().or_throw();
  ASSERT_TRUE(member.try_hold(0).or_throw());
  const auto seen = inspect_log(log.path).or_throw();
  ASSERT_EQ(seen.slots.size(), 1U);  // one process
  const auto& partition = seen.topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.openers, 2U);
  const auto& group = seen.topics.at(0).groups.at(0);
  EXPECT_EQ(group.members, 1U);
  EXPECT_TRUE(group.partitions.at(0).is_held);
  // Where the kernel shows whose they are, they are this process's.
  ASSERT_TRUE(seen.slots[0].process);
  EXPECT_EQ(seen.slots[0].process->pid, ::getpid());
  ASSERT_EQ(partition.processes.size(), 1U);
  EXPECT_EQ(partition.processes[0].pid, ::getpid());
  EXPECT_EQ(group.partitions.at(0).holder, partition.processes[0]);
}

TEST(Inspect, AWriterThatLivesAndOneThatDied) {
  SmallLog log;
  log.fill(5);
  const auto set = [&](std::uint64_t word) {
    auto file = system_files()
                    .open(log.path + "/orders/0", false)
                    .or_throw()
                    ->file("control", Directory::Create::never)
                    .or_throw();
    file->write_at(std::as_bytes(std::span{&word, 1}), offsetof(Control, writer)).or_throw();
  };
  const auto writer = [&] { return inspect_log(log.path).or_throw().topics.at(0).partitions.at(0).writer; };
  auto directory = system_files().open(log.path, false).or_throw();
  auto slots = Slots::take(*directory).or_throw();
  set(slots->word());
  ASSERT_TRUE(writer());
  EXPECT_TRUE(writer()->is_alive);
  EXPECT_EQ(writer()->slot + 1, slots->word() & 0xffff);
  EXPECT_EQ(writer()->process->pid, ::getpid());
  set(slots->word() + (1 << 16));  // another generation
  EXPECT_FALSE(writer()->is_alive);
  set(slots->word());
  slots.reset();
  EXPECT_FALSE(writer()->is_alive);
  EXPECT_FALSE(writer()->process);
  set(0xffff);  // no slot at all
  EXPECT_FALSE(writer()->is_alive);
  set(0);
  EXPECT_FALSE(writer());
}

TEST(Inspect, WhereControlSaysNothingTheSegmentsTell) {
  for (const bool durable : {true, false}) {
    SmallLog log(durable);
    log.fill(40);
    log.reboot();
    auto partition = inspect_log(log.path).or_throw().topics.at(0).partitions.at(0);
    EXPECT_EQ(partition.state, PartitionState::to_recover);
    EXPECT_EQ(std::vector({partition.committed, partition.end}), std::vector<std::uint64_t>({40, 40}));
    std::filesystem::remove(log.path + "/orders/0/control");
    partition = inspect_log(log.path).or_throw().topics.at(0).partitions.at(0);
    EXPECT_EQ(partition.state, PartitionState::to_recover);
    EXPECT_EQ(partition.end, 40U);
  }
}

TEST(Inspect, WhatIsDamagedHidesNothing) {
  SmallLog log(true, 2);
  log.fill(5);
  log.write_record("audit", {.sequence = 1, .position = 3, .epoch = 2});
  log.write_record("bills", {.sequence = 1, .position = 3, .epoch = 2});
  log.flip("orders/groups/audit", 3);
  auto topic = inspect_log(log.path).or_throw().topics.at(0);
  EXPECT_EQ(topic.groups.at(0).error.value().code, "corrupt");
  EXPECT_EQ(topic.groups.at(1).partitions.at(0).position, 3U);
  log.flip("orders/topic.meta", 3);
  EXPECT_EQ(inspect_log(log.path).or_throw().topics.at(0).error.value().code, "corrupt");
  EXPECT_EQ(inspect_log(log.path + "/orders").error().code, "not_a_log");
}

}  // namespace
}  // namespace tidings::log
