// Publishers with an id are killed at random moments; each successor sends again what it does not know about.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <set>

#include "tidings/base/entropy.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/log/verify.hpp"

namespace tidings::brokers {

BrokerFactory log_factory();

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t publishers = 3;

/// From `next` on, in batches over all partitions; says what was acknowledged. Ends only by a kill.
[[noreturn]] void publish_until_killed(const std::string& url, std::uint64_t id, std::uint32_t epoch,
                                       std::uint64_t next, std::uint64_t seed, int pipe) {
  SeededEntropy entropy(seed);
  auto broker = log_factory().open(url, {});
  if (!broker) ::_exit(3);
  while (true) {
    std::vector<Envelope> batch(1 + entropy.below(5));
    std::vector<EnvelopeView> views;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      batch[i].id = std::to_string(id) + "/" + std::to_string(next + i);
      batch[i].type = "t";
      batch[i].key = "key-" + std::to_string((next + i) % 5);
      batch[i].payload.assign(entropy.below(100) == 0 ? 400'000 : 2'000, 'x');
      views.push_back(batch[i].view());
    }
    auto places =
        (*broker)->publish("orders", views, {.producer = Producer{.id = id, .epoch = epoch, .sequence = next}});
    if (!places) {
      const auto text = to_string(places.error()) + "\n";
      (void)!::write(STDERR_FILENO, text.data(), text.size());
      ::_exit(4);
    }
    next += batch.size();
    const std::uint64_t said[2] = {id, next};
    if (::write(pipe, said, sizeof said) != sizeof said) ::_exit(5);
  }
}

void kill_publishers(Durability durability, int kills) {
  auto folder = (std::filesystem::temp_directory_path() / "tidings-producers-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto url = "log:" + folder;
  SeededEntropy entropy(7);
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  std::map<std::uint64_t, pid_t> alive;
  std::map<std::uint64_t, std::uint64_t> acknowledged;
  std::uint32_t epoch = 0;
  const auto start = [&](std::uint64_t id) {
    ++epoch;
    // It knows what its predecessor knew, and a little less.
    const auto from = acknowledged[id] - std::min<std::uint64_t>(acknowledged[id], entropy.below(4));
    const auto seed = entropy.next();
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also where the test ends early
    if (pid == 0) publish_until_killed(url, id, epoch, from, seed, pipe[1]);
    alive[id] = pid;
  };
  {
    auto made = ::fork();
    if (made == 0) {
      auto broker = log_factory().open(url, {});
      ::_exit(broker && (*broker)->create_topic("orders", {.partitions = 2, .durability = durability}) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(made, &status, 0), made);
    ASSERT_EQ(status, 0);
  }
  for (std::uint64_t id = 1; id <= publishers; ++id) start(id);
  for (int round = 0; round < kills; ++round) {
    ::usleep(static_cast<useconds_t>(4'000 + entropy.below(16'000)));
    const auto id = 1 + entropy.below(publishers);
    ::kill(alive[id], SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(alive[id], &status, 0), alive[id]);
    ASSERT_TRUE(WIFSIGNALED(status)) << "a publisher ended by itself, status " << status;
    // All that was said so far; the others go on.
    std::uint64_t said[2];
    for (timeval none{}; true;) {
      fd_set set;
      FD_ZERO(&set);
      FD_SET(pipe[0], &set);
      if (::select(pipe[0] + 1, &set, nullptr, nullptr, &none) != 1) break;
      ASSERT_EQ(::read(pipe[0], said, sizeof said), ssize_t{sizeof said});
      acknowledged[said[0]] = std::max(acknowledged[said[0]], said[1]);
    }
    start(id);
  }
  for (const auto& [id, pid] : alive) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  ::close(pipe[0]);
  ::close(pipe[1]);

  auto broker = log_factory().open(url, {}).or_throw();
  std::uint64_t count = 0;
  for (const auto& one : broker->topic("orders").or_throw().partitions) count += one.end.value;
  auto reader = broker->subscribe("orders", {}).or_throw();
  std::map<std::uint64_t, std::set<std::uint64_t>> seen;
  std::map<std::pair<std::uint64_t, std::string>, std::uint64_t> last;
  for (std::uint64_t read = 0; read < count;) {
    for (const auto& delivery : reader->fetch(1'000, 10s).or_throw()) {
      unsigned long long id = 0, sequence = 0;
      ASSERT_EQ(std::sscanf(std::string(delivery.envelope.id).c_str(), "%llu/%llu", &id, &sequence), 2);
      ASSERT_TRUE(seen[id].insert(sequence).second) << delivery.envelope.id << " stands there twice";
      auto& before = last[{id, std::string(delivery.envelope.key)}];
      ASSERT_LT(before, sequence + 1) << "the order of a key is lost";
      before = sequence + 1;
      ++read;
    }
  }
  for (const auto& [id, next] : acknowledged) {
    ASSERT_GT(next, 0U) << "publisher " << id << " came to nothing";
    for (std::uint64_t sequence = 0; sequence < next; ++sequence)
      ASSERT_TRUE(seen[id].contains(sequence)) << id << "/" << sequence << " was acknowledged and is not there";
  }
  reader.reset();
  broker.reset();
  tidings::log::VerifyOptions options;
  options.on_finding = [](const tidings::log::Finding& finding) {
    EXPECT_NE(finding.severity, tidings::log::Severity::error) << finding.code << ": " << finding.why;
  };
  (void)tidings::log::verify_log(folder, options).or_throw();
  std::filesystem::remove_all(folder);
}

TEST(KilledProducers, ComeToEachEventOnceInMemory) {
  kill_publishers(Durability::memory, 60);
}
TEST(KilledProducers, ComeToEachEventOnceOnTheDevice) {
  kill_publishers(Durability::durable, 60);
}

}  // namespace
}  // namespace tidings::brokers
