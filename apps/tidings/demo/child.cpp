#include "demo/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tidings/base/atomic_file.hpp"

namespace tidings::cli {

Result<Child> Child::start(const std::string& program, const std::vector<std::string>& arguments,
                           const std::string& directory, const std::string& log_file) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (char** variable = ::environ; *variable != nullptr; ++variable)
    if (std::strncmp(*variable, "TIDINGS_", 8) != 0) envp.push_back(*variable);
  envp.push_back(nullptr);
  const pid_t parent = ::getpid();
  // A signal that comes before exec must not end in a handler of ours.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int problem = errno;
  if (pid != 0) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return Error{"io_error", std::string("cannot start a process: ") + std::strerror(problem)};
  if (pid == 0) {
    // Only what is safe between fork and exec.
    for (int signal = 1; signal < NSIG; ++signal) {
      struct sigaction known{};
      if (::sigaction(signal, nullptr, &known) != 0 || known.sa_handler == SIG_IGN || known.sa_handler == SIG_DFL)
        continue;
      known.sa_handler = SIG_DFL;
      known.sa_flags = 0;
      ::sigaction(signal, &known, nullptr);
    }
    ::sigemptyset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // gone meanwhile
    ::setpgid(0, 0);  // Ctrl-C at the terminal is for us, who then kill our services: they are built to bear it
    const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int null = ::open("/dev/null", O_RDWR);
    if (log < 0 || null < 0 || ::dup2(log, STDERR_FILENO) < 0 || ::dup2(null, STDIN_FILENO) < 0 ||
        ::dup2(log, STDOUT_FILENO) < 0 || ::chdir(directory.c_str()) != 0)
      ::_exit(127);
    ::execve(program.c_str(), argv.data(), envp.data());
    ::_exit(127);
  }
  return Child(pid);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(status_, other.status_);
  return *this;
}

Child::~Child() {
  if (pid_ < 0 || status_) return;
  ::kill(pid_, SIGKILL);
  int ignored = 0;
  while (::waitpid(pid_, &ignored, 0) < 0 && errno == EINTR) {
  }
}

void Child::send(int signal) const {
  if (pid_ > 0 && !status_) ::kill(pid_, signal);
}

std::optional<int> Child::ended() {
  if (status_ || pid_ < 0) return status_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

std::uint64_t Child::rss_anon_kib() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  return 0;
}

std::string own_directory() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string ending(int status) {
  if (!WIFSIGNALED(status)) return "ended with status " + std::to_string(WEXITSTATUS(status));
  const auto signal = WTERMSIG(status);
  const char* const name = ::sigabbrev_np(signal);
  return "was killed by " + (name == nullptr ? "signal " + std::to_string(signal) : std::string("SIG") + name);
}

std::string last_lines(const std::string& path, std::size_t lines) {
  auto text = read_file(path);
  if (!text) return "";
  auto begin = text->size();
  for (std::size_t seen = 0; begin > 0; --begin)
    if ((*text)[begin - 1] == '\n' && begin != text->size() && ++seen == lines) break;
  return text->substr(begin);
}

}  // namespace tidings::cli
