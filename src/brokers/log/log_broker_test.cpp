#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

#include "log/faulty_files.hpp"
#include "log/log_directory.hpp"
#include "tidings/base/atomic_file.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::brokers {

BrokerFactory log_factory();

namespace {

using namespace std::chrono_literals;
using tidings::log::FaultyFiles;

struct Collected final : LogSink {
  void write(LogLevel, std::string_view line) override { lines += std::string(line) + "\n"; }
  std::string lines;
};

class LogBroker : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<std::unique_ptr<Broker>> try_open() {
    BrokerOptions options;
    options.log = &sink;
    options.files = &files;
    return log_factory().open("log:" + folder, options);
  }
  std::unique_ptr<Broker> open() { return try_open().or_throw(); }

  std::string folder = (std::filesystem::temp_directory_path() / "tidings-broker-XXXXXX").string();
  FaultyFiles files;
  Collected sink;
};

Result<> try_publish(Broker& broker, const std::string& topic, const std::string& id, std::size_t size = 0,
                     const PublishOptions& options = {}) {
  const std::string payload(size, 'x');
  EnvelopeView event;
  event.id = id;
  event.type = "t";
  event.payload = payload;
  auto published = broker.publish(topic, {&event, 1}, options);
  return published ? Result<>{} : published.error();
}

void publish(Broker& broker, const std::string& topic, const std::string& id, std::size_t size = 0) {
  try_publish(broker, topic, id, size).or_throw();
}

std::vector<std::string> ids_of(const std::vector<Delivery>& deliveries) {
  std::vector<std::string> ids;
  for (const auto& one : deliveries) ids.emplace_back(one.envelope.id);
  return ids;
}

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

/// Who joined first holds the partition's byte, and dies before it has written where the group begins.
TEST_F(LogBroker, AnHeirBeginsWhereItsGroupWasTold) {
  auto broker = open();
  for (const auto* const id : {"0", "1", "2"}) publish(*broker, "t", id);
  auto groups = system_files().open(folder + "/t/groups", false).or_throw();
  std::optional first = tidings::log::GroupFile::open(*groups, "g", 1, true).or_throw();
  first->join().or_throw();
  ASSERT_TRUE(first->try_hold(0).or_throw());
  auto heir = broker->subscribe("t", {.group = "g", .start = Start::latest()}).or_throw();
  EXPECT_TRUE(heir->fetch(10, 10ms).or_throw().empty());
  first.reset();
  EXPECT_TRUE(heir->fetch(10, 200ms).or_throw().empty());
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

/// As many segments as it takes, of 1 MiB, 2, 4.
void fill(Broker& broker, const std::string& topic, std::uint64_t mebibytes) {
  for (std::uint64_t i = 0; i < mebibytes * 2; ++i)
    ASSERT_TRUE(try_publish(broker, topic, std::to_string(i), std::size_t{512} << 10));
}

std::uint64_t earliest_of(Broker& broker, const std::string& topic) {
  return broker.topic(topic).or_throw().partitions.front().earliest.value;
}

TEST_F(LogBroker, AGroupThatIsLeftBehindLosesWithAReport) {
  auto broker = open();
  ASSERT_TRUE(broker->create_topic("orders", {.durability = Durability::memory}));
  fill(*broker, "orders", 8);
  auto early = broker->subscribe("orders", {.group = "early"}).or_throw();
  const auto got = early->fetch(1, 1s).or_throw();
  ASSERT_EQ(got.size(), 1U);
  auto reader = broker->subscribe("orders", {.group = ""}).or_throw();
  ASSERT_EQ(reader->fetch(1, 1s).or_throw().size(), 1U);
  ASSERT_TRUE(open()->set_retention("orders", {.bytes = 1}));  // another handle, as another process
  EXPECT_EQ(broker->topic("orders").or_throw().retention.bytes, 1U);
  const auto earliest = earliest_of(*broker, "orders");
  ASSERT_GT(earliest, 2U);
  for (auto* const consumer : {early.get(), reader.get()}) {
    std::set<std::uint64_t> offsets;
    while (!offsets.contains(15))
      for (const auto& delivery : consumer->fetch(100, 1s).or_throw()) {
        offsets.insert(delivery.id.offset.value);
        ASSERT_TRUE(consumer->settle({&delivery.id, 1}));
      }
    EXPECT_TRUE(offsets.contains(earliest));
    EXPECT_LT(offsets.size(), 15U) << "what went is not there";
  }
  ASSERT_TRUE(early->settle({&got.front().id, 1}));
  const auto info = broker->groups("orders").or_throw().front().partitions.front();
  EXPECT_EQ(info.position.value, 16U);
  EXPECT_EQ(info.handled + info.skipped, 16U);
  EXPECT_GT(info.skipped, 0U);
  EXPECT_NE(sink.lines.find("group early stood at offset"), std::string::npos) << sink.lines;
  EXPECT_NE(sink.lines.find("removed by retention"), std::string::npos);
}

TEST_F(LogBroker, RetentionMayWaitForGroups) {
  auto broker = open();
  ASSERT_TRUE(broker->create_topic(
      "orders", {.durability = Durability::memory, .retention = Retention{.bytes = 1, .waits_for_groups = true}}));
  auto consumer = broker->subscribe("orders", {.group = "slow"}).or_throw();
  fill(*broker, "orders", 8);
  EXPECT_EQ(earliest_of(*broker, "orders"), 0U);
  const auto got = consumer->fetch(16, 1s).or_throw();
  std::vector<DeliveryId> ids;
  for (const auto& delivery : got) ids.push_back(delivery.id);
  ASSERT_EQ(ids.size(), 16U);
  ASSERT_TRUE(consumer->settle(ids));
  fill(*broker, "orders", 16);  // a roll looks again, in the background
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (earliest_of(*broker, "orders") == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_GT(earliest_of(*broker, "orders"), 0U);
  EXPECT_LE(earliest_of(*broker, "orders"), 16U);
}

TEST_F(LogBroker, ARetentionThatCannotBeIsRefused) {
  auto broker = open();
  ASSERT_TRUE(broker->create_topic("orders", {.retention = Retention{.age = 60s}}));
  EXPECT_TRUE(broker->create_topic("orders", {}));
  EXPECT_TRUE(broker->create_topic("orders", {.retention = Retention{.age = 60s}}));
  EXPECT_EQ(broker->create_topic("orders", {.retention = Retention{.age = 61s}}).error().code, "topic_exists_with");
  EXPECT_EQ(broker->set_retention("orders", {.age = 1ms}).error().code, "invalid_options");
  EXPECT_EQ(broker->set_retention("orders", {.age = -1s}).error().code, "invalid_options");
  EXPECT_EQ(broker->set_retention("other", {}).error().code, "unknown_topic");
  ASSERT_TRUE(broker->set_retention("orders", {}));
  EXPECT_TRUE(broker->topic("orders").or_throw().retention.is_for_ever());
  EXPECT_TRUE(std::filesystem::exists(folder + "/orders/topic.meta"));
  EXPECT_TRUE(open()->topic("orders"));
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

/// One publish, read and settled, over and over, with the n-th call to the system failing, for every n.
class EveryCall : public LogBroker, public testing::WithParamInterface<std::string> {
 protected:
  /// Ids, by what became of them.
  struct Known {
    std::set<std::string> tried, acknowledged, handled;
    std::function<void(char what, const std::string& id)> on_change;

    void add(char what, const std::string& id) {
      (what == 'T' ? tried : what == 'A' ? acknowledged : handled).insert(id);
      if (on_change) on_change(what, id);
    }
  };

  /// Creates, appends, rolls, subscribes and settles; what fails ends it.
  Result<> run(Known& known, const std::string& prefix) {
    auto broker = try_open();
    if (!broker) return broker.error();
    if (auto made = (*broker)->create_topic("t", {}); !made) return made;
    auto member = (*broker)->subscribe("t", {.group = "g"});
    if (!member) return member.error();
    Result<> first_failure;
    // The third does not fit into the first segment.
    for (const auto& [name, size] : {std::pair{"a", 10}, {"b", 700'000}, {"c", 700'000}, {"d", 10}}) {
      const auto id = prefix + name;
      known.add('T', id);
      auto published = try_publish(**broker, "t", id, static_cast<std::size_t>(size));
      if (published)
        known.add('A', id);
      else if (first_failure)
        first_failure = published;
    }
    auto got = (*member)->fetch(10, 100ms);
    if (!got) return got.error();
    std::vector<DeliveryId> ids;
    for (const auto& one : *got) {
      ids.push_back(one.id);
      known.add('H', std::string(one.envelope.id));  // whether the group knows or not: nobody waits for it again
    }
    if (auto settled = (*member)->settle(ids); !settled) return settled;
    if (auto closed = (*broker)->close(1s); !closed) return closed;
    return first_failure;
  }

  /// The log opens, keeps what it acknowledged, and goes on.
  void check(Known& known, const std::string& when) {
    auto broker = try_open();
    ASSERT_TRUE(broker) << when << to_string(broker.error());
    known.tried.insert("after");
    ASSERT_TRUE(try_publish(**broker, "t", "after")) << when;
    auto member = (*broker)->subscribe("t", {.group = "g"});
    ASSERT_TRUE(member) << when << to_string(member.error());
    auto seen = known.handled;
    for (int round = 0; round < 100 && !seen.contains("after"); ++round) {
      auto got = (*member)->fetch(100, 100ms);
      ASSERT_TRUE(got) << when << to_string(got.error());
      std::vector<DeliveryId> ids;
      for (const auto& one : *got) {
        seen.insert(std::string(one.envelope.id));
        ids.push_back(one.id);
      }
      ASSERT_TRUE((*member)->settle(ids)) << when;
    }
    EXPECT_TRUE(seen.contains("after")) << when;
    for (const auto& id : known.acknowledged) EXPECT_TRUE(seen.contains(id)) << when << "event " << id << " is lost";
    for (const auto& id : seen) EXPECT_TRUE(known.tried.contains(id)) << when << "event " << id << " came from nowhere";
    EXPECT_EQ((*broker)->groups("t").or_throw().at(0).lag(), 0U) << when;
    // From every offset, since each is looked up in the segments that there are.
    const auto end = (*broker)->topic("t").or_throw().partitions.at(0).end.value;
    std::vector<std::string> all;
    for (std::uint64_t offset = 0; offset < end; ++offset) {
      auto reader = (*broker)->subscribe("t", {.start = Start::offset(Offset{offset})}).or_throw();
      auto got = reader->fetch(1, 1s);
      ASSERT_TRUE(got) << when << "offset " << offset << ": " << to_string(got.error());
      ASSERT_EQ(got->size(), 1U) << when;
      EXPECT_EQ(got->at(0).id.offset.value, offset) << when;
      all.emplace_back(got->at(0).envelope.id);
    }
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), end) << when << "an event stands there twice";
    EXPECT_EQ(all.back(), "after") << when;
  }

  [[nodiscard]] Error error() const {
    if (GetParam() == "disk_full") return tidings::log::disk_full();
    if (GetParam() == "too_many_files") return tidings::log::too_many_files();
    return tidings::log::io_error();
  }
};

TEST_P(EveryCall, ThatFailsIsToldAndLosesNothing) {
  const std::set<std::string> typed{GetParam(), "poisoned", "outcome_unknown"};
  files.skip_syncs();
  {
    Known known;
    run(known, "").or_throw();
  }
  const auto calls = files.calls();
  ASSERT_GT(calls, 60U);
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const auto when = "call " + std::to_string(n) + ": ";
    std::filesystem::remove_all(folder);
    Known known;
    const auto failing = files.calls() + n;
    std::string what;
    bool was_sync = false;
    files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
      if (call.number != failing) return std::nullopt;
      what = std::string(call.name) + " " + call.path;
      was_sync = call.name == "sync_data";
      return error();
    });
    const auto first = run(known, "1");
    files.fail({});
    if (!first) {
      EXPECT_TRUE(typed.contains(first.error().code)) << when << what << ": " << to_string(first.error());
    }
    // A sync that failed closes a partition for writing until the machine was started again.
    const auto control = folder + "/t/0/control";
    if (was_sync && std::filesystem::exists(control)) {
      auto bytes = read_file(control).or_throw();
      if (bytes.size() > 4000) bytes[offsetof(tidings::log::Control, boot_id)] ^= 1;
      std::ofstream(control, std::ios::binary | std::ios::trunc) << bytes;
    }
    check(known, when + what + ": ");
    if (HasFatalFailure()) return;
  }
}

/// The same, with the process killed at its n-th call, and so in the middle of every step of an append, a roll, a
/// commit.
class EveryCallIsTheLast : public EveryCall {};

TEST_P(EveryCallIsTheLast, OfAProcessThatIsKilledAndLosesNothing) {
  files.skip_syncs();
  std::uint64_t calls = 0;
  {
    Known known;
    run(known, "").or_throw();
    calls = files.calls();
  }
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const auto when = "killed at call " + std::to_string(n) + ": ";
    std::filesystem::remove_all(folder);
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const auto child = ::fork();
    if (child == 0) {
      const auto last = files.calls() + n;
      files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
        if (call.number == last) ::raise(SIGKILL);
        return std::nullopt;
      });
      Known known;
      known.on_change = [&](char what, const std::string& id) {
        const auto line = std::string(1, what) + id + "\n";
        (void)!::write(pipe[1], line.data(), line.size());
      };
      ::_exit(run(known, "1") ? 0 : 1);
    }
    ::close(pipe[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(pipe[0], buffer, sizeof buffer)) > 0;)
      said.append(buffer, static_cast<std::size_t>(got));
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) << when << status;
    Known known;
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);) known.add(line[0], line.substr(1));
    check(known, when);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(LogBroker, EveryCallIsTheLast, testing::Values("killed"),
                         [](const auto& how) { return how.param; });

INSTANTIATE_TEST_SUITE_P(LogBroker, EveryCall, testing::Values("disk_full", "io_error", "too_many_files"),
                         [](const auto& error) { return error.param; });

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

}  // namespace
}  // namespace tidings::brokers
