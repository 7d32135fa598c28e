#include "tailing.hpp"

#include <gmock/gmock.h>

#include <deque>
#include <functional>

namespace tidings::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A topic of two partitions, of which a script says what comes.
struct Script {
  std::vector<std::uint64_t> ends;
  std::deque<std::vector<DeliveryId>> fetches;  ///< the last comes again and again
  std::vector<std::uint64_t> positions;         ///< of the group; moved by settling
  std::function<void()> on_fetch = [] {};
  std::size_t fetched = 0;
};

class Reader : public Consumer {
 public:
  explicit Reader(Script& script) : script_(script) {}
  Result<std::vector<Delivery>> fetch(std::size_t max, Duration) override {
    EXPECT_LT(++script_.fetched, 100U) << "it does not end";
    if (script_.fetched >= 100) return Error{"endless", "it does not end"};
    script_.on_fetch();
    std::vector<Delivery> deliveries;
    if (script_.fetches.empty()) return deliveries;
    for (const auto& id : script_.fetches.front()) {
      if (deliveries.size() == max) break;
      deliveries.push_back({.id = id, .envelope = {}, .owner = {}});
      deliveries.back().envelope.type = "t";
    }
    if (script_.fetches.size() > 1) script_.fetches.pop_front();
    return deliveries;
  }
  Result<> settle(std::span<const DeliveryId> ids, Outcome) override {
    for (const auto& id : ids)
      if (!script_.positions.empty()) script_.positions[id.partition.value] = id.offset.value + 1;
    return {};
  }
  Result<> reject(std::span<const DeliveryId>, Duration) override { return {}; }
  Result<> extend(std::span<const DeliveryId>) override { return {}; }
  [[nodiscard]] std::vector<Partition> assignment() const override { return {}; }
  void wake() override {}
  Result<> close(Duration) override { return {}; }

 private:
  Script& script_;
};

class Scripted : public Broker {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
  Result<> create_topic(std::string_view, const TopicOptions&) override { return no(); }
  Result<std::vector<Published>> publish(std::string_view, std::span<const EnvelopeView>,
                                         const PublishOptions&) override {
    return no();
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view, const ConsumerOptions& options) override {
    EXPECT_FALSE(options.create_topic);
    return std::make_unique<Reader>(script_);
  }
  Result<std::vector<TopicInfo>> topics() override { return no(); }
  Result<TopicInfo> topic(std::string_view name) override {
    TopicInfo info{.name = std::string(name), .partitions = {}};
    for (std::uint32_t i = 0; i < script_.ends.size(); ++i)
      info.partitions.push_back({Partition{i}, Offset{0}, Offset{script_.ends[i]}});
    return info;
  }
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override {
    GroupInfo info{.topic = std::string(topic), .group = "g", .partitions = {}};
    for (std::uint32_t i = 0; i < script_.positions.size(); ++i)
      info.partitions.push_back(
          {.partition = Partition{i}, .position = Offset{script_.positions[i]}, .end = Offset{script_.ends[i]}});
    return std::vector{info};
  }
  Result<> seek(std::string_view, std::string_view, const Start&) override { return no(); }
  Result<> close(Duration) override { return {}; }

 private:
  static Error no() { return {"unsupported", "not asked"}; }
  Capabilities capabilities_;
  Script& script_;
};

DeliveryId at(std::uint32_t partition, std::uint64_t offset) {
  return {Partition{partition}, Offset{offset}, 1};
}

/// `PARTITION/OFFSET` of what `tail --no-follow` prints.
std::vector<std::string> tail_to_the_end(Script& script, const std::string& from, const std::string& group = "") {
  Scripted broker(script);
  TailArguments arguments{.topic = "t", .group = group, .from = from, .follow = false};
  ::testing::internal::CaptureStdout();
  auto ended = Tailing(broker, {}, arguments).run();
  const auto out = ::testing::internal::GetCapturedStdout();
  EXPECT_TRUE(ended) << to_string(ended.error());
  std::vector<std::string> places;
  for (std::size_t begin = 0; begin < out.size(); begin = out.find('\n', begin) + 1) {
    const auto place = out.find("  ", begin) + 2;
    places.push_back(out.substr(place, out.find("  ", place) - place));
  }
  return places;
}

TEST(TailToTheEnd, PrintsNothingThatCameAfterTheStart) {
  Script script{.ends = {2, 1}, .fetches = {{at(0, 0), at(0, 1), at(0, 2), at(1, 0)}, {at(1, 1)}}};
  EXPECT_THAT(tail_to_the_end(script, "earliest"), ElementsAre("0/0", "0/1", "1/0"));
  EXPECT_EQ(script.fetched, 1U);
}

TEST(TailToTheEnd, WaitsForEveryPartitionWhileAnotherIsFlooded) {
  Script script{.ends = {1, 2}, .fetches = {{at(0, 0), at(0, 1)}, {at(0, 2)}, {at(0, 3)}, {at(1, 0), at(1, 1)}}};
  EXPECT_THAT(tail_to_the_end(script, "earliest"), ElementsAre("0/0", "1/0", "1/1"));
}

TEST(TailToTheEnd, EndsWhereOneIsFloodedAndTheOtherHasNothing) {
  Script script{.ends = {1, 5}, .fetches = {{at(0, 7)}}};
  EXPECT_THAT(tail_to_the_end(script, "2020-01-01T00:00:00Z"), IsEmpty());
}

TEST(TailToTheEnd, EndsWhereTheLastOffsetsHoldNoEvent) {
  // Offsets of Kafka's transaction markers: 8 and 9 never come, 11 does.
  Script script{.ends = {10, 0}, .fetches = {{at(0, 7)}, {at(0, 11)}}};
  EXPECT_THAT(tail_to_the_end(script, "earliest"), ElementsAre("0/7"));
  EXPECT_EQ(script.fetched, 2U);
}

TEST(TailToTheEnd, AGroupWaitsForWhatOtherMembersHave) {
  Script script{.ends = {2, 1}, .fetches = {{at(0, 0), at(0, 1)}, {}}, .positions = {0, 0}};
  script.on_fetch = [&script] {
    if (script.fetched == 5) script.positions[1] = 1;  // the other member settles its last
  };
  EXPECT_THAT(tail_to_the_end(script, "", "g"), ElementsAre("0/0", "0/1"));
  EXPECT_EQ(script.fetched, 5U);
}

TEST(TailToTheEnd, AGroupTakesOverWhatAnotherMemberLeft) {
  Script script{.ends = {2, 1}, .fetches = {{at(0, 0), at(0, 1)}, {}, {}, {at(1, 0)}, {}}, .positions = {0, 0}};
  EXPECT_THAT(tail_to_the_end(script, "", "g"), ElementsAre("0/0", "0/1", "1/0"));
  EXPECT_EQ(script.fetched, 4U);
}

TEST(TailToTheEnd, AtTheEndNothingIsFetched) {
  Script script{.ends = {2, 1}, .fetches = {}};
  EXPECT_THAT(tail_to_the_end(script, "latest"), IsEmpty());
  EXPECT_EQ(script.fetched, 0U);
}

}  // namespace
}  // namespace tidings::cli
