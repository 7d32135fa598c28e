#include "child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <stdexcept>

namespace bench {

Child::Child(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int error = ::posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  output_ = ends[0];
  if (error != 0) {
    process_ = -1;
    ::close(output_);
    throw std::runtime_error(arguments[0] + " does not start");
  }
}

Child::~Child() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    wait();
  }
  ::close(output_);
}

std::string Child::line() {
  while (true) {
    if (const auto end = buffer_.find('\n'); end != buffer_.npos) {
      auto found = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return found;
    }
    std::array<char, 512> more;
    const auto got = ::read(output_, more.data(), more.size());
    if (got <= 0) return {};
    buffer_.append(more.data(), static_cast<std::size_t>(got));
  }
}

int Child::wait(rusage* used) {
  int status = 0;
  if (process_ <= 0 || ::wait4(process_, &status, 0, used) != process_) return -1;
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string own_path() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

std::string path_beside(const std::string& program) {
  return std::filesystem::path(own_path()).parent_path() / program;
}

}  // namespace bench
