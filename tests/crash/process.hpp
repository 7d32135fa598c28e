#pragma once

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "tidings/base/result.hpp"

namespace tidings::crash {

/// As fork(), into a PID namespace of its own: the child is process 1, thread 1. Below 0 where that is not allowed.
inline pid_t fork_into_namespace() {
  const int here = ::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  if (here < 0 || ::unshare(CLONE_NEWPID) != 0) {
    if (here >= 0) ::close(here);
    return -1;
  }
  const pid_t pid = ::fork();
  if (pid != 0 && ::setns(here, CLONE_NEWPID) != 0) std::abort();
  ::close(here);
  return pid;
}

/// Mounts of this process are seen by it and its children only. False where that is not allowed.
inline bool keep_mounts_to_oneself() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// A child of this process that does `work`, and says what went wrong in it; it exits without destructors. Move-only;
/// killed when it goes.
class Process {
 public:
  enum class Namespace { shared, own };
  /// In a PID namespace of its own it is not started where that is not allowed.
  explicit Process(const std::function<std::string()>& work, Namespace which = Namespace::shared) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    pid_ = which == Namespace::shared ? ::fork() : fork_into_namespace();
    if (pid_ == 0) {
      ::close(ends[0]);
      said_ = ends[1];
      const auto wrong = work();
      (void)!::write(ends[1], wrong.data(), wrong.size());
      ::_exit(wrong.empty() ? 0 : 1);
    }
    ::close(ends[1]);
    said_ = ends[0];
  }
  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), said_(std::exchange(other.said_, -1)) {}
  Process& operator=(Process&&) = delete;
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    if (said_ >= 0) ::close(said_);
  }

  [[nodiscard]] bool started() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  /// Waits until it has stopped, or ended; false: it ended.
  [[nodiscard]] bool has_stopped() {
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
    if (!WIFSTOPPED(status)) pid_ = -1;
    return WIFSTOPPED(status);
  }
  /// Waits for its end; what went wrong in it, at most what a pipe holds.
  std::string end() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    // A child of it may still have the other end: what is there is all.
    ::fcntl(said_, F_SETFL, O_NONBLOCK);
    std::string wrong;
    char text[4096];
    for (ssize_t got = 0; (got = ::read(said_, text, sizeof text)) > 0;)
      wrong.append(text, static_cast<std::size_t>(got));
    if (WIFSIGNALED(status)) wrong += "ended by signal " + std::to_string(WTERMSIG(status));
    return wrong;
  }
  void kill_and_wait() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
  int said_ = -1;
};

/// A folder of its own, which goes with it.
class Folder {
 public:
  Folder() {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~Folder() {
    std::error_code ignored;
    if (::getpid() == owner_) std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string url() const { return "log:" + path + "/log"; }

  std::string path = (std::filesystem::temp_directory_path() / "tidings-process-XXXXXX").string();

 private:
  pid_t owner_ = ::getpid();
};

}  // namespace tidings::crash
