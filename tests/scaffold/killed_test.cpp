// `tidings new` and `tidings add`, killed in front of each system call that changes something: what they leave is
// mended by saying the same again, or named; and many at once lose nothing of each other.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "scaffold/testing.hpp"

namespace tidings::scaffold {
namespace {

using Words = std::vector<std::string>;

struct Ended {
  int status = 0;  ///< as of a shell: 128 and more: by a signal
  std::string said;
};

[[noreturn]] void run_in_child(const Words& words, const std::string& folder, const std::string& said) {
  std::vector<char*> argv;
  Words all{TIDINGS};
  all.insert(all.end(), words.begin(), words.end());
  for (auto& one : all) argv.push_back(one.data());
  argv.push_back(nullptr);
  if (::chdir(folder.c_str()) != 0 || std::freopen(said.c_str(), "w", stdout) == nullptr) ::_exit(98);
  ::dup2(1, 2);
  ::execv(TIDINGS, argv.data());
  ::_exit(98);
}

pid_t start(const Words& words, const Folder& folder) {
  static int count = 0;
  const auto said = folder.in(".said-" + std::to_string(++count));
  std::fflush(nullptr);  // what is not out yet would come twice
  const pid_t child = ::fork();
  if (child == 0) run_in_child(words, folder.path(), said);
  return child;
}

int end_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Ended run(const Words& words, const Folder& folder) {
  const auto said = folder.in(".said");
  std::fflush(nullptr);  // what is not out yet would come twice
  const pid_t child = ::fork();
  if (child == 0) run_in_child(words, folder.path(), said);
  const int status = end_of(child);
  std::ifstream in(said);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(said);
  return {status, text};
}

bool changes_something(std::uint64_t call, std::uint64_t flags) {
  switch (call) {
    case SYS_openat:
      return (flags & O_CREAT) != 0;
    case SYS_write:
    case SYS_fchmod:
    case SYS_fdatasync:
    case SYS_fsync:
    case SYS_unlinkat:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_flock:
#ifdef SYS_rename
    case SYS_open:
    case SYS_mkdir:
    case SYS_rename:
    case SYS_unlink:
    case SYS_rmdir:
#endif
    case SYS_mkdirat:
      return true;
    default:
      return false;
  }
}

/// Runs it, and kills it in front of the `last`th call that changes something; false: it had ended before. Nothing
/// where the machine lets no process be led.
std::optional<bool> run_killed(const Words& words, const Folder& folder, int last) {
  const auto said = folder.in(".said");
  std::fflush(nullptr);  // what is not out yet would come twice
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(99);
    ::raise(SIGSTOP);
    run_in_child(words, folder.path(), said);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) return std::nullopt;
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (int calls = 0; WIFSTOPPED(status);) {
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      ::__ptrace_syscall_info info{};
      ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY && changes_something(info.entry.nr, info.entry.args[2]) &&
          ++calls == last)
        ::kill(child, SIGKILL);
    }
    if (::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0) ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  std::filesystem::remove(said);
  return WIFSIGNALED(status);
}

/// Each of them under torture, and else as many as take a moment, beginning at another every day.
int stride() {
  return std::getenv("TORTURE_ROUNDS") != nullptr ? 1 : 17;
}
/// TORTURE_SEED, else the day; printed, so that what failed can be done again.
unsigned long seed() {
  const char* const said = std::getenv("TORTURE_SEED");
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()).time_since_epoch().count();
  const auto seed = said == nullptr ? static_cast<unsigned long>(today) : std::strtoul(said, nullptr, 10);
  std::printf("TORTURE_SEED=%lu\n", seed);
  return seed;
}
int first() {
  return 1 + static_cast<int>(seed() % static_cast<unsigned>(stride()));
}

const Words make{"new", "orders", "--with", "outbox,docker"};
const Words extend{"add", "inbox", "ci-github", "health", "--into", "orders"};

/// What a project has, with its modes.
std::map<std::string, std::string> tree(const Folder& folder) {
  std::map<std::string, std::string> found;
  for (const auto& [path, text] : folder.files())
    if (!path.starts_with(".said"))
      found[path] =
          std::to_string(static_cast<unsigned>(std::filesystem::status(folder.in(path)).permissions())) + " " + text;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (entry.is_directory()) found[entry.path().filename().string() + "/"] = "";
  return found;
}

TEST(Killed, new_is_all_or_nothing_and_said_again_it_makes_all) {
  const Folder whole;
  ASSERT_EQ(run(make, whole).status, 0);
  int points = 0;
  for (int last = first();; last += stride()) {
    const Folder folder;
    const auto killed = run_killed(make, folder, last);
    if (!killed) GTEST_SKIP() << "the machine lets no process be led";
    if (!*killed) break;
    ++points;
    if (std::filesystem::exists(folder.in("orders"))) {
      EXPECT_EQ(folder.files("orders"), whole.files("orders")) << last;
    } else {
      const auto again = run(make, folder);
      ASSERT_EQ(again.status, 0) << last << ": " << again.said;
      EXPECT_EQ(tree(folder), tree(whole)) << last;
    }
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GE(points, 100 / stride());
}

TEST(Killed, new_in_a_folder_that_is_there_is_made_again_or_tells_what_is_left) {
  const Words into{"new", "orders", "--with", "outbox,docker", "--into", "here/orders"};
  const auto folder_with_place = [] {
    auto folder = std::make_unique<Folder>();
    std::filesystem::create_directories(folder->in("here/orders"));
    return folder;
  };
  const auto whole = folder_with_place();
  ASSERT_EQ(run(into, *whole).status, 0);
  int told = 0;
  for (int last = first();; last += stride()) {
    const auto folder = folder_with_place();
    const auto killed = run_killed(into, *folder, last);
    if (!killed) GTEST_SKIP() << "the machine lets no process be led";
    if (!*killed) break;
    if (std::filesystem::exists(folder->in("here/orders/tidings.toml"))) {
      EXPECT_EQ(folder->files("here/orders"), whole->files("here/orders")) << last;
      continue;
    }
    const auto again = run(into, *folder);
    if (again.status == 0) {
      EXPECT_EQ(tree(*folder), tree(*whole)) << last;
    } else {
      ++told;
      EXPECT_THAT(again.said, ::testing::HasSubstr("a part of what a 'tidings new' wrote that was stopped")) << last;
    }
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GE(told, stride() == 1 ? 1 : 0);
}

TEST(Killed, add_goes_on_and_no_other_takes_what_it_left_for_the_users) {
  const Folder whole;
  ASSERT_EQ(run(make, whole).status, 0);
  ASSERT_EQ(run(extend, whole).status, 0);
  const Words other{"add", "makefile", "--into", "orders"};
  int points = 0, named = 0;
  for (int last = first();; last += stride()) {
    const Folder folder;
    ASSERT_EQ(run(make, folder).status, 0);
    const auto killed = run_killed(extend, folder, last);
    if (!killed) GTEST_SKIP() << "the machine lets no process be led";
    if (!*killed) break;
    ++points;
    const bool is_begun = std::filesystem::exists(folder.in("orders/.tidings/adding"));
    const auto of_another = run(other, folder);
    EXPECT_EQ(of_another.status, is_begun ? 1 : 0) << last << ": " << of_another.said;
    if (is_begun) {
      ++named;
      EXPECT_THAT(of_another.said, ::testing::HasSubstr("unfinished_add: 'tidings add inbox ci-github health'"))
          << last;
    }
    const auto again = run(extend, folder);
    ASSERT_EQ(again.status, 0) << last << ": " << again.said;
    if (is_begun) {
      EXPECT_EQ(tree(folder), tree(whole)) << last;
    }
    EXPECT_FALSE(std::filesystem::exists(folder.in("orders/.tidings/adding")));
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GE(points, 60 / stride());
  EXPECT_GE(named, 20 / stride());
}

TEST(AtOnce, several_adds_lose_nothing_of_each_other) {
  const Words names{"inbox", "docker", "health", "ci-gitlab", "uuid", "graceful", "retry", "dead-letters"};
  for (int round = 0; round < 3; ++round) {
    const Folder one_by_one, at_once;
    for (const auto* folder : {&one_by_one, &at_once}) ASSERT_EQ(run({"new", "orders"}, *folder).status, 0);
    for (const auto& name : names) ASSERT_EQ(run({"add", name, "--into", "orders"}, one_by_one).status, 0);
    std::vector<pid_t> children;
    for (const auto& name : names) children.push_back(start({"add", name, "--into", "orders"}, at_once));
    for (const auto child : children) EXPECT_EQ(end_of(child), 0);
    EXPECT_EQ(at_once.files("orders"), one_by_one.files("orders"));
  }
}

TEST(AtOnce, of_several_new_in_one_place_one_makes_its_project) {
  for (int round = 0; round < 5; ++round) {
    const Folder folder;
    if (round % 2 == 1) std::filesystem::create_directory(folder.in("orders"));
    std::vector<pid_t> children;
    const Words names{"docker", "outbox", "health", "saga"};
    for (const auto& name : names) children.push_back(start({"new", "orders", "--with", name}, folder));
    std::vector<int> made;
    for (std::size_t at = 0; at < names.size(); ++at)
      if (end_of(children[at]) == 0) made.push_back(static_cast<int>(at));
    ASSERT_EQ(made.size(), 1U);
    const Folder alone;
    ASSERT_EQ(run({"new", "orders", "--with", names[static_cast<std::size_t>(made[0])]}, alone).status, 0);
    EXPECT_EQ(folder.files("orders"), alone.files("orders"));
  }
}

}  // namespace
}  // namespace tidings::scaffold
