// The fences between who publishes and who ends a subscription: with the kernel's barrier, and where it has none.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "bus/asymmetric_fence.hpp"
#include "tidings/bus/bus.hpp"

namespace {

using tidings::Bus;

struct Tick {
  long sequence = 0;
};

constexpr auto without_barrier = "TIDINGS_TEST_WITHOUT_MEMBARRIER";

TEST(Fences, NoHandlerRunsOnceItsEndHasReturned) {
  Bus bus;
  std::atomic<bool> stop = false;
  std::atomic<long> calls = 0, late = 0;
  std::vector<std::jthread> publishers;
  publishers.reserve(2);
  for (int t = 0; t < 2; ++t)
    publishers.emplace_back([&] {
      while (!stop.load(std::memory_order_relaxed)) EXPECT_TRUE(bus.publish(Tick{}));
    });
  // At least so many, and until one was met: where nothing waits for the kernel they are over before publishers begin.
  for (int round = 0; round < 2'000 || calls < 1'000; ++round) {
    const auto over = std::make_shared<std::atomic<bool>>(false);
    auto subscription = bus.subscribe([&calls, &late, over = over.get()](const Tick&) {
      calls.fetch_add(1, std::memory_order_relaxed);
      // Long enough for whoever does not wait to be caught.
      for (int look = 0; look < 20; ++look) late.fetch_add(over->load(std::memory_order_relaxed) ? 1 : 0);
    });
    if (round % 4 == 0) std::this_thread::yield();
    subscription.end();
    over->store(true);
    // Kept for a while: a call that came late finds its flag.
    static std::array<std::shared_ptr<std::atomic<bool>>, 64> kept;
    kept[static_cast<std::size_t>(round) % kept.size()] = over;
  }
  stop = true;
  publishers.clear();
  EXPECT_EQ(late, 0);
  if (std::getenv(without_barrier) != nullptr) {
    EXPECT_FALSE(tidings::bus::light_is_free);
  }
}

/// From here on, and in whatever is executed, membarrier(2) is a call that the kernel does not have.
bool refuse_membarrier() {
  std::array filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = filter.size(), .filter = filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(Fences, HoldWhereTheKernelHasNoBarrier) {
  if (std::getenv(without_barrier) != nullptr) GTEST_SKIP() << "is what runs now";
  const auto child = ::fork();
  if (child == 0) {
    if (!refuse_membarrier()) ::_exit(77);
    ::setenv(without_barrier, "1", 1);
    ::execl("/proc/self/exe", "bus_test", "--gtest_brief=1", nullptr);
    ::_exit(78);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
