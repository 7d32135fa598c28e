#include "log/control.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "log/futex.hpp"
#include "tidings/base/pause.hpp"

namespace tidings::log {
namespace {

/// The half of the word that a futex can wait on; it changes whenever the holder does, since it holds the slot.
std::atomic<std::uint32_t>& low_half(std::atomic<std::uint64_t>& word) {
  return reinterpret_cast<std::atomic<std::uint32_t>&>(word);
}

}  // namespace

Result<std::array<char, 40>> boot_id() {
  constexpr auto path = "/proc/sys/kernel/random/boot_id";
  std::array<char, 40> id{};
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  const auto got = fd < 0 ? -1 : ::read(fd, id.data(), id.size() - 1);
  const int failure = got < 0 ? errno : 0;
  if (fd >= 0) ::close(fd);
  if (failure == EMFILE || failure == ENFILE)
    return Error{"too_many_files",
                 std::string("cannot open ") + path + ": no descriptor is left; raise the limit (ulimit -n)",
                 Retry::same_call};
  // Never taken for a reboot: recovery under living writers would lose what they wrote.
  if (got < 36)
    return Error{
        "io_error",
        std::string("cannot read ") + path + (failure != 0 ? std::string(": ") + std::strerror(failure) : "") +
            "; without it nobody knows whether the machine was rebooted. Mount /proc (in a container or chroot "
            "too), and start again",
        Retry::reopen};
  std::fill(id.begin() + 36, id.end(), '\0');  // the line's end
  return id;
}

Result<WriterLock> WriterLock::wait(Control& control, const Slots& slots, Duration wait_max) {
  const auto mine = slots.word();
  const auto until = std::chrono::steady_clock::now() + std::min<Duration>(wait_max, std::chrono::hours{24});
  for (int round = 0;; ++round) {
    std::uint64_t holder = 0;
    if (control.writer.compare_exchange_strong(holder, mine, std::memory_order_acquire))
      return WriterLock(control, false);
    if (round < 100) {
      pause_processor();
      continue;
    }
    // Every look costs a system call: the first after a short sleep, since a live holder is soon done.
    if (round > 100) {
      auto dead = slots.is_dead(holder);
      if (!dead) return dead.error();
      if (*dead) {
        if (control.writer.compare_exchange_strong(holder, mine, std::memory_order_acquire))
          return WriterLock(control, true);
        continue;
      }
      if (std::chrono::steady_clock::now() >= until)
        return Error{"busy",
                     holder == mine
                         ? "another thread has been writing to this partition all the while; try again"
                         : "another process has been writing to this partition all the while; try again, or look "
                           "whether it is stopped",
                     Retry::same_call};
    }
    control.writers_waiting.fetch_add(1);
    futex_wait(low_half(control.writer), static_cast<std::uint32_t>(holder), std::chrono::milliseconds{1});
    control.writers_waiting.fetch_sub(1);
  }
}

/// One: who comes later waits for a millisecond at most, should the one that is woken die.
void WriterLock::wake_next() const {
  futex_wake(low_half(control_->writer), 1);
}

}  // namespace tidings::log
