// Real processes: in PID namespaces of their own, stopped, forked, many, with a clock that was set back, on a full
// disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "process.hpp"
#include "stepping.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/brokers/open.hpp"
#include "torture.hpp"

namespace tidings::crash {
namespace {

using namespace std::chrono_literals;

struct Silent final : LogSink {
  void write(LogLevel, std::string_view) override {}
};
Silent silent;

Result<std::uint64_t> publish(Broker& broker, const std::string& topic, const std::string& id, std::size_t size = 20,
                              Duration wait_max = 10s) {
  const std::string payload(size, 'p');
  const EnvelopeView event{.id = id, .type = "t", .payload = payload};
  auto places = broker.publish(topic, {&event, 1}, {.wait_max = wait_max});
  if (!places) return places.error();
  return places->front().offset.value;
}

/// Ids by offset, as a new reader sees them.
std::vector<std::string> ids(Broker& broker, const std::string& topic) {
  const auto end = broker.topic(topic).or_throw().partitions.at(0).end.value;
  auto reader = broker.subscribe(topic, {}).or_throw();
  std::vector<std::string> all;
  while (all.size() < end)
    for (const auto& one : reader->fetch(1000, 1s).or_throw()) {
      EXPECT_EQ(one.id.offset.value, all.size());
      all.emplace_back(one.envelope.id);
    }
  return all;
}

void create(const Folder& folder) {
  EXPECT_EQ(Process([&] {
              auto broker = open_broker(folder.url()).or_throw();
              broker->create_topic("durable", {.durability = Durability::durable}).or_throw();
              broker->create_topic("memory", {.durability = Durability::memory}).or_throw();
              return std::string();
            }).end(),
            "");
}

/// Where each writer says what was acknowledged, before the next: shared, since a pipe is not fast enough.
struct Acknowledged {
  std::atomic<std::uint64_t> next[4];  // of each writer: the first event that is not
};

/// Four writers that are all process 1, thread 1, are killed so many times over a log of their own.
void kill_namesakes(std::uint64_t kills, SeededEntropy& entropy, std::uint64_t& count) {
  const Folder folder;
  create(folder);
  const SharedPage page;
  auto& acknowledged = page.as<Acknowledged>();
  constexpr std::size_t writers = 4;
  const auto start = [&](std::size_t number) {
    return std::make_unique<Process>(
        [&, number] {
          if (::getpid() != 1) return std::string("not process 1");
          auto broker = open_broker(folder.url(), {.log = &silent}).or_throw();
          // What was published and not acknowledged by the one before may be there: it comes once more.
          for (auto n = acknowledged.next[number].load();; ++n) {
            auto done = publish(*broker, "memory", std::to_string(number) + "/" + std::to_string(n));
            if (!done) return to_string(done.error());
            acknowledged.next[number] = n + 1;
          }
        },
        Process::Namespace::own);
  };
  std::vector<std::unique_ptr<Process>> alive;
  alive.reserve(writers);
  for (std::size_t number = 0; number < writers; ++number) alive.push_back(start(number));
  if (!alive.front()->started()) GTEST_SKIP() << "namespaces are not allowed here";
  for (std::uint64_t round = 0; round < kills; ++round) {
    std::this_thread::sleep_for(std::chrono::microseconds{entropy.below(15'000)});
    const auto number = entropy.below(writers);
    alive[number]->kill_and_wait();
    alive[number] = start(number);
  }
  std::this_thread::sleep_for(100ms);
  for (auto& one : alive) one->kill_and_wait();
  auto broker = open_broker(folder.url(), {.log = &silent}).or_throw();
  ASSERT_TRUE(publish(*broker, "memory", "last"));
  std::map<std::size_t, std::uint64_t> next;
  for (const auto& id : ids(*broker, "memory")) {
    if (id == "last") continue;
    const auto number = static_cast<std::size_t>(id[0] - '0');
    const auto n = std::stoull(id.substr(2));
    // In its order, and each at least once.
    EXPECT_TRUE(n == next[number] || n + 1 == next[number]) << id << " after " << next[number];
    next[number] = n + 1;
  }
  for (std::size_t number = 0; number < writers; ++number) {
    EXPECT_GE(next[number], acknowledged.next[number].load());
    count += acknowledged.next[number];
  }
}

TEST(Processes, OfOneThreadIdInSeparateNamespacesNeverWriteTogether) {
  const auto torture = Torture::from_environment(150);
  torture.print("kills");
  SeededEntropy entropy(torture.seed);
  std::uint64_t count = 0;
  for (std::uint64_t left = torture.rounds; left > 0 && !HasFailure() && !IsSkipped();) {
    const auto kills = std::min<std::uint64_t>(left, 150);  // each log has a million events by then
    kill_namesakes(kills, entropy, count);
    left -= kills;
  }
  std::printf("%llu events acknowledged\n", static_cast<unsigned long long>(count));
}

/// Stops, or kills, its process when it is asked for the time for the n-th time: under the writer lock.
struct SignalClock final : Clock {
  [[nodiscard]] TimePoint now() const override {
    if (is_armed) ::raise(signal);
    return system_clock().now();
  }
  [[nodiscard]] SteadyTime steady_now() const override { return system_clock().steady_now(); }
  int signal = SIGSTOP;
  bool is_armed = false;
};

TEST(Processes, ThatAreStoppedWithTheWriterLockMakeOthersBusyAndGoOn) {
  for (const std::string topic : {"memory", "durable"}) {
    const Folder folder;
    create(folder);
    Process holder([&]() -> std::string {
      SignalClock clock;
      auto broker = open_broker(folder.url(), {.clock = &clock, .log = &silent}).or_throw();
      (void)publish(*broker, topic, "0").or_throw();
      clock.is_armed = true;
      auto done = publish(*broker, topic, "1");
      clock.is_armed = false;
      if (!done) return to_string(done.error());
      done = publish(*broker, topic, "3");
      return done ? "" : to_string(done.error());
    });
    ASSERT_TRUE(holder.has_stopped());
    {
      auto broker = open_broker(folder.url(), {.log = &silent}).or_throw();
      EXPECT_EQ(ids(*broker, topic), std::vector<std::string>{"0"}) << "reading goes on";
      const auto begin = std::chrono::steady_clock::now();
      const auto refused = publish(*broker, topic, "x", 20, 200ms);
      const auto took = std::chrono::steady_clock::now() - begin;
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, "busy");
      EXPECT_EQ(refused.error().retry, Retry::same_call);
      EXPECT_GE(took, 200ms);
      EXPECT_LT(took, 3s);
      holder.signal(SIGCONT);
      ASSERT_TRUE(publish(*broker, topic, "2"));
    }
    EXPECT_EQ(holder.end(), "");
    auto broker = open_broker(folder.url(), {.log = &silent}).or_throw();
    auto all = ids(*broker, topic);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0] + all[1], "01");
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()), (std::set<std::string>{"0", "1", "2", "3"}));
  }
}

/// Whoever it forked lives on; that keeps no lock of it, neither the writer's nor a member's.
void kill_one_that_forked(bool child_gives_up) {
  const Folder folder;
  create(folder);
  SharedPage page;
  auto& child = page.as<std::atomic<pid_t>>();
  Process holder([&] {
    SignalClock clock;
    clock.signal = SIGKILL;
    auto broker = open_broker(folder.url(), {.clock = &clock, .log = &silent}).or_throw();
    (void)publish(*broker, "memory", "0").or_throw();
    auto member = broker->subscribe("memory", {.group = "g"}).or_throw();
    const auto got = member->fetch(1, 1s).or_throw();
    if (got.size() != 1) return std::string("nothing to handle");
    if (const pid_t forked = ::fork(); forked == 0) {
      ::alarm(60);
      for (const int output : {STDOUT_FILENO, STDERR_FILENO}) ::close(output);
      // Its handles may stay or go; what they stand for is its parent's.
      if (child_gives_up) member.reset(), broker.reset();
      while (true) ::pause();
    } else {
      child = forked;
    }
    clock.is_armed = true;
    (void)publish(*broker, "memory", "1").has_value();
    return std::string("it lives");
  });
  EXPECT_EQ(holder.end(), "ended by signal 9");
  auto broker = open_broker(folder.url(), {.log = &silent}).or_throw();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(publish(*broker, "memory", "1").or_throw(), 1U);
  auto member = broker->subscribe("memory", {.group = "g"}).or_throw();
  std::vector<std::string> handled;
  while (handled.size() < 2 && std::chrono::steady_clock::now() < begin + 5s)
    for (const auto& one : member->fetch(10, 10ms).or_throw()) handled.emplace_back(one.envelope.id);
  EXPECT_EQ(handled, (std::vector<std::string>{"0", "1"}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  ASSERT_GT(child.load(), 0);
  EXPECT_EQ(::kill(child, 0), 0) << "the child lives all the while";
  ::kill(child, SIGKILL);
}

TEST(Processes, ThatForkedAndAreKilledGiveUpTheirLocks) {
  for (const bool child_gives_up : {true, false}) kill_one_that_forked(child_gives_up);
}

TEST(Processes, ManyAtOnceShareOneLog) {
  constexpr std::size_t count = 65, each = 30;
  const Folder folder;
  create(folder);
  SharedPage page;
  auto& ready = page.as<std::atomic<std::size_t>>();
  std::vector<std::unique_ptr<Process>> all;
  all.reserve(count);
  for (std::size_t number = 0; number < count; ++number)
    all.push_back(std::make_unique<Process>([&, number] {
      auto broker = open_broker(folder.url(), {.log = &silent}).or_throw();
      ready.fetch_add(1);
      for (const auto until = std::chrono::steady_clock::now() + 60s; ready < count;) {
        if (std::chrono::steady_clock::now() > until) return std::string("not all of them have it open");
        std::this_thread::sleep_for(1ms);
      }
      for (std::size_t n = 0; n < each; ++n) {
        auto done = publish(*broker, n % 2 == 0 ? "memory" : "durable",
                            std::to_string(number) + "/" + std::to_string(n), 20, 60s);
        if (!done) return to_string(done.error());
      }
      return std::string();
    }));
  for (auto& one : all) EXPECT_EQ(one->end(), "");
  auto broker = open_broker(folder.url(), {.log = &silent}).or_throw();
  for (const auto* const topic : {"memory", "durable"}) {
    const auto found = ids(*broker, topic);
    EXPECT_EQ(found.size(), count * each / 2);
    EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), count * each / 2);
  }
}

/// The clock of the second writer is a day behind: times do not go back, nothing is old before its time.
TEST(Processes, OfWhichOnesClockWasSetBack) {
  const Folder folder;
  create(folder);
  const auto now = TimePoint{std::chrono::seconds{1'700'000'000}};
  ManualClock clock(now), behind(now - std::chrono::days{1});
  auto before = open_broker(folder.url(), {.clock = &clock, .log = &silent}).or_throw();
  auto after = open_broker(folder.url(), {.clock = &behind, .log = &silent}).or_throw();
  for (int i = 0; i < 4; ++i) {
    (void)publish(*before, "memory", std::to_string(2 * i), 600'000).or_throw();
    (void)publish(*after, "memory", std::to_string(2 * i + 1), 600'000).or_throw();
  }
  auto reader = after->subscribe("memory", {}).or_throw();
  TimePoint last{};
  std::size_t count = 0;
  while (count < 8)
    for (const auto& one : reader->fetch(10, 1s).or_throw()) {
      EXPECT_GE(one.appended, last);
      EXPECT_GE(one.appended, now);
      last = one.appended;
      ++count;
    }
  auto found = before->subscribe("memory", {.start = Start::time(now)}).or_throw();
  EXPECT_EQ(found->fetch(1, 1s).or_throw().at(0).id.offset.value, 0U);
  // By the clock that is behind nothing is older than an hour, nor by the other; two days on all but the last segment
  // is.
  for (auto* const broker : {after.get(), before.get()}) {
    broker->set_retention("memory", {.age = 1h}).or_throw();
    EXPECT_EQ(broker->topic("memory").or_throw().partitions[0].earliest.value, 0U);
  }
  clock.advance(std::chrono::days{2});
  before->set_retention("memory", {.age = 1h}).or_throw();
  EXPECT_GT(before->topic("memory").or_throw().partitions[0].earliest.value, 0U);
  // A delay is no matter of the wall's clock.
  auto member = after->subscribe("durable", {.group = "g"}).or_throw();
  (void)publish(*after, "durable", "0").or_throw();
  const auto got = member->fetch(1, 1s).or_throw();
  member->reject({&got.at(0).id, 1}, 1s).or_throw();
  behind.advance(2s);
  EXPECT_EQ(member->fetch(1, 5s).or_throw().at(0).attempt, 2);
}

std::string fill_a_disk(const std::string& path, const std::string& topic) {
  if (!keep_mounts_to_oneself() || ::mount("tidings", path.c_str(), "tmpfs", 0, "size=24m") != 0) return "skip";
  const auto broker = open_broker("log:" + path + "/log", {.log = &silent}).or_throw();
  broker->create_topic(topic, {.durability = topic == "memory" ? Durability::memory : Durability::durable}).or_throw();
  auto member = broker->subscribe(topic, {.group = "g"}).or_throw();
  const auto filler = path + "/filler";
  std::ofstream(filler) << std::string(12 << 20, 'f');
  std::uint64_t count = 0;
  std::optional<Error> full;
  for (; !full && count < 1'000; ++count)
    if (auto done = publish(*broker, topic, std::to_string(count), 100'000); !done) full = done.error();
  --count;
  if (!full || full->code != "disk_full" || full->retry != Retry::same_call)
    return "not full: " + (full ? to_string(*full) : "no error");
  // A segment took all that there is.
  struct statvfs disk{};
  if (::statvfs(path.c_str(), &disk) != 0 || disk.f_bavail * disk.f_bsize > 120'000)
    return "there is room: " + std::to_string(disk.f_bavail * disk.f_bsize);
  // Small events fit until the segment is full; then they are refused too, each time.
  for (int refused = 0; refused < 3;) {
    auto done = publish(*broker, topic, std::to_string(count), 1'000);
    if (done)
      ++count;
    else if (done.error().code != "disk_full")
      return to_string(done.error());
    else
      ++refused;
  }
  // Another topic, whose next segment is smaller, takes what is left.
  std::optional<Error> other;
  for (int i = 0; i < 1'000 && !other; ++i)
    if (auto done = publish(*broker, "other", std::to_string(i), 100'000); !done) other = done.error();
  if (!other || other->code != "disk_full") return "another topic: " + (other ? to_string(*other) : "no error");
  // Reading and settling go on, to the end.
  std::uint64_t handled = 0;
  for (int round = 0; round < 1'000 && handled < count; ++round) {
    auto got = member->fetch(100, 100ms);
    if (!got) return "reading: " + to_string(got.error());
    for (const auto& one : *got) {
      if (one.envelope.id != std::to_string(handled++))
        return "event " + std::string(one.envelope.id) + " is out of order";
      if (auto done = member->settle({&one.id, 1}); !done) return "settling: " + to_string(done.error());
    }
  }
  if (handled != count || broker->groups(topic).or_throw().at(0).lag() != 0) return "not all was handled";
  std::filesystem::remove(filler);
  for (int i = 0; i < 20; ++i, ++count)
    if (auto done = publish(*broker, topic, std::to_string(count), 100'000); !done)
      return "there is space again: " + to_string(done.error());
  const auto all = ids(*broker, topic);
  for (std::uint64_t n = 0; n < count; ++n)
    if (all.at(n) != std::to_string(n)) return "event " + std::to_string(n) + " is " + all[n];
  return all.size() == count ? "" : "there are more";
}

TEST(Processes, OnAFullDiskPublishingWaitsForSpaceAndTheRestGoesOn) {
  for (const std::string topic : {"memory", "durable"}) {
    const Folder folder;
    Process process([&] { return fill_a_disk(folder.path, topic); });
    const auto wrong = process.end();
    if (wrong == "skip") GTEST_SKIP() << "nothing may be mounted here";
    EXPECT_EQ(wrong, "") << topic;
  }
}

}  // namespace
}  // namespace tidings::crash
