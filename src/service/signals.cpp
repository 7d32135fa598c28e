#include "service/signals.hpp"

#include <signal.h>
#include <time.h>
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
/// The first signal, and when it came, in one word: two threads may take a signal each at once.
class First {
 public:
  First() = default;
  First(int signal, std::chrono::milliseconds at)
      : bits_(static_cast<std::uint64_t>(at.count()) << 8U | static_cast<unsigned>(signal)) {}
  [[nodiscard]] int signal() const { return static_cast<int>(bits_ & 0xffU); }
  [[nodiscard]] std::chrono::milliseconds at() const { return std::chrono::milliseconds{bits_ >> 8U}; }

 private:
  std::uint64_t bits_ = 0;
};
std::atomic<First> received{};
// For the signal handler.
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<First>::is_always_lock_free &&
              std::atomic<Duration>::is_always_lock_free);

std::chrono::milliseconds since_boot() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // may be called in a signal handler
  return std::chrono::seconds{now.tv_sec} + std::chrono::milliseconds{now.tv_nsec / 1'000'000};
}

std::mutex mutex;
int living = 0;
struct sigaction before_term{};
struct sigaction before_int{};

void on_signal(int signal) {
  const int saved = errno;
  const auto now = since_boot();
  First first;
  if (!received.compare_exchange_strong(first, First(signal, now))) {
    if (signal != first.signal() || now - first.at() >= same_signal_within.load()) _exit(128 + signal);
    errno = saved;
    return;
  }
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
  received = First{};
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
