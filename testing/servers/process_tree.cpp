#include "testing/servers/process_tree.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

struct Stat {
  pid_t parent = 0;
  char state = 'X';
};

/// Of a process that is gone: state `X`. See proc(5).
Stat stat_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');  // a name may hold anything
  if (name_end == std::string::npos || name_end + 4 >= text.size()) return {};
  Stat stat{.parent = 0, .state = text[name_end + 2]};
  std::from_chars(text.data() + name_end + 4, text.data() + text.size(), stat.parent);
  return stat;
}

/// The root first. `root` is stopped, so that it starts no other meanwhile.
std::vector<pid_t> tree_of(pid_t root) {
  std::vector<std::pair<pid_t, pid_t>> all;  // process, parent
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    pid_t process = 0;
    const auto [rest, wrong] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (wrong == std::errc{} && rest == name.data() + name.size()) all.emplace_back(process, stat_of(process).parent);
  }
  std::vector<pid_t> tree{root};
  for (std::size_t at = 0; at < tree.size(); ++at)
    for (const auto& [process, parent] : all)
      if (parent == tree[at] && std::ranges::find(tree, process) == tree.end()) tree.push_back(process);
  return tree;
}

/// False: it has ended instead.
bool stop_and_wait(pid_t root) {
  ::kill(root, SIGSTOP);
  int status = 0;
  return ::waitpid(root, &status, WUNTRACED) != root || WIFSTOPPED(status);
}

}  // namespace

void kill_tree(pid_t root) {
  const bool is_there = stop_and_wait(root);
  const auto tree = tree_of(root);
  for (const auto process : tree) ::kill(process, SIGKILL);
  if (is_there) ::waitpid(root, nullptr, 0);
  for (const auto process : tree)
    for (auto state = stat_of(process).state; state != 'X' && state != 'Z'; state = stat_of(process).state)
      std::this_thread::sleep_for(1ms);
}

StoppedTree::StoppedTree(pid_t root) {
  stop_and_wait(root);
  processes_ = tree_of(root);
  for (const auto process : processes_) ::kill(process, SIGSTOP);
  watch();
}

void StoppedTree::watch() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  life_line_ = ends[1];
  watcher_ = ::fork();
  if (watcher_ == 0) {  // only what is safe in a child of a process with threads
    const auto reads = static_cast<unsigned>(ends[0]);
    if (reads > 0) ::syscall(SYS_close_range, 0U, reads - 1, 0U);
    ::syscall(SYS_close_range, reads + 1, ~0U, 0U);
    char word = 0;
    if (::read(ends[0], &word, 1) != 1)
      for (const auto process : processes_) ::kill(process, SIGKILL);
    ::_exit(0);
  }
  ::close(ends[0]);
}

StoppedTree::~StoppedTree() {
  // Who started the others last: it would think that they are lost.
  for (auto process = processes_.rbegin(); process != processes_.rend(); ++process) ::kill(*process, SIGCONT);
  if (watcher_ > 0) {
    const char word = 'c';
    (void)!::write(life_line_, &word, 1);
    ::waitpid(watcher_, nullptr, 0);
  }
  if (life_line_ >= 0) ::close(life_line_);
}

}  // namespace tidings::testing
