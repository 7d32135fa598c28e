#include "log/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace tidings::log {

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Duration wait_max) {
  if (wait_max <= Duration::zero()) return;
  const auto count = wait_max.count();
  const timespec relative{static_cast<time_t>(count / 1'000'000'000), static_cast<long>(count % 1'000'000'000)};
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT, expected, &relative, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word, int count) {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, count, nullptr, nullptr, 0);
}

}  // namespace tidings::log
