// Whatever stands where a file of a project should: it is read, or told, and nothing hangs or takes all memory.
#include "project_file.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "scaffold/testing.hpp"

namespace tidings::scaffold {
namespace {

namespace fs = std::filesystem;

std::string code_of(const std::string& path) {
  const auto read = read_project_file(path, 1000);
  return read ? "read" : read.error().code;
}

TEST(ReadProjectFile, reads_a_file_also_by_a_link) {
  const Folder folder;
  folder.write("file", "text");
  fs::create_symlink("file", folder.path() / "link");
  EXPECT_EQ(read_project_file(folder.in("file")).or_throw(), "text");
  EXPECT_EQ(read_project_file(folder.in("link")).or_throw(), "text");
  EXPECT_FALSE(read_project_file("/proc/self/status").or_throw().empty()) << "of which no size is told";
}

TEST(ReadProjectFile, refuses_what_is_no_file) {
  const Folder folder;
  fs::create_directory(folder.path() / "folder");
  ASSERT_EQ(::mkfifo(folder.in("pipe").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", folder.path() / "zero");
  fs::create_symlink("nowhere", folder.path() / "nowhere");
  EXPECT_EQ(code_of(folder.in("folder")), "no_regular_file");
  EXPECT_EQ(code_of(folder.in("pipe")), "no_regular_file");
  EXPECT_EQ(code_of(folder.in("zero")), "no_regular_file");
  EXPECT_EQ(code_of(folder.in("nowhere")), "io_error");  // a link that leads to itself
  EXPECT_EQ(code_of(folder.in("none")), "not_found");
  EXPECT_EQ(read_project_file(folder.in("pipe")).error().message,
            folder.in("pipe") + " is a pipe and no file; put a file there");
}

TEST(ReadProjectFile, refuses_what_is_too_large) {
  const Folder folder;
  folder.write("fits", std::string(1000, 'x'));
  folder.write("large", std::string(1001, 'x'));
  EXPECT_EQ(code_of(folder.in("fits")), "read");
  EXPECT_EQ(code_of(folder.in("large")), "too_large");
}

unsigned mode_of(const std::string& path) {
  struct stat told{};
  EXPECT_EQ(::stat(path.c_str(), &told), 0) << path;
  return told.st_mode & 07777U;
}

TEST(WriteProjectFile, has_the_mode_that_an_editor_gives) {
  const Folder folder;
  const auto before = ::umask(022);
  EXPECT_TRUE(write_project_file(folder.in("new"), "x", {.synced = false}));
  EXPECT_TRUE(write_project_file(folder.in("run"), "x", {.synced = false}, true));
  ::umask(before);
  EXPECT_EQ(mode_of(folder.in("new")), 0644U);
  EXPECT_EQ(mode_of(folder.in("run")), 0755U);
  ASSERT_EQ(::chmod(folder.in("new").c_str(), 0604), 0);
  EXPECT_TRUE(write_project_file(folder.in("new"), "y", {.synced = false}));
  EXPECT_EQ(mode_of(folder.in("new")), 0604U);
}

}  // namespace
}  // namespace tidings::scaffold
