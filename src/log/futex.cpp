#include "log/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace tidings::log {

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Duration wait_max, std::uint32_t bits) {
  if (wait_max <= Duration::zero()) return;
  // This operation takes the time at which it ends, by the steady clock.
  const Duration end =
      std::chrono::steady_clock::now().time_since_epoch() + std::min<Duration>(wait_max, std::chrono::hours{24});
  const timespec until{static_cast<time_t>(end.count() / 1'000'000'000),
                       static_cast<long>(end.count() % 1'000'000'000)};
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_BITSET, expected, &until, nullptr, bits);
}

void futex_wake(std::atomic<std::uint32_t>& word, int count, std::uint32_t bits) {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE_BITSET, count, nullptr, nullptr, bits);
}

}  // namespace tidings::log
