// Processes that write and read one log are killed with SIGKILL at random moments, or leave, and others go on.
// TORTURE_SEED replays the choices (not the scheduler's), TORTURE_ROUNDS says how many kills. Every 50 of them have a
// log of their own, whose segments are small in the beginning: batches larger than a segment, and rolls, are then met
// often. In every second log each process is the first of a PID namespace of its own, where that is allowed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "process.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/log/verify.hpp"
#include "torture.hpp"

namespace tidings {
namespace {

using namespace std::chrono_literals;

constexpr const char* topics[] = {"in-memory", "durable"};
constexpr std::uint32_t partitions = 3;
constexpr std::uint64_t kills_a_log = 50;

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

/// Publishes batches, each to one partition, until it is killed; tells each place after it was acknowledged.
[[noreturn]] void write_until_killed(const std::string& url, std::uint64_t incarnation, std::uint64_t seed, int pipe) {
  SeededEntropy entropy(seed);
  auto broker = must(open_broker(url));
  std::uint64_t next[2][partitions] = {};
  while (true) {
    const auto which = entropy.below(2);
    const auto partition = static_cast<std::uint32_t>(entropy.below(partitions));
    const auto size = 1 + entropy.below(6);
    const bool is_large = entropy.below(40) == 0;  // up to 5 MiB, where a first segment has 1
    std::vector<Envelope> batch(size);
    std::vector<EnvelopeView> views;
    for (std::uint64_t i = 0; i < size; ++i) {
      batch[i].id = std::to_string(incarnation) + "/" + std::to_string(next[which][partition] + i);
      batch[i].type = std::to_string(i + 1) + " of " + std::to_string(size);
      batch[i].payload.assign(entropy.below(is_large ? 1'000'000 : 3'000), static_cast<char>('a' + entropy.below(26)));
      views.push_back(batch[i].view());
    }
    auto places = broker->publish(topics[which], views, {.partition = Partition{partition}});
    // `busy` says that nothing was written: a machine that stood still meanwhile, or a writer that got no processor.
    while (!places && places.error().code == "busy")
      places = broker->publish(topics[which], views, {.partition = Partition{partition}});
    must(places);
    next[which][partition] += size;
    for (std::uint64_t i = 0; i < size; ++i)
      say(pipe, "A " + std::to_string(which) + " " + std::to_string(partition) + " " +
                    std::to_string((*places)[i].offset.value) + " " + batch[i].id + "\n");
    ::usleep(static_cast<useconds_t>(entropy.below(400)));
  }
}

volatile std::sig_atomic_t is_told_to_leave = 0;

/// Handles both topics as a member of one group until it is killed, or leaves; tells each event before it is settled,
/// and again after.
[[noreturn]] void read_until_killed(const std::string& url, std::uint64_t seed, int pipe) {
  std::signal(SIGTERM, [](int) { is_told_to_leave = 1; });
  SeededEntropy entropy(seed);
  auto broker = must(open_broker(url));
  std::vector<std::unique_ptr<Consumer>> consumers;
  for (const auto* const topic : topics) consumers.push_back(must(broker->subscribe(topic, {.group = "group"})));
  while (is_told_to_leave == 0)
    for (std::size_t which = 0; which < 2; ++which) {
      const auto got = must(consumers[which]->fetch(1 + entropy.below(50), 2ms));
      std::vector<DeliveryId> ids;
      const auto tell = [&](char what, const DeliveryId& id) {
        say(pipe, std::string(1, what) + " " + std::to_string(which) + " " + std::to_string(id.partition.value) + " " +
                      std::to_string(id.offset.value) + " " + std::to_string(id.generation) + "\n");
      };
      for (const auto& delivery : got) {
        tell('H', delivery.id);
        ids.push_back(delivery.id);
      }
      must(consumers[which]->settle(ids));  // nobody is slow here: no partition goes away with something in flight
      for (const auto& id : ids) tell('S', id);
    }
  must(broker->close(10s));
  ::_exit(0);
}

struct Processes {
  std::string url;
  int pipe[2] = {-1, -1};
  std::map<pid_t, bool> alive;  // whether it is a writer
  std::uint64_t incarnations = 0;
  std::string heard;
  bool are_namesakes = false;  // each is process 1 of its own namespace

  void start(bool is_writer, std::uint64_t seed) {
    const auto incarnation = incarnations++;
    auto pid = are_namesakes ? crash::fork_into_namespace() : -1;
    if (pid < 0) {
      are_namesakes = false;  // not allowed
      pid = ::fork();
    }
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

  /// A reader gives back what it has, and ends.
  void let_leave(pid_t pid) {
    int status = 0;
    // The first of a namespace is not told before it listens.
    for (pid_t ended = 0; ended == 0; listen(1ms)) {
      ::kill(pid, SIGTERM);
      ASSERT_GE(ended = ::waitpid(pid, &status, WNOHANG), 0);
    }
    // Told before it could listen, it ends at once.
    EXPECT_TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)) << "status " << status;
    alive.erase(pid);
  }
};

struct Handled {
  std::uint64_t offset;
  std::uint64_t generation;
};

struct Told {
  std::map<std::uint64_t, std::string> acknowledged;  // offset: id
  std::vector<Handled> handled;                       // as it was told
  std::vector<Handled> settled;
};

using AllTold = std::array<std::array<Told, partitions>, 2>;

AllTold parse(const std::string& heard) {
  AllTold told;
  for (std::size_t begin = 0; begin < heard.size();) {
    const auto end = heard.find('\n', begin);
    if (end == heard.npos) break;
    char kind = 0;
    unsigned long long which = 0, partition = 0, offset = 0;
    char word[64] = {};
    const auto line = heard.substr(begin, end - begin);  // sscanf measures its whole text first
    if (std::sscanf(line.c_str(), "%c %llu %llu %llu %63s", &kind, &which, &partition, &offset, word) == 5) {
      auto& one = told.at(which).at(partition);
      if (kind == 'A') {
        const auto [place, fresh] = one.acknowledged.emplace(offset, word);
        EXPECT_TRUE(fresh) << "offset " << offset << " of " << topics[which] << " was acknowledged twice";
      } else {
        (kind == 'H' ? one.handled : one.settled).push_back({offset, std::strtoull(word, nullptr, 10)});
      }
    }
    begin = end + 1;
  }
  return told;
}

/// What stands in one partition, event by event.
class Sequence {
 public:
  explicit Sequence(const Told& told) : told_(told) {}
  [[nodiscard]] std::uint64_t end() const { return offset_; }
  [[nodiscard]] bool is_whole() const { return in_batch_ == of_batch_; }

  void take(const Delivery& delivery) {
    ASSERT_EQ(delivery.id.offset.value, offset_) << "offsets are dense";
    const std::string id(delivery.envelope.id);
    const auto slash = id.find('/');
    ASSERT_NE(slash, id.npos);
    const auto writer = id.substr(0, slash);
    ASSERT_EQ(id.substr(slash + 1), std::to_string(next_[writer]++)) << "a writer's order is kept, without gaps";
    if (const auto known = told_.acknowledged.find(offset_); known != told_.acknowledged.end()) {
      ASSERT_EQ(known->second, id);
    }
    unsigned long long number = 0, size = 0;
    ASSERT_EQ(std::sscanf(std::string(delivery.envelope.type).c_str(), "%llu of %llu", &number, &size), 2);
    if (number == 1) {
      ASSERT_TRUE(is_whole()) << "a batch before offset " << offset_ << " is not whole";
      in_batch_ = 0, of_batch_ = size, batch_writer_ = writer;
    }
    ASSERT_EQ(number, ++in_batch_) << "offset " << offset_;
    ASSERT_EQ(batch_writer_, writer);
    ++offset_;
  }

 private:
  const Told& told_;
  std::map<std::string, std::uint64_t> next_;  // by writer
  std::uint64_t offset_ = 0, of_batch_ = 0, in_batch_ = 0;
  std::string batch_writer_;
};

/// One holder of the partition after another: each goes on where the one before stopped, at what is not settled, and
/// leaves nothing out; the one before does nothing any more.
void check_order(const Told& told) {
  struct Hold {
    std::uint64_t first = 0, last = 0, settled_end = 0;
  };
  std::map<std::uint64_t, Hold> holds;  // by generation
  std::uint64_t newest = 0;
  for (const auto& one : told.handled) {
    ASSERT_GE(one.generation, newest) << "offset " << one.offset << " was handled by a holder of the past";
    newest = one.generation;
    const auto [hold, begins] = holds.try_emplace(one.generation, Hold{one.offset, one.offset, 0});
    if (!begins) {
      ASSERT_EQ(one.offset, ++hold->second.last) << "out of order within one hold";
    }
  }
  for (const auto& one : told.settled) {
    auto& hold = holds.at(one.generation);
    hold.settled_end = std::max(hold.settled_end, one.offset + 1);
  }
  std::uint64_t handled_end = 0, settled_end = 0;
  for (const auto& [generation, hold] : holds) {
    ASSERT_LE(hold.first, handled_end) << "events were left out by generation " << generation;
    ASSERT_GE(hold.first, settled_end) << "what was settled came again in generation " << generation;
    handled_end = std::max(handled_end, hold.last + 1);
    settled_end = std::max(settled_end, hold.settled_end);
  }
}

void check_topic(Broker& broker, std::size_t which, const AllTold& all) {
  const auto& told = all.at(which);
  const auto info = broker.topic(topics[which]).or_throw();
  auto reader = broker.subscribe(topics[which], {}).or_throw();
  std::vector<Sequence> sequences;
  for (const auto& one : told) sequences.emplace_back(one);
  std::uint64_t missing = 0;
  for (const auto& one : info.partitions) missing += one.end.value;
  while (missing > 0) {
    const auto got = reader->fetch(1000, 10s).or_throw();
    ASSERT_FALSE(got.empty());
    for (const auto& delivery : got) {
      ASSERT_NO_FATAL_FAILURE(sequences.at(delivery.id.partition.value).take(delivery));
      --missing;
    }
  }
  for (std::uint32_t number = 0; number < partitions; ++number) {
    EXPECT_TRUE(sequences[number].is_whole()) << "the last batch is not whole";
    const auto& acknowledged = told.at(number).acknowledged;
    if (!acknowledged.empty()) {
      EXPECT_LT(acknowledged.rbegin()->first, sequences[number].end()) << "an acknowledged event is lost";
    }
    ASSERT_NO_FATAL_FAILURE(check_order(told.at(number))) << topics[which] << "/" << number;
  }

  // The group goes on after all those deaths, and its record accounts for every event.
  auto member = broker.subscribe(topics[which], {.group = "group"}).or_throw();
  std::array<std::set<std::uint64_t>, partitions> handled;
  for (std::uint32_t number = 0; number < partitions; ++number)
    for (const auto& one : told.at(number).handled) handled.at(number).insert(one.offset);
  const auto group = [&] { return broker.groups(topics[which]).or_throw().at(0); };
  for (const auto until = std::chrono::steady_clock::now() + 60s;
       group().lag() > 0 && std::chrono::steady_clock::now() < until;) {
    std::vector<DeliveryId> ids;
    for (const auto& delivery : member->fetch(1000, 100ms).or_throw()) {
      ids.push_back(delivery.id);
      handled.at(delivery.id.partition.value).insert(delivery.id.offset.value);
    }
    member->settle(ids).or_throw();
  }
  for (const auto& one : group().partitions) {
    const auto end = sequences.at(one.partition.value).end();
    EXPECT_EQ(one.position.value, end);
    EXPECT_EQ(one.handled, end);
    EXPECT_EQ(handled.at(one.partition.value).size(), end) << "an event was never handled";
  }
}

/// Nothing that a kill leaves behind is damage, whoever goes on with it meanwhile. This opens no log: forking goes on.
void check_files(const std::string& path) {
  log::VerifyOptions options;
  options.on_finding = [](const log::Finding& finding) {
    EXPECT_NE(finding.severity, log::Severity::error)
        << finding.code << ": " << finding.file << " byte " << finding.byte.value_or(0) << ": " << finding.why;
  };
  (void)log::verify_log(path, options).or_throw();
}

/// So many kills over a log of their own.
void kill_and_check(std::uint64_t kills, bool are_namesakes, SeededEntropy& entropy, std::size_t (&acknowledged)[2]) {
  auto folder = (std::filesystem::temp_directory_path() / "tidings-crash-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Processes processes;
  processes.are_namesakes = are_namesakes;
  processes.url = "log:" + folder + "/log";
  ASSERT_EQ(::pipe2(processes.pipe, O_CLOEXEC), 0);
  ::fcntl(processes.pipe[0], F_SETPIPE_SZ, 1 << 20);
  // The log is opened by the children only: who opens it must not fork.
  if (const pid_t pid = ::fork(); pid == 0) {
    auto broker = must(open_broker(processes.url));
    must(broker->create_topic(topics[0], {.partitions = partitions, .durability = Durability::memory}));
    must(broker->create_topic(topics[1], {.partitions = partitions, .durability = Durability::durable}));
    broker.reset();
    ::_exit(0);
  } else {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0);
  }
  constexpr int writers = 8, readers = 4;
  for (int i = 0; i < writers + readers; ++i) processes.start(i < writers, entropy.next());
  for (std::uint64_t round = 0; round < kills && !testing::Test::HasFailure(); ++round) {
    processes.listen(std::chrono::microseconds{entropy.below(25'000)});
    auto victim = processes.alive.begin();
    std::advance(victim, static_cast<std::ptrdiff_t>(entropy.below(processes.alive.size())));
    const bool is_writer = victim->second;
    if (!is_writer && entropy.below(2) == 0)
      processes.let_leave(victim->first);
    else
      processes.kill(victim->first);
    check_files(folder + "/log");
    processes.start(is_writer, entropy.next());
  }
  processes.listen(200ms);
  while (!processes.alive.empty()) processes.kill(processes.alive.begin()->first);
  ::close(processes.pipe[1]);
  processes.listen(10ms);
  ::close(processes.pipe[0]);
  const auto told = parse(processes.heard);
  check_files(folder + "/log");
  {
    auto broker = open_broker(processes.url).or_throw();
    for (std::size_t which = 0; which < 2; ++which) {
      check_topic(*broker, which, told);
      for (const auto& one : told.at(which)) acknowledged[which] += one.acknowledged.size();
    }
  }
  if (!testing::Test::HasFailure())
    std::filesystem::remove_all(folder);
  else
    std::printf("the log is kept in %s\n", folder.c_str());
}

TEST(Crash, NothingAcknowledgedIsLostWhoeverIsKilled) {
  const auto torture = crash::Torture::from_environment(150);
  const auto rounds = torture.rounds;
  torture.print("kills");
  SeededEntropy entropy(torture.seed);
  std::size_t acknowledged[2] = {0, 0};
  for (std::uint64_t done = 0; done < rounds && !testing::Test::HasFailure(); done += kills_a_log)
    kill_and_check(std::min(kills_a_log, rounds - done), done / kills_a_log % 2 == 1, entropy, acknowledged);
  std::printf("%zu and %zu events were acknowledged\n", acknowledged[0], acknowledged[1]);
  EXPECT_GT(acknowledged[0], rounds);
  EXPECT_GT(acknowledged[1], rounds);
}

}  // namespace
}  // namespace tidings
