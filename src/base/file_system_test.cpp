#include "tidings/base/file_system.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "tidings/base/atomic_file.hpp"
#include "tidings/base/forks.hpp"

namespace tidings {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string folder = (std::filesystem::temp_directory_path() / "tidings-files-XXXXXX").string();
};

/// Runs in a child, whose status it returns.
template <class Run>
int in_child(Run run) {
  const auto child = ::fork();
  if (child == 0) ::_exit(run());
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(Files, NoneStandsInThePlaceOfAStandardDescriptor) {
  const auto status = in_child([&] {
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    auto directory = system_files().open(folder + "/log", true).or_throw();
    auto inner = directory->directory("inner", Directory::Create::must).or_throw();
    auto file = inner->file("file", Directory::Create::must).or_throw();
    (void)inner->list().or_throw();
    write_file_atomically(folder + "/state", "whole").or_throw();
    for (const int descriptor : {0, 1, 2})
      if (::fcntl(descriptor, F_GETFD) >= 0) return 1;
    return ::write(STDERR_FILENO, "message", 7) < 0 && file->size().or_throw() == 0 ? 0 : 2;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Files, AChildOfAForkKeepsNoLock) {
  auto directory = system_files().open(folder, false).or_throw();
  struct Said {
    pid_t child = 0;
    bool is_shut = false;
  };
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  // A process that holds a lock, and its child that lives on.
  const auto holder = ::fork();
  if (holder == 0) {
    auto file = directory->file("locks", Directory::Create::if_missing).or_throw();
    if (!file->try_lock({7, 1}).or_throw()) ::_exit(1);
    const auto before = fork_count();
    if (::fork() == 0) {
      const Said said{::getpid(), !file->try_lock({8, 1}).has_value() && fork_count() != before};
      (void)!::write(pipe[1], &said, sizeof said);
    }
    while (true) ::pause();
  }
  ::close(pipe[1]);
  Said said;
  ASSERT_EQ(::read(pipe[0], &said, sizeof said), static_cast<ssize_t>(sizeof said));
  EXPECT_TRUE(said.is_shut) << "the child's handle is of use";
  auto file = directory->file("locks", Directory::Create::never).or_throw();
  EXPECT_FALSE(file->try_lock({7, 1}).or_throw());
  ::kill(holder, SIGKILL);
  ASSERT_EQ(::waitpid(holder, nullptr, 0), holder);
  EXPECT_TRUE(file->try_lock({7, 1}).or_throw()) << "the child keeps its parent's lock";
  ::kill(said.child, SIGKILL);
  ::close(pipe[0]);
}

/// A child has the descriptors of its parent until its handlers of the fork have run: here they never do.
TEST_F(Files, AChildThatIsBeingForkedKeepsNoLockOfAFileThatIsClosed) {
  auto directory = system_files().open(folder, false).or_throw();
  auto file = directory->file("locked", Directory::Create::if_missing).or_throw();
  ASSERT_TRUE(file->try_lock({8, 1}).or_throw());
  const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child == 0)
    while (true) ::syscall(SYS_pause);
  ASSERT_GT(child, 0);
  file.reset();
  file = directory->file("locked", Directory::Create::never).or_throw();
  EXPECT_TRUE(file->try_lock({8, 1}).or_throw());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

/// As `cp --sparse=always` leaves it.
TEST_F(Files, AFileWithoutBlocksGetsThem) {
  auto directory = system_files().open(folder, false).or_throw();
  auto file = directory->file("copy", Directory::Create::must).or_throw();
  const auto path = file->path();
  std::filesystem::resize_file(path, 1 << 20);
  file->allocate(1 << 20).or_throw();
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 1 << 20);
  EXPECT_EQ(status.st_size, 1 << 20);
}

TEST_F(Files, ALockOfAnotherIsTold) {
  auto directory = system_files().open(folder, false).or_throw();
  auto a = directory->file("locks", Directory::Create::if_missing).or_throw();
  auto b = directory->file("locks", Directory::Create::never).or_throw();
  EXPECT_EQ(a->id().or_throw(), b->id().or_throw());
  ASSERT_TRUE(b->try_lock({5, 2}).or_throw());
  EXPECT_FALSE(a->held_by_others({0, 5}).or_throw());
  EXPECT_EQ(a->held_by_others({0, 100}).or_throw()->begin, 5U);
  b->unlock({5, 2}).or_throw();
  EXPECT_FALSE(a->held_by_others({0, 100}).or_throw());
}

TEST_F(Files, AWatchHearsThatOthersCloseTheFile) {
  using namespace std::chrono_literals;
  auto directory = system_files().open(folder, false).or_throw();
  auto file = directory->file("watched", Directory::Create::must).or_throw();
  auto watch = file->watch_closes().or_throw();
  EXPECT_FALSE(watch->wait(0ms).or_throw());
  directory->file("watched", Directory::Create::never, false).or_throw().reset();
  (void)directory->file("another", Directory::Create::must).or_throw();
  EXPECT_FALSE(watch->wait(0ms).or_throw()) << "it was open to be read, or is another";
  for (int i = 0; i < 3; ++i) (void)directory->file("watched", Directory::Create::never).or_throw();
  EXPECT_TRUE(watch->wait(10s).or_throw());
  EXPECT_FALSE(watch->wait(0ms).or_throw()) << "several come as one";
  const auto child = ::fork();
  if (child == 0) {
    auto its_own = directory->file("watched", Directory::Create::never).or_throw();
    (void)its_own->try_lock({0, 1}).has_value();
    while (true) ::pause();
  }
  EXPECT_FALSE(watch->wait(10ms).or_throw());
  ::kill(child, SIGKILL);
  EXPECT_TRUE(watch->wait(10s).or_throw());
  ::waitpid(child, nullptr, 0);
  watch->wake();
  EXPECT_FALSE(watch->wait(10s).or_throw());
  EXPECT_FALSE(watch->wait(0ms).or_throw()) << "a wake is for one wait";
}

TEST_F(Files, AWatchIsRefusedWhereThereAreTooMany) {
  auto directory = system_files().open(folder, false).or_throw();
  auto file = directory->file("watched", Directory::Create::must).or_throw();
  for (const int room : {0, 1})
    EXPECT_EQ(in_child([&] {
                const int next = ::dup(0);
                ::close(next);
                const rlimit few{static_cast<rlim_t>(next + room), static_cast<rlim_t>(next + room)};
                ::setrlimit(RLIMIT_NOFILE, &few);
                auto watch = file->watch_closes();
                const bool left_open = ::fcntl(next, F_GETFD) >= 0;
                return !watch && watch.error().code == "too_many_watches" && !left_open ? 0 : 1;
              }),
              0)
        << room;
}

TEST_F(Files, ReplaceGivesWayAndRenameDoesNot) {
  auto directory = system_files().open(folder, false).or_throw();
  auto first = directory->file("a", Directory::Create::must).or_throw();
  auto second = directory->file("b", Directory::Create::must).or_throw();
  EXPECT_EQ(directory->rename("a", "b").error().code, "exists");
  directory->replace("a", "b").or_throw();
  EXPECT_EQ(directory->list().or_throw(), std::vector<std::string>{"b"});
  EXPECT_EQ(directory->file("b", Directory::Create::never).or_throw()->id().or_throw(), first->id().or_throw());
}

}  // namespace
}  // namespace tidings
