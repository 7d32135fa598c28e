#include "stepping.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace tidings::crash {

SharedPage::SharedPage() : at_(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
  if (at_ == MAP_FAILED) std::abort();
}

SharedPage::~SharedPage() {
  ::munmap(at_, 4096);
}

std::uint64_t step_through(const std::function<int()>& work, const std::function<bool()>& look, int& status) {
  // Both on one processor: to wake another for each instruction takes ten times as long.
  cpu_set_t before, one;
  ::sched_getaffinity(0, sizeof before, &before);
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
  ::sched_setaffinity(0, sizeof one, &one);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(99);
    ::raise(SIGSTOP);
    ::_exit(work());
  }
  std::uint64_t steps = 0;
  ::waitpid(child, &status, 0);
  const bool may_be_led = !WIFEXITED(status) || WEXITSTATUS(status) != 99;
  while (may_be_led && WIFSTOPPED(status)) {
    // A trap is the step's; any other signal is the child's own.
    const int signal = WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
    if (!look() || (::ptrace(PTRACE_SINGLESTEP, child, nullptr, signal) != 0 && errno == ESRCH)) ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    ++steps;
  }
  ::sched_setaffinity(0, sizeof before, &before);
  return steps;
}

}  // namespace tidings::crash
