#include "tidings/base/atomic_file.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace tidings {
namespace {

struct AtomicFile : testing::Test {
  AtomicFile() { EXPECT_NE(::mkdtemp(folder.data()), nullptr); }
  ~AtomicFile() override { std::filesystem::remove_all(folder); }
  std::string folder = (std::filesystem::temp_directory_path() / "tidings-file-XXXXXX").string();
};

TEST_F(AtomicFile, ReplacesWhole) {
  const auto path = folder + "/state.json";
  ASSERT_TRUE(write_file_atomically(path, "one"));
  ASSERT_TRUE(write_file_atomically(path, ""));
  EXPECT_EQ(read_file(path).or_throw(), "");
  ASSERT_TRUE(write_file_atomically(path, std::string(200'000, 'x')));
  EXPECT_EQ(read_file(path).or_throw().size(), 200'000U);
  EXPECT_FALSE(std::filesystem::exists(path + "~"));
}

TEST_F(AtomicFile, SaysWhatIsWrong) {
  EXPECT_EQ(read_file(folder + "/none").error().code, "not_found");
  EXPECT_EQ(read_file(folder + "/none").error().retry, Retry::never);
  EXPECT_EQ(write_file_atomically(folder + "/none/state", "x").error().code, "not_found");
  EXPECT_EQ(write_file_atomically(folder + "/none/state", "x").error().retry, Retry::same_call) << "it may come back";
}

TEST_F(AtomicFile, AFolderThatIsAwayMayComeBack) {
  const auto away = folder + "/mails";
  EXPECT_EQ(write_file_atomically(away + "/1.eml", "x").error().retry, Retry::same_call);
  EXPECT_EQ(write_file_atomically(away + "/1.eml", "x", {.synced = false}).error().retry, Retry::same_call);
  std::filesystem::create_directory(away);
  EXPECT_TRUE(write_file_atomically(away + "/1.eml", "x"));
}

TEST_F(AtomicFile, AKilledWriterLeavesOldOrNew) {
  const auto path = folder + "/state";
  const std::string a(100'000, 'a'), b(100'000, 'b');
  ASSERT_TRUE(write_file_atomically(path, a));
  for (int round = 0; round < 30; ++round) {
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0)
      for (bool first = false;; first = !first)
        if (!write_file_atomically(path, first ? a : b, {.synced = false})) ::_exit(1);
    ::usleep(static_cast<unsigned>(200 + round * 137));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto now = read_file(path).or_throw();
    ASSERT_TRUE(now == a || now == b);
  }
}

}  // namespace
}  // namespace tidings
