// Processes that write and read one log are killed with SIGKILL at random moments, and others go on. TIDINGS_SEED
// replays the choices (not the scheduler's), TIDINGS_ROUNDS says how many kills.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tidings/base/entropy.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings {
namespace {

using namespace std::chrono_literals;

constexpr const char* topics[] = {"in-memory", "durable"};

std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

/// Ends the child at once, without destructors or exit handlers of the test.
[[noreturn]] void give_up(const Error& error) {
  const auto text = "child failed: " + to_string(error) + "\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(3);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void say(int pipe, const std::string& line) {
  if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(4);
}

/// Publishes batches to both topics until it is killed; tells each place after it was acknowledged.
[[noreturn]] void write_until_killed(const std::string& url, std::uint64_t incarnation, std::uint64_t seed, int pipe) {
  SeededEntropy entropy(seed);
  auto broker = must(open_broker(url));
  std::uint64_t next[2] = {0, 0};
  while (true) {
    const auto which = entropy.below(2);
    const auto size = 1 + entropy.below(6);
    std::vector<Envelope> batch(size);
    std::vector<EnvelopeView> views;
    for (std::uint64_t i = 0; i < size; ++i) {
      batch[i].id = std::to_string(incarnation) + "/" + std::to_string(next[which] + i);
      batch[i].type = std::to_string(i + 1) + " of " + std::to_string(size);
      batch[i].payload.assign(entropy.below(3'000), static_cast<char>('a' + entropy.below(26)));
      views.push_back(batch[i].view());
    }
    const auto places = must(broker->publish(topics[which], views));
    next[which] += size;
    for (std::uint64_t i = 0; i < size; ++i)
      say(pipe, "A " + std::to_string(which) + " " + std::to_string(places[i].offset.value) + " " + batch[i].id + "\n");
    ::usleep(static_cast<useconds_t>(entropy.below(400)));
  }
}

/// Handles both topics as a member of one group until it is killed; tells each event before it is settled, and its
/// generation.
[[noreturn]] void read_until_killed(const std::string& url, std::uint64_t seed, int pipe) {
  SeededEntropy entropy(seed);
  auto broker = must(open_broker(url));
  std::vector<std::unique_ptr<Consumer>> consumers;
  for (const auto* const topic : topics) consumers.push_back(must(broker->subscribe(topic, {.group = "group"})));
  while (true)
    for (std::size_t which = 0; which < 2; ++which) {
      const auto got = must(consumers[which]->fetch(1 + entropy.below(50), 2ms));
      std::vector<DeliveryId> ids;
      for (const auto& delivery : got) {
        say(pipe, "H " + std::to_string(which) + " " + std::to_string(delivery.id.offset.value) + " " +
                      std::to_string(delivery.id.generation) + "\n");
        ids.push_back(delivery.id);
      }
      if (auto settled = consumers[which]->settle(ids); !settled && settled.error().code != "not_owner")
        give_up(settled.error());
    }
}

struct Processes {
  std::string url;
  int pipe[2] = {-1, -1};
  std::map<pid_t, bool> alive;  // whether it is a writer
  std::uint64_t incarnations = 0;
  std::string heard;

  void start(bool is_writer, std::uint64_t seed) {
    const auto incarnation = incarnations++;
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      ::close(pipe[0]);
      if (is_writer) write_until_killed(url, incarnation, seed, pipe[1]);
      read_until_killed(url, seed, pipe[1]);
    }
    alive[pid] = is_writer;
  }

  /// Reads what the processes say, for that long.
  void listen(Duration time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (true) {
      const auto left =
          std::chrono::duration_cast<std::chrono::microseconds>(until - std::chrono::steady_clock::now()).count();
      pollfd one{pipe[0], POLLIN, 0};
      const timespec wait{0, std::max<long>(left, 0) * 1000};
      if (::ppoll(&one, 1, &wait, nullptr) <= 0 && left <= 0) return;
      if (one.revents == 0) continue;
      char buffer[65536];
      const auto got = ::read(pipe[0], buffer, sizeof buffer);
      if (got <= 0) return;  // all of them are gone
      heard.append(buffer, static_cast<std::size_t>(got));
    }
  }

  void kill(pid_t pid) {
    ::kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "a process ended by itself, status " << status;
    alive.erase(pid);
  }
};

struct Told {
  std::map<std::uint64_t, std::string> acknowledged[2];  // offset: id
  std::set<std::uint64_t> handled[2];
};

Told parse(const std::string& heard) {
  Told told;
  for (std::size_t begin = 0; begin < heard.size();) {
    const auto end = heard.find('\n', begin);
    if (end == heard.npos) break;
    char kind = 0;
    unsigned long long which = 0, offset = 0;
    char word[64] = {};
    const auto line = heard.substr(begin, end - begin);  // sscanf measures its whole text first
    if (std::sscanf(line.c_str(), "%c %llu %llu %63s", &kind, &which, &offset, word) == 4) {
      if (kind == 'A') {
        const auto [place, fresh] = told.acknowledged[which].emplace(offset, word);
        EXPECT_TRUE(fresh) << "offset " << offset << " of " << topics[which] << " was acknowledged twice";
      } else {
        told.handled[which].insert(offset);
      }
    }
    begin = end + 1;
  }
  return told;
}

void check_topic(Broker& broker, std::size_t which, const Told& told) {
  const auto info = broker.topic(topics[which]).or_throw();
  const auto end = info.partitions.at(0).end.value;
  auto reader = broker.subscribe(topics[which], {}).or_throw();
  std::map<std::string, std::uint64_t> next;  // by incarnation
  std::uint64_t offset = 0, of_batch = 0, in_batch = 0;
  std::string batch_owner;
  while (offset < end) {
    const auto got = reader->fetch(1000, 10s).or_throw();
    ASSERT_FALSE(got.empty());
    for (const auto& delivery : got) {
      ASSERT_EQ(delivery.id.offset.value, offset) << "offsets are dense";
      const std::string id(delivery.envelope.id);
      const auto slash = id.find('/');
      ASSERT_NE(slash, id.npos);
      ASSERT_EQ(id.substr(slash + 1), std::to_string(next[id.substr(0, slash)]++))
          << "a writer's order is kept, without gaps";
      if (const auto known = told.acknowledged[which].find(offset); known != told.acknowledged[which].end()) {
        ASSERT_EQ(known->second, id);
      }
      unsigned long long number = 0, size = 0;
      ASSERT_EQ(std::sscanf(std::string(delivery.envelope.type).c_str(), "%llu of %llu", &number, &size), 2);
      if (number == 1) {
        ASSERT_EQ(in_batch, of_batch) << "a batch before offset " << offset << " is not whole";
        in_batch = 0, of_batch = size, batch_owner = id.substr(0, slash);
      }
      ASSERT_EQ(number, ++in_batch) << "offset " << offset;
      ASSERT_EQ(batch_owner, id.substr(0, slash));
      ++offset;
    }
  }
  EXPECT_EQ(in_batch, of_batch) << "the last batch is not whole";
  if (!told.acknowledged[which].empty()) {
    EXPECT_LT(told.acknowledged[which].rbegin()->first, end) << "an acknowledged event is lost";
  }

  // The group goes on after all those deaths, and its record accounts for every event.
  auto member = broker.subscribe(topics[which], {.group = "group"}).or_throw();
  auto handled = told.handled[which];
  const auto position = [&] { return broker.groups(topics[which]).or_throw().at(0).partitions.at(0); };
  for (const auto until = std::chrono::steady_clock::now() + 60s;
       position().position.value < end && std::chrono::steady_clock::now() < until;) {
    const auto got = member->fetch(1000, 100ms).or_throw();
    std::vector<DeliveryId> ids;
    for (const auto& delivery : got) ids.push_back(delivery.id), handled.insert(delivery.id.offset.value);
    member->settle(ids).or_throw();
  }
  EXPECT_EQ(position().position.value, end);
  EXPECT_EQ(position().handled, end);
  EXPECT_EQ(handled.size(), end) << "an event was never handled";
}

TEST(Crash, NothingAcknowledgedIsLostWhoeverIsKilled) {
  const auto seed = number_from("TIDINGS_SEED", 1);
  const auto rounds = number_from("TIDINGS_ROUNDS", 300);
  std::printf("seed %llu, %llu kills\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(rounds));
  SeededEntropy entropy(seed);
  auto folder = (std::filesystem::temp_directory_path() / "tidings-crash-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Processes processes;
  processes.url = "log:" + folder + "/log";
  ASSERT_EQ(::pipe2(processes.pipe, O_CLOEXEC), 0);
  ::fcntl(processes.pipe[0], F_SETPIPE_SZ, 1 << 20);
  // The log is opened by the children only: who opens it must not fork.
  if (const pid_t pid = ::fork(); pid == 0) {
    auto broker = must(open_broker(processes.url));
    must(broker->create_topic(topics[0], {.durability = Durability::memory}));
    must(broker->create_topic(topics[1], {.durability = Durability::durable}));
    broker.reset();
    ::_exit(0);
  } else {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0);
  }
  for (int i = 0; i < 6; ++i) processes.start(i < 4, entropy.next());
  for (std::uint64_t round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    processes.listen(std::chrono::microseconds{entropy.below(25'000)});
    auto victim = processes.alive.begin();
    std::advance(victim, static_cast<std::ptrdiff_t>(entropy.below(processes.alive.size())));
    const bool is_writer = victim->second;
    processes.kill(victim->first);
    processes.start(is_writer, entropy.next());
  }
  processes.listen(200ms);
  while (!processes.alive.empty()) processes.kill(processes.alive.begin()->first);
  ::close(processes.pipe[1]);
  processes.listen(10ms);
  const auto told = parse(processes.heard);
  std::printf("%zu and %zu events were acknowledged\n", told.acknowledged[0].size(), told.acknowledged[1].size());
  EXPECT_GT(told.acknowledged[0].size(), rounds);
  EXPECT_GT(told.acknowledged[1].size(), rounds);
  {
    auto broker = open_broker(processes.url).or_throw();
    for (std::size_t which = 0; which < 2; ++which) check_topic(*broker, which, told);
  }
  ::close(processes.pipe[0]);
  if (!testing::Test::HasFailure())
    std::filesystem::remove_all(folder);
  else
    std::printf("the log is kept in %s\n", folder.c_str());
}

}  // namespace
}  // namespace tidings
