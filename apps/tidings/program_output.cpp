#include "program_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "demo/child.hpp"
#include "interrupt.hpp"
#include "tidings/base/fd.hpp"

namespace tidings::cli {

namespace {

constexpr std::size_t output_max = 16U << 20U;

using Clock = std::chrono::steady_clock;

std::chrono::milliseconds left_until(Clock::time_point until) {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()), std::chrono::milliseconds{0});
}

/// Kills it, and all that it has started, if it still runs in the end. It is the first of a process group of its own.
class Spawned {
 public:
  explicit Spawned(pid_t pid) : pid_(pid) {}
  ~Spawned() {
    ::kill(-pid_, SIGKILL);
    if (!status_) (void)::waitpid(pid_, nullptr, 0);
  }
  Spawned(const Spawned&) = delete;
  Spawned& operator=(const Spawned&) = delete;

  [[nodiscard]] bool has_ended() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    return status_.has_value();
  }

  /// Its status; nullopt where it runs for longer, or we are to end.
  std::optional<int> wait(Clock::time_point until) {
    constexpr auto look_every = std::chrono::milliseconds{5};
    while (!has_ended())
      if (Clock::now() >= until || await(-1, 0, look_every) == Awaited::interrupted) break;
    return status_;
  }

 private:
  pid_t pid_;
  std::optional<int> status_;
};

Error too_late(const std::string& program, Duration wait_max) {
  if (caught_signal() != 0) return {"interrupted", program + " was ended with tidings"};
  return {"timeout", program + " did not end within " + to_text(wait_max)};
}

/// To the end of what it writes: until nobody holds the other end any more, or it has ended and nothing more comes.
/// What it started and left behind may hold that end for ever, and is no part of it.
Result<std::string> read_all(int from, Spawned& child, const std::string& program, Clock::time_point until,
                             Duration wait_max) {
  constexpr std::chrono::milliseconds look_every{50};
  std::string output;
  std::array<char, 65536> bytes{};
  while (true) {
    const bool had_ended = child.has_ended();
    const auto awaited = await(from, POLLIN, std::min(left_until(until), look_every));
    if (awaited == Awaited::timed_out && had_ended) return output;
    if (awaited == Awaited::interrupted || Clock::now() >= until) return too_late(program, wait_max);
    if (awaited == Awaited::timed_out) continue;
    const auto got = ::read(from, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return output;
    output.append(bytes.data(), static_cast<std::size_t>(got));
    if (output.size() > output_max) return Error{"too_large", program + " writes more than 16 MiB"};
  }
}

}  // namespace

Result<std::string> program_output(const std::string& program, const std::vector<std::string>& arguments,
                                   Duration wait_max) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return Error{"io_error", std::string("cannot make a pipe: ") + std::strerror(errno)};
  const Fd from(ends[0]);
  Fd to(ends[1]);
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  posix_spawnattr_t attributes{};
  ::posix_spawnattr_init(&attributes);
  sigset_t by_default{};
  ::sigemptyset(&by_default);
  ::sigaddset(&by_default, SIGPIPE);  // which we ignore
  ::posix_spawnattr_setsigdefault(&attributes, &by_default);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  const auto until = Clock::now() + wait_max;
  pid_t pid = -1;
  const int problem = ::posix_spawnp(&pid, program.c_str(), &actions, &attributes, argv.data(), ::environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0)
    return Error{"cannot_start", "cannot start " + program + ": " + std::strerror(problem) +
                                     (program.contains('/') ? "" : "; one of this folder is ./" + program)};
  Spawned child(pid);
  to.close();
  auto output = read_all(from.get(), child, program, until, wait_max);
  if (!output) return output;
  const auto status = child.wait(until);
  if (!status) return too_late(program, wait_max);
  if (*status != 0) return Error{"program_failed", program + " " + ending(*status)};
  return output;
}

}  // namespace tidings::cli
