// One damaged piece stops its own partition, and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "brokers/log/testing.hpp"
#include "log/layout.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;

enum class Damaged { control, frame, record };

struct Damage : LogBroker {
  void edit(const std::string& name, const std::function<void(std::string&)>& change) const {
    auto bytes = read_file(folder + "/" + name).or_throw();
    change(bytes);
    std::ofstream(folder + "/" + name, std::ios::binary | std::ios::trunc) << bytes;
  }
  /// Events 0, 1 and 2 in the partitions of these numbers, and a group that has settled nothing yet.
  void make() {
    auto broker = open();
    broker->create_topic("orders", {.partitions = 3}).or_throw();
    for (std::uint32_t number = 0; number < 3; ++number) publish_to(*broker, number, std::to_string(number));
    broker->subscribe("orders", {.group = "g"}).or_throw();
  }
  static void publish_to(Broker& broker, std::uint32_t partition, const std::string& id) {
    const EnvelopeView event{.id = id, .type = "t", .payload = "payload"};
    broker.publish("orders", {&event, 1}, {.partition = Partition{partition}}).or_throw();
  }
  /// Of partition 1.
  void damage(Damaged what) const {
    switch (what) {
      case Damaged::control:  // nobody can open it
        return edit("orders/1/control", [](std::string& bytes) { bytes[8] = 99; });
      case Damaged::frame:
        return edit("orders/1/" + tidings::log::segment_name(0),
                    [](std::string& bytes) { bytes[bytes.find("payload")] ^= 1; });
      case Damaged::record:
        return edit("orders/groups/g", [](std::string& bytes) {
          for (const auto slot : {0U, 1U}) bytes[64 + (2 + slot) * 128 + 16] ^= 1;
        });
    }
  }
  struct Got {
    std::set<std::string> ids, errors;
    int failures = 0;
  };
  static Got fetch_all(Consumer& consumer, int fetches = 6) {
    Got got;
    for (int i = 0; i < fetches; ++i) {
      auto some = consumer.fetch(10, 50ms);
      if (!some) {
        ++got.failures;
        got.errors.insert(some.error().code);
        continue;
      }
      std::vector<DeliveryId> ids;
      for (const auto& one : *some) {
        got.ids.insert(std::string(one.envelope.id));
        ids.push_back(one.id);
      }
      consumer.settle(ids).or_throw();
    }
    return got;
  }
};

class DamagedPartition : public Damage, public testing::WithParamInterface<std::tuple<Damaged, bool>> {};

TEST_P(DamagedPartition, StopsNoOther) {
  const auto [what, is_group] = GetParam();
  make();
  damage(what);
  auto broker = open();
  auto subscribed = broker->subscribe("orders", {.group = is_group ? "g" : ""});
  ASSERT_TRUE(subscribed) << to_string(subscribed.error());
  auto& consumer = **subscribed;
  const auto got = fetch_all(consumer);
  if (what == Damaged::record && !is_group) {
    EXPECT_EQ(got.ids, (std::set<std::string>{"0", "1", "2"}));
    return;
  }
  EXPECT_EQ(got.ids, (std::set<std::string>{"0", "2"}));
  EXPECT_EQ(got.errors, std::set<std::string>{what == Damaged::control ? "newer_version" : "corrupt"});
  EXPECT_EQ(got.failures, 1) << "it is told, and then the others have their turn";
  // What comes wakes who waits.
  std::jthread later([&] {
    std::this_thread::sleep_for(50ms);
    publish_to(*broker, 2, "later");
  });
  EXPECT_EQ(ids_of(consumer.fetch(10, 10s).or_throw()), std::vector<std::string>{"later"});
}

class DamagedShare : public Damage, public testing::WithParamInterface<Damaged> {};

TEST_P(DamagedShare, TakesNoneOfTheOthersAway) {
  make();
  damage(GetParam());
  auto broker = open();
  std::vector<std::unique_ptr<Consumer>> members;
  Got all;
  for (int i = 0; i < 3; ++i) members.push_back(broker->subscribe("orders", {.group = "g"}).or_throw());
  for (int round = 0; round < 20; ++round)
    for (const auto& member : members) all.ids.merge(fetch_all(*member, 1).ids);
  EXPECT_TRUE(all.ids.contains("0") && all.ids.contains("2"));
  EXPECT_FALSE(all.ids.contains("1"));
}

INSTANTIATE_TEST_SUITE_P(LogBroker, DamagedPartition,
                         testing::Combine(testing::Values(Damaged::control, Damaged::frame, Damaged::record),
                                          testing::Bool()));
INSTANTIATE_TEST_SUITE_P(LogBroker, DamagedShare, testing::Values(Damaged::control, Damaged::frame, Damaged::record));

TEST_F(Damage, OfTheOnlyPartitionIsToldAtOnceAndAgain) {
  {
    auto broker = open();
    publish(*broker, "orders", "0");
    broker->subscribe("orders", {.group = "g"}).or_throw();
  }
  edit("orders/0/" + tidings::log::segment_name(0), [](std::string& bytes) { bytes[64 + 70] ^= 1; });
  auto broker = open();
  auto consumer = broker->subscribe("orders", {.group = "g"}).or_throw();
  EXPECT_EQ(fetch_all(*consumer, 3).failures, 3);
  edit("orders/groups/g", [](std::string& bytes) { bytes[64 + 16] ^= 1, bytes[64 + 128 + 16] ^= 1; });
  consumer.reset();
  edit("orders/groups/g", [](std::string& bytes) { bytes[64 + 16] = bytes[64 + 128 + 16] = 77; });
  EXPECT_EQ(broker->subscribe("orders", {.group = "g"}).error().code, "corrupt");
}

TEST_F(Damage, OfARecordIsMendedBySeek) {
  make();
  damage(Damaged::record);
  auto broker = open();
  broker->seek("orders", "g", Start::earliest()).or_throw();
  auto consumer = broker->subscribe("orders", {.group = "g"}).or_throw();
  const auto got = fetch_all(*consumer);
  EXPECT_EQ(got.ids, (std::set<std::string>{"0", "1", "2"}));
  EXPECT_EQ(got.failures, 0);
}

TEST_F(Damage, OfAGroupsFileIsMendedBySeek) {
  make();
  const auto whole = read_file(folder + "/orders/groups/g").or_throw();
  const std::vector<std::function<void(std::string&)>> damages{
      [](std::string& bytes) { bytes[20] ^= 1; },
      [](std::string& bytes) { bytes.resize(64); },
      [](std::string& bytes) { bytes.resize(10); },
      [](std::string& bytes) { bytes.clear(); },
      [](std::string& bytes) { bytes.assign(bytes.size(), 'x'); },
  };
  for (const auto& change : damages) {
    edit("orders/groups/g", [&](std::string& bytes) { bytes = whole; });
    edit("orders/groups/g", change);
    auto broker = open();
    EXPECT_EQ(broker->subscribe("orders", {.group = "g"}).error().code, "corrupt");
    // One that dies in it leaves no group that would begin where it is told, and pass over events.
    files.fail([count = 0](const tidings::log::FaultyFiles::Call& call) mutable -> std::optional<Error> {
      if (call.name == "write_at" && call.path.ends_with("/groups/g") && ++count == 3) return tidings::log::io_error();
      return std::nullopt;
    });
    EXPECT_FALSE(broker->seek("orders", "g", Start::earliest()));
    files.fail({});
    EXPECT_EQ(broker->subscribe("orders", {.group = "g", .start = Start::latest()}).error().code, "corrupt");
    broker->seek("orders", "g", Start::earliest()).or_throw();
    auto consumer = broker->subscribe("orders", {.group = "g", .start = Start::latest()}).or_throw();
    EXPECT_EQ(fetch_all(*consumer).ids, (std::set<std::string>{"0", "1", "2"}));
  }
  edit("orders/groups/g", [](std::string& bytes) {
    tidings::log::GroupHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    header.version = 7;
    header.checksum = tidings::log::checksum_of(header);
    std::memcpy(bytes.data(), &header, sizeof header);
  });
  EXPECT_EQ(open()->seek("orders", "g", Start::earliest()).error().code, "newer_version");
}

TEST_F(Damage, OfAPartitionKeepsNoOtherFromBeingMoved) {
  make();
  auto broker = open();
  {
    auto consumer = broker->subscribe("orders", {.group = "g"}).or_throw();
    EXPECT_EQ(fetch_all(*consumer).ids.size(), 3U);
  }
  broker = {};
  damage(Damaged::control);
  broker = open();
  EXPECT_EQ(broker->seek("orders", "g", Start::earliest()).error().code, "newer_version");
  auto consumer = broker->subscribe("orders", {.group = "g"}).or_throw();
  EXPECT_EQ(fetch_all(*consumer).ids, (std::set<std::string>{"0", "2"}));
}

TEST_F(Damage, EventsThatAreMissingInFrontAreNotToldAsRemoved) {
  {
    auto broker = open();
    broker->create_topic("orders", {.durability = Durability::memory}).or_throw();
    broker->subscribe("orders", {.group = "g"}).or_throw();
    const std::string payload(100'000, 'x');
    for (int number = 0; number < 30; ++number) {
      const auto id = std::to_string(number);
      const EnvelopeView event{.id = id, .type = "t", .payload = payload};
      broker->publish("orders", {&event, 1}, {}).or_throw();
    }
  }
  std::filesystem::remove(folder + "/orders/0/" + tidings::log::segment_name(0));
  auto broker = open();
  for (const auto* const group : {"g", "new", ""}) {
    auto member = broker->subscribe("orders", {.group = group});
    ASSERT_FALSE(member) << group;
    EXPECT_EQ(member.error().code, "corrupt") << group;
    EXPECT_NE(member.error().message.find("retention did not remove them"), std::string::npos)
        << member.error().message;
  }
  EXPECT_EQ(sink.lines.find("removed by retention"), std::string::npos) << sink.lines;
  const auto first = broker->topic("orders").or_throw().partitions.front().earliest.value;
  ASSERT_GT(first, 0U);
  broker->seek("orders", "g", Start::offset(Offset{first})).or_throw();
  auto member = broker->subscribe("orders", {.group = "g"}).or_throw();
  EXPECT_EQ(member->fetch(1, 10s).or_throw().front().id.offset.value, first);
  EXPECT_TRUE(broker->subscribe("orders", {.start = Start::offset(Offset{first})}));
}

}  // namespace
}  // namespace tidings::brokers
