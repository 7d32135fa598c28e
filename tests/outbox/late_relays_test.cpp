// Relays that are stopped for longer than their leases, and go on then: what they have on their way is another's by
// that time. TORTURE_ROUNDS stops.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/outbox/faults.hpp"

namespace tidings::outbox {
namespace {

class LateRelaysTest : public FaultsTest {
 protected:
  static constexpr Duration lease = 200ms;

  /// Another process with a relay, until it is killed.
  [[nodiscard]] pid_t start_process() const {
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const auto relay = start_relay(lease);
    while (true) ::pause();
  }
  static void end(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::kill(pid, SIGCONT);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, LateRelaysTest, ::testing::Values("sqlite", "postgres"));

TEST_P(LateRelaysTest, NothingIsThereTwiceOrOutOfOrder) {
  std::mt19937_64 chance(torture_.seed);
  store_.reset();  // a connection is nothing for two processes
  std::vector<pid_t> relays;
  for (int relay = 0; relay < 3; ++relay) relays.push_back(start_process());
  store_ = open_again();
  std::jthread writer([&](const std::stop_token& stop) {
    const auto store = open_again();
    std::mt19937_64 own(torture_.seed + 1);
    std::atomic<std::uint64_t> given_up = 0;
    while (!stop.stop_requested()) {
      write_one(*store, own, given_up);
      std::this_thread::sleep_for(1ms);
    }
  });
  for (std::uint64_t round = 0; round < torture_.rounds; ++round) {
    const auto late = relays[chance() % relays.size()];
    ::kill(late, SIGSTOP);
    std::this_thread::sleep_for(lease + std::chrono::milliseconds(chance() % 150));
    ::kill(late, SIGCONT);
    std::this_thread::sleep_for(std::chrono::milliseconds(chance() % 60));
  }
  writer.request_stop();
  writer.join();
  EXPECT_TRUE(eventually([&] { return backlog() == 0; }));
  for (const auto relay : relays) end(relay);
  expect_all_once_and_in_order();
}

}  // namespace
}  // namespace tidings::outbox
