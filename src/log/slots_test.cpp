#include "log/slots.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

std::shared_ptr<Slots> slots_at(const std::string& path) {
  return Slots::take(*system_files().open(path, true).or_throw()).or_throw();
}

TEST(Slots, AreSharedByTheFileAndNotByThePath) {
  TestLog test;
  const auto before = std::filesystem::current_path();
  for (const auto* const folder : {"x", "y"}) std::filesystem::create_directory(test.path + "/" + folder);
  std::filesystem::current_path(test.path + "/x");
  const auto x = slots_at("data");
  EXPECT_EQ(slots_at(test.path + "/x/data"), x) << "another path to the same log";
  std::filesystem::current_path(test.path + "/y");
  const auto y = slots_at("data");
  EXPECT_NE(x, y) << "the same path to another log";
  EXPECT_TRUE(std::filesystem::exists(test.path + "/y/data/slots.lock"));
  std::filesystem::remove_all("data");
  const auto anew = slots_at("data");
  EXPECT_NE(anew, y) << "removed, and made again, under a live handle";
  EXPECT_TRUE(std::filesystem::exists(test.path + "/y/data/slots.lock"));
  std::filesystem::current_path(before);
}

/// A process dies; its child, forked and never replaced by another program, lives on. What it held must be free.
TEST(Slots, AChildOfAForkKeepsNothingOfItsParent) {
  TestLog test;
  auto directory = system_files().open(test.path, true).or_throw();
  struct Said {
    std::uint64_t word = 0;
    pid_t child = 0;
  };
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const auto holder = ::fork();
  if (holder == 0) {
    const auto slots = Slots::take(*directory).or_throw();
    auto group = GroupFile::open(*directory, "group", 1, slots.get()).or_throw();
    group.join().or_throw();
    if (!group.try_hold(0).or_throw()) ::_exit(1);
    if (::fork() == 0) {
      const Said said{slots->word(), ::getpid()};
      (void)!::write(pipe[1], &said, sizeof said);
    }
    while (true) ::pause();
  }
  ::close(pipe[1]);
  Said said;
  ASSERT_EQ(::read(pipe[0], &said, sizeof said), static_cast<ssize_t>(sizeof said));
  ::close(pipe[0]);
  const auto slots = Slots::take(*directory).or_throw();
  auto group = GroupFile::open(*directory, "group", 1, slots.get()).or_throw();
  EXPECT_FALSE(slots->is_dead(said.word).or_throw());
  EXPECT_TRUE(group.has_members().or_throw());
  ::kill(holder, SIGKILL);
  ASSERT_EQ(::waitpid(holder, nullptr, 0), holder);
  EXPECT_TRUE(slots->is_dead(said.word).or_throw());
  EXPECT_FALSE(group.has_members().or_throw());
  EXPECT_TRUE(group.try_hold(0).or_throw());
  ::kill(said.child, SIGKILL);
}

TEST(SlotsDeathTest, ALogIsNotUsedInAChildOfAFork) {
  TestLog test;
  auto log = test.open();
  append(*log, {event("0")});
  EXPECT_DEATH(append(*log, {event("1")}), "fork");
  append(*log, {event("1")});
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
}

/// Somebody takes it for a lock that was left behind.
TEST(Slots, OnesWhoseFileWasRemovedAreNotTakenForDead) {
  for (const bool durable : {false, true}) {
    TestLog test(durable);
    auto log = LogDirectory::open(test.path, {.log = &test.silent}).or_throw();
    auto topic = log->create("t", {.durability = durable ? Durability::durable : Durability::memory}).or_throw();
    append(*topic->partition(0).or_throw(), {event("0")});
    std::filesystem::remove(test.path + "/slots.lock");
    auto other = LogDirectory::open(test.path, {.log = &test.silent}).or_throw();
    const auto refused = other->find("t").or_throw()->partition(0, std::chrono::milliseconds{1});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "busy");
    append(*topic->partition(0).or_throw(), {event("1")});
    topic.reset();
    log.reset();
    auto* const partition = other->find("t").or_throw()->partition(0, std::chrono::seconds{10}).or_throw();
    EXPECT_EQ(append(*partition, {event("2")}), 2U);
    partition->sync_to(3, std::chrono::seconds{10}).or_throw();
    EXPECT_EQ(read_ids(*partition).or_throw(), numbers(0, 3));
  }
}

}  // namespace
}  // namespace tidings::log
