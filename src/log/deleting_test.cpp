#include <gtest/gtest.h>

#include "log/faulty_files.hpp"
#include "log/layout.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

struct Folder {
  Folder() {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::unique_ptr<LogDirectory> open() {
    return LogDirectory::open(path, {.log = &silent, .files = &files}).or_throw();
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(path)) all.push_back(entry.path().filename().string());
    std::erase(all, "slots.lock");
    return all;
  }

  std::string path = (std::filesystem::temp_directory_path() / "tidings-deleting-XXXXXX").string();
  Silent silent;
  FaultyFiles files;
};

TEST(Deleting, ATopicGoesWithAllThatIsInIt) {
  Folder folder;
  auto log = folder.open();
  for (int round = 0; round < 2; ++round) {
    auto topic = log->create("orders", {.partitions = 3, .durability = Durability::memory}).or_throw();
    append(*topic->partition(2).or_throw(), {event("0")});
    topic->group("audit", true).or_throw();
    topic.reset();
    log->remove("orders").or_throw();
    EXPECT_EQ(log->find("orders").or_throw(), nullptr);
    EXPECT_TRUE(folder.names().empty());
  }
}

TEST(Deleting, WhoeverUsesItKeepsIt) {
  Folder folder;
  auto log = folder.open();
  auto other = folder.open();  // locks of one process on two descriptors are as those of two processes
  auto topic = log->create("orders", {.durability = Durability::memory}).or_throw();
  append(*topic->partition(0).or_throw(), {event("0")});
  EXPECT_EQ(log->remove("orders").error().code, "busy");
  EXPECT_EQ(other->remove("orders").error().code, "busy");
  topic.reset();
  EXPECT_EQ(other->remove("orders").error().code, "busy") << "its handle has the partition open";
  log = folder.open();
  {
    auto group = log->find("orders").or_throw()->group("audit", true).or_throw();
    group.join().or_throw();
    EXPECT_EQ(other->remove("orders").error().code, "busy");
  }
  EXPECT_EQ(read_ids(*log->find("orders").or_throw()->partition(0).or_throw()).or_throw(), numbers(0, 1));
  log = folder.open();
  other->remove("orders").or_throw();
}

TEST(Deleting, WhoHasItOpenWithoutAPartitionFindsTheNextOfThatName) {
  Folder folder;
  auto log = folder.open();
  auto other = folder.open();
  auto stale = log->create("orders", {.durability = Durability::memory}).or_throw();
  other->remove("orders").or_throw();
  EXPECT_EQ(stale->partition(0).error().code, "unknown_topic") << "nothing that is written there would be found";
  EXPECT_EQ(log->find("orders").or_throw(), nullptr);
  append(*other->create("orders", {.durability = Durability::memory}).or_throw()->partition(0).or_throw(),
         {event("0")});
  EXPECT_EQ(read_ids(*log->find("orders").or_throw()->partition(0).or_throw()).or_throw(), numbers(0, 1));
}

TEST(Deleting, OneThatIsDamagedGoesUnlessItIsInUse) {
  for (const auto* const damaged :
       {"topic.meta", "groups/audit", "control", "0/control", "0/00000000000000000000.log"}) {
    Folder folder;
    {
      auto topic = folder.open()->create("orders", {.durability = Durability::memory}).or_throw();
      append(*topic->partition(0).or_throw(), {event("0")});
      topic->group("audit", true).or_throw();
    }
    auto log = folder.open();
    auto user = log->find("orders").or_throw();
    auto group = user->group("audit", false).or_throw();
    group.join().or_throw();
    auto bytes = read_file(folder.path + "/orders/" + damaged).or_throw();
    for (std::size_t i = 0; i < 64; ++i) bytes[i] = '?';
    std::ofstream(folder.path + "/orders/" + damaged, std::ios::binary | std::ios::in | std::ios::out) << bytes;
    auto other = folder.open();
    EXPECT_EQ(other->remove("orders").error().code, "busy") << damaged << ": it has a member";
    {
      const auto gone = std::move(group);
    }
    user.reset();
    log.reset();
    other->remove("orders").or_throw();
    EXPECT_TRUE(folder.names().empty()) << damaged;
  }
}

TEST(Deleting, OneOfANewerFormatIsLeftToANewerProgram) {
  Folder folder;
  auto log = folder.open();
  log->create("orders", {}).or_throw();
  log = folder.open();
  MetaFile meta;
  auto bytes = read_file(folder.path + "/orders/topic.meta").or_throw();
  std::memcpy(&meta, bytes.data(), sizeof meta);
  meta.version = 1;
  meta.checksum = checksum_of(meta);
  overwrite(folder.path + "/orders/topic.meta", std::string(reinterpret_cast<const char*>(&meta), sizeof meta));
  EXPECT_EQ(log->remove("orders").error().code, "newer_version");
  EXPECT_FALSE(folder.names().empty());
}

/// Whoever deletes it dies, at each step: the topic is there as it was, or nobody writes to what is left of it.
TEST(Deleting, NobodyWritesToWhatADeathLeft) {
  for (std::uint64_t step = 1;; ++step) {
    Folder folder;
    auto log = folder.open();
    auto stale = log->create("orders", {.durability = Durability::memory}).or_throw();
    FaultyFiles dying;
    auto other = LogDirectory::open(folder.path, {.log = &folder.silent, .files = &dying}).or_throw();
    dying.fail([step, count = std::uint64_t{0}](const FaultyFiles::Call&) mutable {
      return ++count >= step ? std::optional(io_error()) : std::nullopt;
    });
    const auto done = other->remove("orders");
    other.reset();
    const auto names = folder.names();
    if (std::ranges::find(names, "orders") != names.end()) {
      append(*stale->partition(0).or_throw(), {event("0")});
      EXPECT_EQ(log->find("orders").or_throw(), stale) << step;
    } else {
      const auto refused = stale->partition(0);
      ASSERT_FALSE(refused) << step;
      EXPECT_EQ(refused.error().code, "unknown_topic") << step;
      EXPECT_EQ(log->find("orders").or_throw(), nullptr) << step;
    }
    if (done) {
      EXPECT_GT(step, 15U);
      break;
    }
  }
}

TEST(Deleting, WhatFailsHalfWayGoesWithTheNext) {
  for (std::uint64_t step = 1;; ++step) {
    Folder folder;
    {
      auto log = folder.open();
      append(*log->create("orders", {.durability = Durability::memory}).or_throw()->partition(0).or_throw(),
             {event("0")});
      log->create("invoices", {}).or_throw();
    }
    auto log = folder.open();
    folder.files.fail([step, count = std::uint64_t{0}](const FaultyFiles::Call&) mutable {
      return ++count == step ? std::optional(io_error()) : std::nullopt;
    });
    const auto done = log->remove("orders");
    folder.files.fail({});
    // All of it is there, or nothing has its name.
    if (auto topic = log->find("orders").or_throw()) {
      EXPECT_FALSE(done) << step;
      ASSERT_EQ(read_ids(*topic->partition(0).or_throw()).or_throw(), numbers(0, 1)) << step;
      topic.reset();
      log->remove("orders").or_throw();
    }
    log->remove("invoices").or_throw();
    ASSERT_TRUE(folder.names().empty()) << step;
    if (done) {
      EXPECT_GT(step, 15U);
      break;
    }
  }
}

}  // namespace
}  // namespace tidings::log
