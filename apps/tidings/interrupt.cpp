#include "interrupt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace tidings::cli {
namespace {

volatile std::sig_atomic_t caught = 0;
// The handler writes a byte into it, so that a poll which begins just after the signal ends too.
int bell[2] = {-1, -1};

void on_signal(int signal) {
  if (caught != 0) ::_exit(128 + signal);
  caught = signal;
  const int saved = errno;
  if (::write(bell[1], "!", 1) < 0) errno = saved;  // full: it rings already
  errno = saved;
}

void end(int signal) {
  ::_exit(128 + signal);
}

void handle_signals(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;  // without SA_RESTART: a blocked call returns
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

void catch_signals() {
  if (bell[0] < 0 && ::pipe2(bell, O_CLOEXEC | O_NONBLOCK) != 0) bell[0] = bell[1] = -1;
  handle_signals(on_signal);
}

void end_at_signals() {
  handle_signals(end);
  if (caught != 0) end(caught);
}

int caught_signal() {
  return caught;
}

int status_after_signals(int status) {
  return caught == 0 ? status : 128 + caught;
}

Awaited await(int descriptor, short events, std::chrono::milliseconds wait_max) {
  pollfd both[] = {{bell[0], POLLIN, 0}, {descriptor, events, 0}};
  while (caught == 0) {
    const auto got = ::poll(both, 2, wait_max.count() < 0 ? -1 : static_cast<int>(wait_max.count()));
    if (got > 0 && both[1].revents != 0) return Awaited::ready;
    if (got == 0) return Awaited::timed_out;
    if (got < 0 && errno != EINTR) return Awaited::ready;  // the call that it was for tells why
  }
  return Awaited::interrupted;
}

}  // namespace tidings::cli
