// What an acknowledgement waits for.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "brokers/log/testing.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;
using tidings::log::FaultyFiles;

/// Whoever made a topic may have died before its folder was on the device; whoever writes first sees to it.
TEST_F(LogBroker, WhatIsAcknowledgedStandsInFoldersThatAreSynced) {
  open()->create_topic("t", {}).or_throw();
  auto broker = open();
  std::vector<std::string> synced;
  files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "sync") synced.push_back(call.path);
    return std::nullopt;
  });
  publish(*broker, "t", "1");
  for (const auto& path : {folder, folder + "/t", folder + "/t/0"})
    EXPECT_NE(std::ranges::find(synced, path), synced.end()) << path;
  files.fail({});
}

TEST_F(LogBroker, AWindowOfPublishesIsSyncedTogetherBeforeItIsAcknowledged) {
  auto broker = open();
  ASSERT_TRUE(try_publish(*broker, "orders", "first"));  // the segment is there
  std::atomic<int> syncs = 0;
  files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "sync_data" && call.path.ends_with(".log")) ++syncs;
    return std::nullopt;
  });
  std::vector<std::uint64_t> acknowledged;
  std::atomic<std::uint64_t> too_early = 0;
  auto publisher = broker->publisher("orders", {.window = 64}).or_throw();
  const auto publish = [&](const std::string& id) {
    const EnvelopeView event{.id = id, .type = "t"};
    return publisher->publish({&event, 1}, [&](const Result<std::vector<Published>>& places) {
      const auto offset = places->front().offset.value;
      if (broker->topic("orders").or_throw().partitions.front().end.value <= offset) ++too_early;
      acknowledged.push_back(offset);
    });
  };
  ASSERT_TRUE(publish("e0"));
  for (int i = 1; i < 1000; ++i) ASSERT_TRUE(publish("e" + std::to_string(i)));
  ASSERT_TRUE(publisher->flush(30s));
  EXPECT_EQ(too_early, 0U);
  ASSERT_EQ(acknowledged.size(), 1000U);
  for (std::size_t i = 0; i < acknowledged.size(); ++i) ASSERT_EQ(acknowledged[i], i + 1);
  EXPECT_LT(syncs, 700) << "some at least had company";
}

TEST_F(LogBroker, AWindowWhoseSyncFailsIsUnknownAndLaterPublishesAreRefused) {
  auto broker = open();
  ASSERT_TRUE(try_publish(*broker, "orders", "first"));
  files.fail([](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "sync_data") return tidings::log::io_error();
    return std::nullopt;
  });
  std::vector<std::string> codes;
  auto publisher = broker->publisher("orders", {.window = 64}).or_throw();
  std::optional<Error> refused;
  for (int i = 0; i < 1000 && !refused; ++i) {
    const auto id = "e" + std::to_string(i);
    const EnvelopeView event{.id = id, .type = "t"};
    auto accepted = publisher->publish({&event, 1}, [&](const Result<std::vector<Published>>& places) {
      codes.push_back(places ? "fine" : places.error().code);
    });
    if (!accepted) refused = accepted.error();
  }
  ASSERT_TRUE(publisher->flush(30s));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, "poisoned");
  ASSERT_FALSE(codes.empty());
  EXPECT_EQ(std::ranges::count(codes, "outcome_unknown"), static_cast<std::ptrdiff_t>(codes.size()));
}

/// A producer that got no answer sends again: that its event is there already promises no less than the first answer
/// would have.
class Duplicates : public LogBroker, public testing::WithParamInterface<Durability> {
 protected:
  void SetUp() override {
    LogBroker::SetUp();
    broker = open();
    broker->create_topic("orders", {.durability = GetParam()}).or_throw();
    send(0).or_throw();
    // Written by a process that died before it synced.
    auto directory = tidings::log::LogDirectory::open(folder, {.log = &sink, .files = &files}).or_throw();
    auto topic = directory->find("orders").or_throw();
    partition = topic->partition(0).or_throw();
    const EnvelopeView event{.id = "1", .type = "t"};
    const auto* const one = &event;
    const std::uint64_t sequence = 1;
    ASSERT_EQ(partition->append_once({&one, 1}, {.id = 7, .epoch = 0}, {&sequence, 1}, 10s).or_throw().first, 1U);
    ASSERT_EQ(partition->durable(), 1U);
    keep_ = {std::move(directory), std::move(topic)};
  }
  void TearDown() override {
    keep_ = {};
    broker.reset();
    LogBroker::TearDown();
  }

  /// The event of this sequence; synced also where the topic does not ask for it.
  Result<Published> send(std::uint64_t sequence) {
    const auto id = std::to_string(sequence);
    const EnvelopeView event{.id = id, .type = "t"};
    auto places = broker->publish(
        "orders", {&event, 1},
        {.wait_for = Durability::durable, .producer = Producer{.id = 7, .epoch = 0, .sequence = sequence}});
    return places ? Result<Published>{places->front()} : places.error();
  }

  std::unique_ptr<Broker> broker;
  tidings::log::PartitionLog* partition = nullptr;

 private:
  struct {
    std::unique_ptr<tidings::log::LogDirectory> directory;
    std::shared_ptr<tidings::log::TopicLog> topic;
  } keep_;
};

TEST_P(Duplicates, AreAcknowledgedWhenTheirEventIsOnTheDevice) {
  const auto again = send(1).or_throw();
  EXPECT_TRUE(again.is_duplicate);
  EXPECT_EQ(again.offset.value, 1U);
  EXPECT_EQ(partition->durable(), 2U);
}

TEST_P(Duplicates, AreNotAcknowledgedWhereTheirEventCannotBeSynced) {
  files.fail([](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "sync_data") return tidings::log::io_error();
    return std::nullopt;
  });
  const auto refused = send(1);
  files.fail({});
  ASSERT_FALSE(refused) << "it is in the page cache, and nowhere else";
  EXPECT_EQ(refused.error().code, "outcome_unknown");
  EXPECT_TRUE(send(1).or_throw().is_duplicate);
  EXPECT_EQ(partition->durable(), 2U);
}

INSTANTIATE_TEST_SUITE_P(LogBroker, Duplicates, testing::Values(Durability::durable, Durability::memory),
                         [](const auto& kind) { return std::string(to_string(kind.param)); });

}  // namespace
}  // namespace tidings::brokers
