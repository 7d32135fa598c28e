#include "interrupt.hpp"

#include <unistd.h>

#include <csignal>

namespace tidings::cli {
namespace {

volatile std::sig_atomic_t caught = 0;

void on_signal(int signal) {
  if (caught != 0) ::_exit(128 + signal);
  caught = signal;
}

}  // namespace

void catch_signals() {
  struct sigaction action{};
  action.sa_handler = on_signal;  // without SA_RESTART: a blocked read returns
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

int caught_signal() {
  return caught;
}

int status_after_signals(int status) {
  return caught == 0 ? status : 128 + caught;
}

}  // namespace tidings::cli
