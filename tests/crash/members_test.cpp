// Members of one group in several processes: what a process held that was killed goes to another at once, because the
// kernel says so and not because somebody looks at intervals.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "brokers/log/member.hpp"
#include "log/faulty_files.hpp"
#include "process.hpp"
#include "stepping.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings::crash {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;
constexpr int rounds = 7;

struct Remembering final : LogSink {
  void write(LogLevel, std::string_view line) override {
    const std::scoped_lock lock(mutex);
    lines.emplace_back(line);
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};
Remembering said;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

/// False: not within a time that is longer than any of it takes.
template <class Condition>
bool wait_until(Condition is_so) {
  for (const auto until = now() + patience; !is_so(); std::this_thread::sleep_for(200us))
    if (now() > until) return false;
  return true;
}

/// What the processes of one test tell each other.
struct Told {
  std::atomic<bool> is_ready;
  std::atomic<int> in_hand;     ///< the event that the one which will be killed has, and does not settle
  std::atomic<int> taken_over;  ///< the same, at the other
  std::atomic<std::int64_t> taken_over_at;
};

int number(const Delivery& one) {
  return std::stoi(std::string(one.envelope.id));
}

struct Survivor {
  int members = 1;  ///< of a group each; the first is that of the one which is killed
  bool hears = true;
  bool forks = false;  ///< a child that gives all handles up
};

/// Takes over what it gets, round after round. With `hears` it never looks at its group unless somebody tells it to.
std::string survive(const Folder& folder, Told& told, const Survivor& how) {
  if (how.hears) brokers::log::look_at_group_every.store(1h);
  log::FaultyFiles files;
  files.skip_syncs();  // a thousand groups are made
  if (!how.hears)
    files.fail([](const auto& call) {
      return call.name == "watch_closes" ? std::optional{log::too_many_files()} : std::nullopt;
    });
  auto broker = open_broker(folder.url(), {.log = &said, .files = &files}).or_throw();
  std::vector<std::unique_ptr<Consumer>> all;
  all.reserve(static_cast<std::size_t>(how.members));
  for (int i = 0; i < how.members; ++i)
    all.push_back(broker->subscribe("t", {.group = i == 0 ? "g" : "g" + std::to_string(i)}).or_throw());
  if (how.forks) {
    const pid_t child = ::fork();
    if (child == 0) {
      all.clear();
      broker.reset();
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
  }
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < all.size(); ++i)
    others.emplace_back([&consumer = *all[i]](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const auto got = consumer.fetch(10, patience).or_throw();
        for (const auto& one : got) consumer.settle({&one.id, 1}).or_throw();
      }
    });
  told.is_ready = true;
  while (told.taken_over < rounds)
    for (const auto& one : all.front()->fetch(1, patience).or_throw()) {
      told.taken_over_at = now().time_since_epoch().count();
      all.front()->settle({&one.id, 1}).or_throw();
      told.taken_over = number(one);
    }
  for (auto& one : others) one.request_stop();
  for (auto& one : all) one->wake();
  const auto warned = std::ranges::count_if(
      said.lines, [](const std::string& line) { return line.find("look for the deaths of others") != line.npos; });
  if (warned != (how.hears ? 0 : 1)) return "it warned " + std::to_string(warned) + " times";
  return "";
}

/// Gets one of the two partitions, publishes to it, has the event in hand, and waits for its end.
std::string hold(const Folder& folder, Told& told, int round, bool forks) {
  auto broker = open_broker(folder.url(), {.log = &said}).or_throw();
  auto consumer = broker->subscribe("t", {.group = "g"}).or_throw();
  for (const auto until = now() + patience; consumer->assignment().empty();) {
    if (now() > until) return "it gets no partition";
    if (!consumer->fetch(1, 10ms).or_throw().empty()) return "there is an event before its time";
  }
  const auto id = std::to_string(round);
  const EnvelopeView event{.id = id, .type = "t", .payload = "p"};
  broker->publish("t", {&event, 1}, {.partition = consumer->assignment().front()}).or_throw();
  const auto got = consumer->fetch(1, patience).or_throw();
  if (got.size() != 1 || number(got.front()) != round) return "it does not get its event";
  if (forks && ::fork() == 0) {
    ::alarm(60);
    for (const int output : {STDOUT_FILENO, STDERR_FILENO}) ::close(output);
    while (true) ::pause();
  }
  told.in_hand = round;
  while (true) ::pause();
}

/// Kills one after another, and wants that the survivor gets what each had in hand.
void take_over(const Survivor& survivor, bool holders_fork = false) {
  const Folder folder;
  EXPECT_EQ(Process([&] {
              auto broker = open_broker(folder.url(), {.log = &said}).or_throw();
              broker->create_topic("t", {.partitions = 2, .durability = Durability::memory}).or_throw();
              return std::string();
            }).end(),
            "");
  const SharedPage page;
  auto& told = page.as<Told>();
  Process other([&] { return survive(folder, told, survivor); });
  EXPECT_TRUE(wait_until([&] { return told.is_ready.load(); }));
  std::vector<Duration> times;
  for (int round = 1; round <= rounds && !testing::Test::HasFailure(); ++round) {
    Process holder([&] { return hold(folder, told, round, holders_fork); });
    EXPECT_TRUE(wait_until([&] { return told.in_hand == round; }));
    std::this_thread::sleep_for(10ms);  // all that was said before is over
    const auto killed = now();
    holder.kill_and_wait();
    EXPECT_TRUE(wait_until([&] { return told.taken_over == round; })) << "nobody takes over, in round " << round;
    times.push_back(Duration{told.taken_over_at.load()} - killed.time_since_epoch());
  }
  if (testing::Test::HasFailure()) return;
  EXPECT_EQ(other.end(), "");
  std::ranges::sort(times);
  const auto ms = [](Duration time) { return static_cast<double>(time.count()) / 1e6; };
  std::printf("%d members: %.1f to %.1f ms, in the middle %.1f\n", survivor.members, ms(times.front()),
              ms(times.back()), ms(times[times.size() / 2]));
}

TEST(Members, TakeOverFromAProcessThatIsKilledWithoutLookingAtIntervals) {
  take_over({});
}

TEST(Members, TakeOverLikewiseAmongAThousandOfTheirProcess) {
  take_over({.members = 1'000});
}

TEST(Members, TakeOverFromAProcessWhoseChildLivesOn) {
  take_over({}, true);
}

TEST(Members, TakeOverAlsoOnceAChildHasGivenItsCopiesUp) {
  take_over({.forks = true});
}

TEST(Members, TakeOverByLookingWhereNobodyTellsThemAndSaySoOnce) {
  take_over({.members = 3, .hears = false});
}

int count_in(const char* folder) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// And each broker that has any, one that syncs where they stand, until it is closed.
TEST(Members, HaveOneWatcherAProcessFromTheFirstToTheLast) {
  const Folder folder;
  auto broker = open_broker(folder.url(), {.log = &said}).or_throw();
  broker->create_topic("t", {}).or_throw();
  auto reader = broker->subscribe("t", {}).or_throw();
  const auto threads = count_in("/proc/self/task");
  {
    std::vector<std::unique_ptr<Consumer>> all;
    for (const auto* const group : {"a", "a", "b"}) all.push_back(broker->subscribe("t", {.group = group}).or_throw());
    EXPECT_EQ(count_in("/proc/self/task"), threads + 1 + 1);
    auto again = open_broker(folder.url(), {.log = &said}).or_throw();
    auto other = again->subscribe("t", {.group = "c"}).or_throw();
    EXPECT_EQ(count_in("/proc/self/task"), threads + 1 + 2);
    const auto before = count_in("/proc/self/fd");
    const auto child = ::fork();
    if (child == 0) ::_exit(before - count_in("/proc/self/fd"));
    int status = 0;
    ::waitpid(child, &status, 0);
    // `slots.lock`, the groups' files of four members, `openers.lock` of two brokers; and what the watch takes.
    EXPECT_EQ(WEXITSTATUS(status), 1 + 4 + 2 + 2);
  }
  EXPECT_EQ(count_in("/proc/self/task"), threads + 1);
  EXPECT_EQ(reader->fetch(1, 1ms).or_throw().size(), 0U);
}

}  // namespace
}  // namespace tidings::crash
