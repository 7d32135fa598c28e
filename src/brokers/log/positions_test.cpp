// When a group's positions are on the device.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "brokers/log/testing.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;
using tidings::log::FaultyFiles;

class Positions : public LogBroker {
 protected:
  void SetUp() override {
    LogBroker::SetUp();
    files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
      if (call.name == "sync_data" && call.path.ends_with("/groups/g")) ++syncs;
      return std::nullopt;
    });
  }
  void TearDown() override {
    files.fail({});
    LogBroker::TearDown();
  }

  static void settle_one(Consumer& consumer) {
    const auto got = consumer.fetch(1, 10s).or_throw();
    ASSERT_EQ(got.size(), 1U);
    consumer.settle({&got[0].id, 1}).or_throw();
  }

  std::atomic<int> syncs = 0;
};

TEST_F(Positions, AreSyncedInTheBackgroundOnceTheyHaveMoved) {
  auto broker = open();
  for (const auto* const id : {"0", "1", "2"}) publish(*broker, "t", id);
  auto consumer = broker->subscribe("t", {.group = "g"}).or_throw();
  settle_one(*consumer);
  for (int round = 0; round < 200 && syncs == 0; ++round) std::this_thread::sleep_for(50ms);
  EXPECT_GE(syncs, 1);
  // One that fell between a fetch and its settle has a second, whenever that comes; then there is none.
  int before = -1;
  for (int round = 0; round < 10 && syncs != before; ++round) {
    before = syncs;
    std::this_thread::sleep_for(2200ms);
  }
  EXPECT_EQ(syncs, before) << "nothing has moved";
  settle_one(*consumer);
  for (int round = 0; round < 200 && syncs == before; ++round) std::this_thread::sleep_for(50ms);
  EXPECT_GT(syncs, before);
}

TEST_F(Positions, AreSyncedWhenTheirMemberLeaves) {
  auto broker = open();
  publish(*broker, "t", "0");
  auto consumer = broker->subscribe("t", {.group = "g"}).or_throw();
  settle_one(*consumer);
  const auto before = syncs.load();
  consumer->close(0s).or_throw();
  EXPECT_GT(syncs, before);
}

/// Thousands of settles a second, and none waits for the device.
TEST_F(Positions, AreNotSyncedBySettling) {
  auto broker = open();
  for (int i = 0; i < 100; ++i) publish(*broker, "t", "e");
  auto consumer = broker->subscribe("t", {.group = "g"}).or_throw();
  for (int i = 0; i < 100; ++i) settle_one(*consumer);
  EXPECT_LT(syncs, 20);
}

TEST_F(Positions, ThatCannotBeSyncedAreTold) {
  auto broker = open();
  publish(*broker, "t", "0");
  auto consumer = broker->subscribe("t", {.group = "g"}).or_throw();
  settle_one(*consumer);
  files.fail([](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "sync_data") return tidings::log::io_error();
    return std::nullopt;
  });
  consumer.reset();
  EXPECT_NE(sink.lines.find("positions of group g are not synced"), std::string::npos) << sink.lines;
}

}  // namespace
}  // namespace tidings::brokers
