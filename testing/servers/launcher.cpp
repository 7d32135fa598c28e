#include "testing/servers/launcher.hpp"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#ifdef __SANITIZE_THREAD__
// Cases fork while this program has threads of its own, and their children start others: the sanitizer ends them unless
// told.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
  return "die_after_fork=0";
}
#endif

namespace tidings::testing {

namespace {

/// PR_SET_PDEATHSIG tells of the end of the thread that forked. This one ends with the process.
class Launcher {
 public:
  Launcher() {
    std::thread([this] { run(); }).detach();
  }
  pid_t start(char* const* argv, int out, const RunAs* as) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return argv_ == nullptr; });
    argv_ = argv;
    out_ = out;
    as_ = as;
    started_ = 0;
    changed_.notify_all();
    changed_.wait(lock, [&] { return started_ != 0; });
    argv_ = nullptr;
    changed_.notify_all();
    return started_;
  }

 private:
  [[noreturn]] void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return argv_ != nullptr && started_ == 0; });
      const auto parent = ::getpid();
      started_ = ::fork();
      if (started_ == 0) {  // only what is safe in a child of a process with threads
        if (as_ != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(as_->group) != 0 || ::setuid(as_->user) != 0))
          ::_exit(126);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after that, which takes it back
        if (::getppid() != parent) ::_exit(1);
        ::dup2(out_, STDOUT_FILENO);
        ::dup2(out_, STDERR_FILENO);
        ::execv(argv_[0], argv_);
        ::_exit(127);
      }
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  char* const* argv_ = nullptr;
  int out_ = -1;
  const RunAs* as_ = nullptr;
  pid_t started_ = 0;
};

}  // namespace

pid_t launch(char* const* argv, int out, const RunAs* as) {
  // One for each process: a child of a fork has no thread but the one that forked. Never destroyed, as its thread goes
  // on.
  static std::mutex mutex;
  static Launcher* launcher = nullptr;
  static pid_t owner = 0;
  const std::scoped_lock lock(mutex);
  if (owner != ::getpid()) {
    launcher = new Launcher;
    owner = ::getpid();
  }
  return launcher->start(argv, out, as);
}

}  // namespace tidings::testing
