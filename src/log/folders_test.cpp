#include "log/folders.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/faulty_files.hpp"
#include "log/layout.hpp"
#include "log/lock_holders.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

long descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

/// A log that keeps so many folders open.
struct Many {
  explicit Many(int kept = 0) : kept_max(kept) {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    log = open();
  }
  ~Many() { std::filesystem::remove_all(path); }
  Many(const Many&) = delete;
  Many& operator=(const Many&) = delete;
  [[nodiscard]] std::unique_ptr<LogDirectory> open() const {
    return LogDirectory::open(path, {.folders = std::make_shared<FolderBudget>(kept_max)}).or_throw();
  }
  [[nodiscard]] FileId openers(const std::string& topic) const {
    auto folder = system_files().open(path + "/" + topic, false).or_throw();
    return folder->file("openers.lock", Directory::Create::never).or_throw()->id().or_throw();
  }

  int kept_max;
  std::string path = (std::filesystem::temp_directory_path() / "tidings-many-XXXXXX").string();
  std::unique_ptr<LogDirectory> log;
};

TEST(Folders, ATopicOfManyTakesTheDescriptorOfWhatItWritesAndNoOther) {
  Many many(4);  // two topics with a partition each
  std::vector<std::shared_ptr<TopicLog>> all;
  const auto add = [&] {
    const auto number = std::to_string(all.size());
    all.push_back(
        many.log->create("t" + number, {.partitions = 1, .durability = static_cast<Durability>(all.size() % 3)})
            .or_throw());
    auto* const partition = all.back()->partition(0).or_throw();
    append(*partition, {event(number)});
    partition->sync_to(1, std::chrono::seconds{10}).or_throw();
  };
  add();
  add();
  const auto before = descriptors();
  for (int i = 0; i < 20; ++i) add();
  EXPECT_EQ(descriptors() - before, 20);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(read_ids(*all[i]->partition(0).or_throw()).or_throw(), numbers(i, i + 1));
  all.clear();
  many.log = many.open();
  EXPECT_LT(descriptors(), before);
}

/// All that a topic does, by folders that are opened for each call.
TEST(Folders, ATopicOfManyDoesAllThatOthersDo) {
  for (const auto durability : {Durability::memory, Durability::durable}) {
    Many many;
    auto topic = many.log->create("t", {.partitions = 2, .durability = durability}).or_throw();
    auto* const partition = topic->partition(0).or_throw();
    for (const auto& name : numbers(0, 40)) append(*partition, {event(name, std::string(100'000, 'x'))});
    partition->sync_to(40, std::chrono::seconds{10}).or_throw();
    EXPECT_EQ(read_ids(*partition, 17).or_throw(), numbers(17, 40));
    EXPECT_TRUE(topic->group("g", true));
    EXPECT_EQ(topic->groups().or_throw(), std::vector<std::string>{"g"});
    topic->keep({.bytes = 1}).or_throw();
    EXPECT_GT(partition->earliest().or_throw(), 0U);
    append(*partition, {event("40")});
    auto other = many.open();
    EXPECT_EQ(append(*other->find("t").or_throw()->partition(0).or_throw(), {event("41")}), 41U);
    EXPECT_EQ(append(*partition, {event("42")}), 42U);
  }
}

/// The mapping holds the lock: nobody removes, or recovers, what is open here.
TEST(Folders, WhatIsOpenIsLockedWithoutADescriptor) {
  Many many;
  auto topic = many.log->create("t", {.partitions = 2, .durability = Durability::memory}).or_throw();
  ASSERT_EQ(append(*topic->partition(1).or_throw(), {event("0")}), 0U);
  auto other = many.open();
  EXPECT_EQ(other->remove("t").error().code, "busy");
  const LockHolders holders;
  EXPECT_TRUE(holders.holders(many.openers("t"), {0, openers_max}).empty());
  const auto seen = holders.holder(many.openers("t"), {openers_max, openers_max});
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->pid, ::getpid());
  // A child of a fork keeps nothing alive.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto child = ::fork();
  if (child == 0) {
    char byte = 0;
    ::close(ends[1]);
    (void)!::read(ends[0], &byte, 1);
    ::_exit(0);
  }
  ::close(ends[0]);
  topic.reset();
  many.log.reset();
  EXPECT_TRUE(other->remove("t"));
  ::close(ends[1]);
  ::waitpid(child, nullptr, 0);
}

TEST(Folders, NobodyRecoversUnderOneWhoHasItOpen) {
  Many many;
  auto topic = many.log->create("t", {.partitions = 1, .durability = Durability::memory}).or_throw();
  append(*topic->partition(0).or_throw(), {event("0")});
  const auto folder = many.path + "/t/0";
  std::filesystem::rename(folder + "/control", folder + "/~control");
  auto other = many.open();
  EXPECT_EQ(other->find("t").or_throw()->partition(0, std::chrono::milliseconds{10}).error().code, "busy");
}

/// One that was moved away and made again is another one: nothing is read from it, or written to it.
TEST(Folders, AFolderThatTookTheNameIsNotTakenForIt) {
  Many many;
  auto topic = many.log->create("t", {.partitions = 1, .durability = Durability::memory}).or_throw();
  auto* const partition = topic->partition(0).or_throw();
  append(*partition, {event("0")});
  std::filesystem::rename(many.path + "/t", many.path + "/aside");
  EXPECT_EQ(topic->groups().error().code, "unknown_topic");
  auto other = many.open();
  append(*other->create("t", {.partitions = 1, .durability = Durability::memory}).or_throw()->partition(0).or_throw(),
         {event("other")});
  EXPECT_EQ(topic->groups().error().code, "unknown_topic");
  EXPECT_EQ(partition->segment_of(0).error().code, "folder_replaced");
  EXPECT_EQ(try_append(*partition, {event("1", std::string(2 << 20, 'x'))}).error().code, "folder_replaced")
      << "a roll";
  std::filesystem::remove_all(many.path + "/t");
  std::filesystem::rename(many.path + "/aside", many.path + "/t");
  EXPECT_EQ(read_ids(*partition).or_throw(), numbers(0, 1));
}

/// Where there is no descriptor left for the folder, no sync has failed.
TEST(Folders, NoDescriptorIsNoFault) {
  FaultyFiles files;
  Many many;
  many.log = LogDirectory::open(many.path, {.files = &files, .folders = std::make_shared<FolderBudget>(0)}).or_throw();
  auto topic = many.log->create("t", {.partitions = 1, .durability = Durability::memory}).or_throw();
  auto* const partition = topic->partition(0).or_throw();
  append(*partition, {event("0")});
  files.fail([](const FaultyFiles::Call& one) -> std::optional<Error> {
    if (one.name != "directory") return std::nullopt;
    return too_many_files();
  });
  EXPECT_EQ(partition->sync_to(1, std::chrono::seconds{10}).error().code, "outcome_unknown");
  EXPECT_EQ(append(*partition, {event("1")}), 1U);
  files.fail({});
  partition->sync_to(2, std::chrono::seconds{10}).or_throw();
  EXPECT_EQ(read_ids(*partition).or_throw(), numbers(0, 2));
}

}  // namespace
}  // namespace tidings::log
