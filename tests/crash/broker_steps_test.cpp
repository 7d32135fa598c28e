// A whole log, with its topics, groups and retention, is killed at every call, and loses power there: what was said
// to be done is done, and a group never passes an event that nobody handled.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "power.hpp"
#include "tidings/brokers/open.hpp"
#include "torture.hpp"

namespace tidings::crash {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t file_bytes_max = std::uint64_t{4} << 20;
constexpr std::uint64_t sought_offset = 1;
constexpr Retention retention{.bytes = std::uint64_t{1} << 30};

struct Silent final : LogSink {
  void write(LogLevel, std::string_view) override {}
};

struct Told {
  bool created = false;
  std::uint64_t published = 0;  ///< one past the last that was acknowledged
  std::uint64_t settled = 0;    ///< everything before it, and told so
  std::uint64_t handled = 0;    ///< everything before it, and maybe not told so
  bool seeks = false, sought = false;
  bool keeps = false, kept = false;
};

class Steps : public testing::Test {
 protected:
  [[nodiscard]] Result<std::unique_ptr<Broker>> open(MemoryDisk& disk) {
    return open_broker("log:log", {.log = &silent_, .files = &disk});
  }

  static Result<> publish(Broker& broker, Told& told, std::size_t count, std::size_t size = 100) {
    std::vector<Envelope> events(count);
    std::vector<EnvelopeView> views;
    for (std::size_t i = 0; i < count; ++i) {
      events[i].id = std::to_string(told.published + i);
      events[i].type = "t";
      events[i].payload = std::string(size, 'p');
      views.push_back(events[i].view());
    }
    auto places = broker.publish("t", views);
    if (!places) return places.error();
    told.published = places->back().offset.value + 1;
    return {};
  }
  static Result<> handle(Consumer& consumer, Told& told, std::size_t count) {
    std::vector<DeliveryId> ids;
    for (int round = 0; round < 100 && ids.size() < count; ++round) {
      auto got = consumer.fetch(count - ids.size(), 100ms);
      if (!got) return got.error();
      for (const auto& one : *got) ids.push_back(one.id);
    }
    if (ids.size() != count) return Error{"missing", "events are missing"};
    // The last first: the position waits for those before it.
    if (auto done = consumer.settle({&ids.back(), 1}); !done) return done;
    told.handled = ids.back().offset.value + 1;
    ids.pop_back();
    if (auto done = consumer.settle(ids); !done) return done;
    told.settled = told.handled;
    return {};
  }

  Result<> run(MemoryDisk& disk, Told& told) {
    auto broker = open(disk);
    if (!broker) return broker.error();
    if (auto done = (*broker)->create_topic("t", {.partitions = 1}); !done) return done;
    told.created = true;
    if (auto done = publish(**broker, told, 1); !done) return done;
    auto consumer = (*broker)->subscribe("t", {.group = "g"});
    if (!consumer) return consumer.error();
    if (auto done = publish(**broker, told, 3); !done) return done;
    if (auto done = handle(**consumer, told, 3); !done) return done;
    if (auto done = publish(**broker, told, 2, 600'000); !done) return done;  // a roll
    if (auto done = handle(**consumer, told, 2); !done) return done;
    consumer->reset();
    told.seeks = true;
    if (auto done = (*broker)->seek("t", "g", Start::offset(Offset{sought_offset})); !done) return done;
    told.sought = true;
    told.keeps = true;
    if (auto done = (*broker)->set_retention("t", retention); !done) return done;
    told.kept = true;
    return (*broker)->close(1s);
  }

  /// Somebody goes on with it. Empty, or what is wrong.
  std::string check(MemoryDisk& disk, Told told, bool lost_power) {
    const auto said = [](std::string_view what, const Error& error) {
      return std::string(what) + ": " + to_string(error);
    };
    auto broker = open(disk);
    if (!broker) return said("the log does not open", broker.error());
    if (told.created && !(*broker)->topic("t")) return said("the topic does not open", (*broker)->topic("t").error());
    if (auto done = (*broker)->create_topic("t", {}); !done) return said("the topic cannot be made", done.error());
    const auto topic = (*broker)->topic("t").or_throw();
    if (topic.partitions[0].end.value < told.published) return "a published event is lost";
    if (told.kept && topic.retention != retention) return "the retention that was set is lost";
    if (!told.keeps && topic.retention != Retention{}) return "a retention that nobody set";
    auto groups = (*broker)->groups("t");
    if (!groups) return said("the groups", groups.error());
    std::uint64_t position = 0;
    for (const auto& group : *groups) {
      if (group.error) return said("the group", *group.error);
      position = group.partitions[0].position.value;
    }
    if (position > told.handled) return "the group stands at " + std::to_string(position) + ", which nobody handled";
    if (told.sought && position != sought_offset) return "a seek is lost: " + std::to_string(position);
    if (!told.seeks && !lost_power && position < told.settled) return "the group forgot what it settled";
    if (auto done = publish(**broker, told, 1); !done) return said("it cannot be published to", done.error());
    auto consumer = (*broker)->subscribe("t", {.group = "g"});
    if (!consumer) return said("the group cannot be joined", consumer.error());
    for (int round = 0; round < 100 && position < told.published; ++round) {
      auto got = (*consumer)->fetch(100, 100ms);
      if (!got) return said("the group cannot go on", got.error());
      std::vector<DeliveryId> ids;
      for (const auto& one : *got) {
        if (one.id.offset.value != position++) return "the group leaves one out at " + std::to_string(position - 1);
        ids.push_back(one.id);
      }
      if (auto done = (*consumer)->settle(ids); !done) return said("it cannot be settled", done.error());
    }
    consumer->reset();
    if ((*broker)->groups("t").or_throw().at(0).lag() != 0) return "the group did not come to the end";
    return "";
  }

  /// As a machine that was started again.
  static void reboot(MemoryDisk& disk) {
    if (const auto control = disk.find("log/t/0/control"); control != 0 && disk.names().nodes[control].size > 16)
      disk.bytes(control)[16] = std::byte{'x'};  // the boot id
  }

  Silent silent_;
};

TEST_F(Steps, KilledAtEachNothingIsLostAndNothingIsLeftOut) {
  MemoryDisk first(file_bytes_max), second(file_bytes_max);
  Told told;
  std::vector<std::pair<MemoryDisk::Image, Told>> moments;
  const auto add = [&] {
    if (moments.empty() || !first.is(moments.back().first)) moments.emplace_back(first.take(), told);
  };
  // Not at the steps of the log's own thread: what was told goes on meanwhile.
  const auto self = std::this_thread::get_id();
  first.on_step = [&](const auto&) {
    if (std::this_thread::get_id() == self) add();
  };
  run(first, told).or_throw();
  first.on_step = nullptr;
  add();
  for (std::size_t n = 0; n < moments.size() && !HasFailure(); ++n) {
    second.load(moments[n].first);
    EXPECT_EQ(check(second, moments[n].second, false), "") << "killed at step " << n << " of " << moments.size();
  }
  std::printf("%zu kills\n", moments.size());
  EXPECT_GT(moments.size(), 50U);
}

struct Moment {
  Power::Moment power;
  Told told;
};

class StepsWithoutPower : public Steps {
 protected:
  std::string lose_power(const std::function<bool(const std::string&)>& forgets, std::uint64_t rounds,
                         std::uint64_t seed) {
    MemoryDisk first(file_bytes_max), second(file_bytes_max);
    Told told;
    std::vector<Moment> moments;
    {
      Power power(first);
      power.forgets = forgets;
      const auto self = std::this_thread::get_id();
      power.on_step = [&] {
        if (std::this_thread::get_id() == self) moments.push_back({power.now(), told});
      };
      run(first, told).or_throw();
      power.look();
      moments.push_back({power.now(), told});
    }
    SeededEntropy entropy(seed);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const auto n = round < moments.size() ? round : entropy.below(moments.size());
      second.load(Pictures(moments[n].power).torn(entropy));
      reboot(second);
      auto wrong = check(second, moments[n].told, true);
      if (!wrong.empty())
        return "the power went at step " + std::to_string(n) + " of " + std::to_string(moments.size()) + ", picture " +
               std::to_string(round) + ": " + wrong;
    }
    return "";
  }
};

TEST_F(StepsWithoutPower, WhatWasAcknowledgedIsThereAndNothingIsLeftOut) {
  const auto torture = Torture::from_environment(1'500);
  torture.print("pictures of the disk");
  EXPECT_EQ(lose_power({}, torture.rounds, torture.seed), "");
}

TEST_F(StepsWithoutPower, ASyncThatIsLeftOutIsFound) {
  for (const auto* const path : {"/log/t/groups/g", "/log/t/groups/", "/log/t/", "/log/", "/log/t/groups/~"}) {
    const auto found = lose_power(
        [&](const std::string& of) { return path[std::strlen(path) - 1] == '~' ? of.starts_with(path) : of == path; },
        5'000, 1);
    EXPECT_NE(found, "") << path;
    std::printf("%s: %s\n", path, found.c_str());
  }
}

}  // namespace
}  // namespace tidings::crash
