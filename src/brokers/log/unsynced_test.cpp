// What others wrote and did not sync: a publisher that was killed before it could.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>
#include <type_traits>

#include "brokers/log/testing.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;
using tidings::log::FaultyFiles;

class Unsynced : public LogBroker {
 protected:
  /// Written, and left so, in each partition.
  void leave_unsynced(Durability durability, std::uint32_t partitions) {
    open()->create_topic("orders", {.partitions = partitions, .durability = durability}).or_throw();
    directory_ = tidings::log::LogDirectory::open(folder, {.log = &sink}).or_throw();
    topic = directory_->find("orders").or_throw();
    const EnvelopeView event{.id = "1", .type = "t"};
    const auto* const one = &event;
    for (std::uint32_t number = 0; number < partitions; ++number)
      topic->partition(number).or_throw()->append({&one, 1}, 10s).or_throw();
  }
  /// In each partition all of them, as if by processes that are stopped in their syncs; 0: by nobody.
  void take_sync_places(std::uint64_t word) const {
    for (std::uint32_t number = 0; number < topic->meta().partitions; ++number) {
      std::fstream control(folder + "/orders/" + std::to_string(number) + "/control",
                           std::ios::binary | std::ios::in | std::ios::out);
      for (std::size_t place = 0; place < std::extent_v<decltype(tidings::log::Control::syncs)>; ++place) {
        control.seekp(static_cast<std::streamoff>(offsetof(tidings::log::Control, syncs) +
                                                  place * sizeof(tidings::log::Control::Sync)));
        control.write(reinterpret_cast<const char*>(&word), sizeof word);
      }
    }
  }
  void TearDown() override {
    topic.reset();
    directory_.reset();
    LogBroker::TearDown();
  }

  std::shared_ptr<tidings::log::TopicLog> topic;

 private:
  std::unique_ptr<tidings::log::LogDirectory> directory_;
};

TEST_F(Unsynced, IsToldWhereItCannotBeSynced) {
  leave_unsynced(Durability::durable, 1);
  auto broker = open();
  auto reader = broker->subscribe("orders", {}).or_throw();
  files.fail([](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "sync_data") return tidings::log::io_error();
    return std::nullopt;
  });
  auto refused = reader->fetch(10, 1s);
  for (int i = 0; i < 20 && refused; ++i)
    refused = reader->fetch(10, 1s);  // one that is slow to fail is not told at once
  files.fail({});
  ASSERT_FALSE(refused) << "the disk fails, and nobody hears of it";
  EXPECT_EQ(refused.error().code, "outcome_unknown");
  EXPECT_EQ(refused.error().retry, Retry::same_call);
  EXPECT_EQ(ids_of(reader->fetch(10, 10s).or_throw()), std::vector<std::string>{"1"});
}

/// Each sync takes its time, which is not that of the call.
TEST_F(Unsynced, AFetchSyncsOnePartitionAtATime) {
  leave_unsynced(Durability::durable, 8);
  auto broker = open();
  auto reader = broker->subscribe("orders", {}).or_throw();
  std::atomic<int> syncs = 0;
  files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "sync_data" && call.path.ends_with(".log")) ++syncs;
    return std::nullopt;
  });
  EXPECT_EQ(reader->fetch(10, 10s).or_throw().size(), 1U);
  EXPECT_EQ(syncs, 1);
  std::size_t seen = 1;
  while (seen < 8) {
    const auto got = reader->fetch(10, 10s).or_throw();
    ASSERT_FALSE(got.empty());
    seen += got.size();
  }
  files.fail({});
}

/// Whoever syncs may be stopped in it.
TEST_F(Unsynced, AFetchKeepsToItsDeadlineAndIsWokenBesideASyncThatDoesNotEnd) {
  leave_unsynced(Durability::durable, 4);
  auto broker = open();
  // Of a process that lives.
  const auto slots = tidings::log::Slots::take(*system_files().open(folder, false).or_throw()).or_throw();
  take_sync_places(slots->word());
  auto reader = broker->subscribe("orders", {}).or_throw();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(reader->fetch(10, 50ms).or_throw().empty());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2500ms);
  std::jthread wakes([&] {
    std::this_thread::sleep_for(100ms);
    reader->wake();
  });
  EXPECT_TRUE(reader->fetch(10, 30s).or_throw().empty());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 6s);
  // Who waits in vain for long is told so, once.
  EXPECT_TRUE(reader->fetch(10, 2500ms).or_throw().empty());
  EXPECT_EQ(sink.lines.find("are not synced"), sink.lines.rfind("are not synced")) << sink.lines;
  EXPECT_NE(sink.lines.find("are not synced"), std::string::npos) << sink.lines;
  take_sync_places(0);
  EXPECT_FALSE(reader->fetch(10, 10s).or_throw().empty());
}

/// Whoever has the topic open syncs it, not its publisher only.
TEST_F(Unsynced, OfAnIntervalTopicIsSyncedByWhoeverHasItOpen) {
  leave_unsynced(Durability::interval, 2);
  auto broker = open();
  auto member = broker->subscribe("orders", {.group = "g"}).or_throw();
  const auto is_synced = [&](std::uint32_t number) {
    return topic->partition(number).or_throw()->durable() == topic->partition(number).or_throw()->committed();
  };
  for (int round = 0; round < 200 && !(is_synced(0) && is_synced(1)); ++round) std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(is_synced(0) && is_synced(1));
}

}  // namespace
}  // namespace tidings::brokers
