#include "service/signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>

namespace tidings::service {

namespace {

constexpr std::size_t slots_max = 64;
std::array<std::atomic<int>, slots_max> slots{};  // fd + 1; 0 is free
std::atomic<int> received = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // for the signal handler

std::mutex mutex;
int living = 0;
struct sigaction before_term{};
struct sigaction before_int{};

void on_signal(int signal) {
  const int saved = errno;
  if (received.fetch_add(1) > 0) _exit(128 + signal);
  const std::uint64_t one = 1;
  for (auto& slot : slots) {
    const int fd = slot.load() - 1;
    if (fd >= 0) [[maybe_unused]]
      const auto written = write(fd, &one, sizeof one);
  }
  errno = saved;
}

}  // namespace

Signals::Signals(int fd) {
  const std::scoped_lock lock(mutex);
  for (std::size_t at = 0; at < slots_max && slot_ < 0; ++at) {
    if (slots[at].load() != 0) continue;
    slots[at] = fd + 1;
    slot_ = static_cast<int>(at);
  }
  if (living++ > 0) return;
  received = 0;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, &before_term);
  sigaction(SIGINT, &action, &before_int);
}

Signals::~Signals() {
  const std::scoped_lock lock(mutex);
  if (slot_ >= 0) slots[static_cast<std::size_t>(slot_)] = 0;
  if (--living > 0) return;
  sigaction(SIGTERM, &before_term, nullptr);
  sigaction(SIGINT, &before_int, nullptr);
}

}  // namespace tidings::service
