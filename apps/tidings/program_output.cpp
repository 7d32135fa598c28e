#include "program_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "demo/child.hpp"

namespace tidings::cli {

namespace {

constexpr std::size_t output_max = 16U << 20U;

/// Kills it if it still runs, in the end.
class Spawned {
 public:
  explicit Spawned(pid_t pid) : pid_(pid) {}
  ~Spawned() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    (void)wait();
  }
  Spawned(const Spawned&) = delete;
  Spawned& operator=(const Spawned&) = delete;

  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

Result<std::string> read_all(int from, const std::string& program, Duration wait_max) {
  const auto until = std::chrono::steady_clock::now() + wait_max;
  std::string output;
  std::array<char, 65536> bytes{};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd readable{.fd = from, .events = POLLIN, .revents = 0};
    const int ready = left > 0 ? ::poll(&readable, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Error{"timeout", program + " did not end within " + to_text(wait_max)};
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
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, to.number(), STDOUT_FILENO);
  pid_t pid = -1;
  const int problem = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, argv.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) return Error{"cannot_start", "cannot start " + program + ": " + std::strerror(problem)};
  Spawned child(pid);
  to.close();
  auto output = read_all(from.number(), program, wait_max);
  if (!output) return output;
  if (const int status = child.wait(); status != 0) return Error{"program_failed", program + " " + ending(status)};
  return output;
}

}  // namespace tidings::cli
