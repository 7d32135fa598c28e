#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "brokers/log/testing.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;

TEST_F(LogBroker, WhatIsInTheWayOfATopicIsTold) {
  auto broker = open();
  std::filesystem::create_directory(folder + "/orders");
  std::ofstream(folder + "/notes") << "mine";
  std::filesystem::create_symlink("/tmp", folder + "/link");
  for (const auto* const name : {"orders", "notes", "link"}) {
    for (const auto& done : {try_publish(*broker, name, "1"), broker->create_topic(name, {.partitions = 2})}) {
      ASSERT_FALSE(done);
      EXPECT_EQ(done.error().code, "exists");
      EXPECT_NE(done.error().message.find(folder + "/" + name), std::string::npos) << done.error().message;
    }
    EXPECT_EQ(broker->topic(name).error().code, "unknown_topic");
    EXPECT_EQ(broker->topic(name).error().message.find("did you mean"), std::string::npos);
  }
  EXPECT_TRUE(broker->topics().or_throw().empty());
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    EXPECT_FALSE(entry.path().filename().string().starts_with('~')) << entry.path();
  publish(*broker, "order", "1");
  EXPECT_NE(broker->topic("orders").error().message.find("did you mean 'order'"), std::string::npos);
}

TEST_F(LogBroker, OneThatIsDamagedHidesNoOther) {
  {
    auto broker = open();
    for (const auto* const topic : {"a", "b", "c"}) publish(*broker, topic, "1");
    for (const auto* const group : {"g", "h"}) broker->subscribe("a", {.group = group}).or_throw();
  }
  const auto damage = [](const std::string& path) {
    auto bytes = read_file(path).or_throw();
    bytes[20] = static_cast<char>(bytes[20] ^ 1);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };
  damage(folder + "/b/topic.meta");
  damage(folder + "/a/groups/g");
  auto broker = open();
  const auto topics = broker->topics().or_throw();
  ASSERT_EQ(topics.size(), 3U);
  EXPECT_FALSE(topics[0].error);
  ASSERT_TRUE(topics[1].error);
  EXPECT_EQ(topics[1].name, "b");
  EXPECT_EQ(topics[1].error->code, "corrupt");
  EXPECT_FALSE(topics[2].error);
  const auto groups = broker->groups("a").or_throw();
  ASSERT_EQ(groups.size(), 2U);
  ASSERT_TRUE(groups[0].error);
  EXPECT_EQ(groups[0].error->code, "corrupt");
  EXPECT_FALSE(groups[1].error);
  EXPECT_EQ(groups[1].lag(), 1U);
}

TEST_F(LogBroker, AWaitForARecoveryHasTheCallersDeadlineAndHoldsUpNoOther) {
  open()->create_topic("t", {.partitions = 2}).or_throw();
  std::filesystem::create_directory(folder + "/t/0");
  auto directory = system_files().open(folder + "/t", false).or_throw();
  auto recovering = directory->file("openers.lock", Directory::Create::if_missing).or_throw();
  ASSERT_TRUE(recovering->try_lock({0, 1}).or_throw());
  auto broker = open();
  std::jthread waits([&] { (void)try_publish(*broker, "t", "0", 0, {.wait_max = 20s, .partition = Partition{0}}); });
  const auto begin = std::chrono::steady_clock::now();
  try_publish(*broker, "t", "1", 0, {.wait_max = 10s, .partition = Partition{1}}).or_throw();
  const auto refused = try_publish(*broker, "t", "2", 0, {.wait_max = 50ms, .partition = Partition{0}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "busy");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  recovering.reset();
  waits.join();
  try_publish(*broker, "t", "3", 0, {.partition = Partition{0}}).or_throw();
}

TEST_F(LogBroker, AChildOfAForkMayEndAndNothingElse) {
  auto broker = open();
  broker->create_topic("t", {.durability = Durability::interval}).or_throw();
  publish(*broker, "t", "0");  // a thread syncs it in the background
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  const auto delivery = member->fetch(1, 10s).or_throw().at(0);
  const auto child = ::fork();
  if (child == 0) {
    // What was fetched can still be read, as before an exec.
    const bool is_readable = delivery.envelope.id == "0";
    member.reset();
    broker.reset();
    ::_exit(is_readable ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(broker->groups("t").or_throw().at(0).partitions.at(0).owned) << "the parent's is untouched";
  EXPECT_DEATH((void)member->fetch(1, 1ms).has_value(), "fork");
  EXPECT_DEATH((void)member->settle({&delivery.id, 1}).has_value(), "fork");
  EXPECT_DEATH((void)broker->topic("t").has_value(), "fork");
  member->settle({&delivery.id, 1}).or_throw();
}

TEST_F(LogBroker, ClosingDoesNotMeetALatePublish) {
  for (int round = 0; round < 20; ++round) {
    auto broker = open();
    for (int i = 0; i < 4; ++i)
      broker->create_topic("t" + std::to_string(i), {.durability = Durability::interval}).or_throw();
    std::jthread publisher([&] {
      for (int i = 0; i < 4; ++i) (void)try_publish(*broker, "t" + std::to_string(i), "1");
    });
    broker->close(0ms).or_throw();
  }
}

TEST_F(LogBroker, WhatIsAskedForIsNotTakenForTheDefault) {
  auto broker = open();
  broker->create_topic("small", {.event_bytes_max = 1 << 18}).or_throw();
  broker->create_topic("small", {}).or_throw();
  EXPECT_EQ(broker->create_topic("small", {.event_bytes_max = event_bytes_max_default}).error().code,
            "topic_exists_with");
  broker->create_topic("usual", {}).or_throw();
  broker->create_topic("usual", {.event_bytes_max = event_bytes_max_default}).or_throw();
  EXPECT_EQ(broker->topic("usual").or_throw().event_bytes_max, event_bytes_max_default);
}

}  // namespace
}  // namespace tidings::brokers
