// Deleting a topic while others open it and make it again: each step of the one with all that the others do between.
#include <gtest/gtest.h>

#include <functional>
#include <semaphore>
#include <thread>

#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

class DeletingRaces : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    watched.skip_syncs();
    unwatched.skip_syncs();
    begin_anew();
  }
  void begin_anew() {
    one = nullptr;
    one = open(watched);
    other = open(unwatched);
    third = open(unwatched);
  }
  void TearDown() override {
    one = nullptr;
    other = nullptr;
    third = nullptr;
    std::filesystem::remove_all(path);
  }

  /// Locks of one process on two descriptors are as those of two processes.
  std::unique_ptr<LogDirectory> open(FaultyFiles& files) {
    return LogDirectory::open(path, {.log = &silent, .files = &files}).or_throw();
  }
  static std::shared_ptr<TopicLog> make(LogDirectory& log) {
    return log.create("orders", {.durability = Durability::memory}).or_throw();
  }

  /// Does `act` before the `step`th call that `one` makes from now on.
  void before(std::uint64_t step, std::function<void()> act) {
    is_done_ = false;
    watched.fail([this, step, act = std::move(act), count = std::uint64_t{0}](const FaultyFiles::Call&) mutable {
      if (++count == step) {
        is_done_ = true;
        act();
      }
      return std::optional<Error>{};
    });
  }
  /// Whether there was such a call.
  bool was_done() {
    watched.fail({});
    return is_done_;
  }

  /// Who has an acknowledgement, and the topic open, finds what he wrote under the topic's name.
  void expect_there(std::string_view id) {
    auto now = open(unwatched);
    auto found = now->find("orders");
    ASSERT_TRUE(found) << to_string(found.error());
    ASSERT_NE(*found, nullptr);
    const auto ids = read_ids(*(*found)->partition(0).or_throw()).or_throw();
    EXPECT_EQ(std::ranges::count(ids, id), 1);
  }
  /// Nothing that has no topic's name is left, but what the next that deletes anything removes.
  void expect_clean() {
    one = nullptr;
    other = nullptr;
    third = nullptr;
    auto last = open(unwatched);
    make(*last);
    last->remove("orders").or_throw();
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      names.push_back(entry.path().filename().string());
    EXPECT_EQ(names, std::vector<std::string>{"slots.lock"});
  }

  std::string path = (std::filesystem::temp_directory_path() / "tidings-deleting-XXXXXX").string();
  Silent silent;
  FaultyFiles watched;
  FaultyFiles unwatched;
  std::unique_ptr<LogDirectory> one, other, third;

 private:
  bool is_done_ = false;
};

TEST_F(DeletingRaces, WhoOpensItWritesToTheTopicOrIsRefused) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    auto stale = make(*one);
    before(step, [&] {
      auto done = other->remove("orders");
      EXPECT_TRUE(done || done.error().code == "busy") << to_string(done.error());
    });
    auto partition = stale->partition(0);
    const bool goes_on = was_done();
    if (partition) {
      append(**partition, {event("0")});
      EXPECT_EQ(other->remove("orders").error().code, "busy");
      expect_there("0");
    } else {
      EXPECT_EQ(partition.error().code, "unknown_topic");
    }
    stale = nullptr;
    expect_clean();
    begin_anew();
    if (!goes_on) {
      EXPECT_GT(step, 10U);
      break;
    }
  }
}

TEST_F(DeletingRaces, WhoOpensItWhileItGoesWritesToTheTopicOrIsRefused) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    make(*one);
    auto stale = make(*other);
    bool is_acknowledged = false;
    before(step, [&] {
      auto partition = stale->partition(0, Duration::zero());
      if (!partition) {
        EXPECT_TRUE(partition.error().code == "unknown_topic" || partition.error().code == "busy")
            << to_string(partition.error());
        return;
      }
      append(**partition, {event("0")});
      is_acknowledged = true;
    });
    const auto done = one->remove("orders");
    const bool goes_on = was_done();
    EXPECT_EQ(done.has_value(), !is_acknowledged) << to_string(done.error());
    if (is_acknowledged) {
      EXPECT_EQ(done.error().code, "busy");
      expect_there("0");
    }
    stale = nullptr;
    expect_clean();
    begin_anew();
    if (!goes_on) {
      EXPECT_GT(step, 15U);
      break;
    }
  }
}

/// Who opens it stands still in the middle, goes on in the middle of the deleting, and makes files in what has no name.
TEST_F(DeletingRaces, WhatALateOpenerMakesGoesToo) {
  FaultyFiles late_files;
  late_files.skip_syncs();
  for (const std::uint64_t late_step : {1U, 2U})
    for (std::uint64_t step = 1;; ++step) {
      SCOPED_TRACE(step);
      make(*one);
      auto late_log = open(late_files);
      auto stale = make(*late_log);
      std::binary_semaphore stands{0};
      std::binary_semaphore goes_on{0};
      late_files.fail([&, count = std::uint64_t{0}](const FaultyFiles::Call&) mutable {
        if (++count == late_step) {
          stands.release();
          goes_on.acquire();
        }
        return std::optional<Error>{};
      });
      Result<PartitionLog*> opened = nullptr;
      std::thread late([&] { opened = stale->partition(0, Duration::zero()); });
      stands.acquire();
      before(step, [&] {
        goes_on.release();
        late.join();
      });
      const auto done = one->remove("orders");
      const bool was_late = was_done();
      if (!was_late) {
        goes_on.release();
        late.join();
      }
      if (opened) {
        EXPECT_EQ(done.error().code, "busy");
        append(**opened, {event("0")});
        expect_there("0");
      } else {
        EXPECT_TRUE(done) << to_string(done.error());
        EXPECT_TRUE(opened.error().code == "unknown_topic" || opened.error().code == "busy")
            << to_string(opened.error());
      }
      late_files.fail({});
      stale = nullptr;
      late_log = nullptr;
      expect_clean();
      begin_anew();
      if (!was_late) {
        EXPECT_GT(step, 15U);
        break;
      }
    }
}

TEST_F(DeletingRaces, WhoeverMadeItAgainMeanwhileKeepsIt) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    append(*make(*third)->partition(0).or_throw(), {event("old")});
    third = open(unwatched);
    std::shared_ptr<TopicLog> again;
    before(step, [&] {
      auto done = other->remove("orders");
      EXPECT_TRUE(done || done.error().code == "busy" || done.error().code == "unknown_topic")
          << to_string(done.error());
      again = third->create("orders", {.durability = Durability::memory}).or_throw();
      auto partition = again->partition(0, Duration::zero());
      if (!partition) {
        again = nullptr;
        return;
      }
      append(**partition, {event("0")});
    });
    const auto done = one->remove("orders");
    const bool goes_on = was_done();
    if (!done) {
      EXPECT_TRUE(done.error().code == "busy" || done.error().code == "unknown_topic") << to_string(done.error());
    }
    if (again) {
      expect_there("0");
    } else {
      EXPECT_TRUE(done);
    }
    again = nullptr;
    expect_clean();
    begin_anew();
    if (!goes_on) {
      EXPECT_GT(step, 15U);
      break;
    }
  }
}

TEST_F(DeletingRaces, WhoMakesOrFindsItWhileItGoesGetsOneOrNone) {
  for (const bool makes : {false, true})
    for (std::uint64_t step = 1;; ++step) {
      SCOPED_TRACE(step);
      make(*other);
      other = open(unwatched);
      before(step, [&] {
        auto done = other->remove("orders");
        EXPECT_TRUE(done || done.error().code == "unknown_topic") << to_string(done.error());
      });
      auto found = makes ? one->create("orders", {.durability = Durability::memory}) : one->find("orders");
      const bool goes_on = was_done();
      EXPECT_TRUE(found) << to_string(found.error());
      if (found && *found) {
        auto partition = (*found)->partition(0);
        EXPECT_TRUE(partition || partition.error().code == "unknown_topic") << to_string(partition.error());
      }
      found = std::shared_ptr<TopicLog>{};
      expect_clean();
      begin_anew();
      if (!goes_on) {
        EXPECT_GT(step, 4U);
        break;
      }
    }
}

TEST_F(DeletingRaces, AFileInPlaceOfATopicsGroupsIsTold) {
  make(*other);
  std::filesystem::remove(path + "/orders/groups");
  overwrite(path + "/orders/groups", "");
  EXPECT_EQ(one->find("orders").error().code, "not_a_directory");
  EXPECT_EQ(one->create("orders", {}).error().code, "not_a_directory");
  EXPECT_EQ(one->topics().or_throw(), std::vector<std::string>{"orders"});
}

TEST_F(DeletingRaces, AGroupThatWasMadeAgainMeanwhileStays) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    auto topic = make(*one);
    auto same = make(*other);
    topic->group("g", true).or_throw();
    std::optional<GroupFile> member;
    before(step, [&] {
      if (!same->remove_group("g")) return;
      member = same->group("g", true).or_throw();
      member->join().or_throw();
    });
    const auto done = topic->remove_group("g");
    const bool goes_on = was_done();
    if (member) {
      EXPECT_TRUE(member->is_named().or_throw());
      ASSERT_FALSE(done);
      EXPECT_TRUE(done.error().code == "not_found" || done.error().code == "group_active") << to_string(done.error());
    }
    member.reset();
    topic = same = nullptr;
    begin_anew();
    if (!goes_on) {
      EXPECT_GT(step, 4U);
      break;
    }
  }
}

TEST_F(DeletingRaces, AGroupThatGoesMeanwhileKeepsNoTopic) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    make(*one);
    auto same = make(*other);
    same->group("g", true).or_throw();
    before(step, [&] {
      auto done = same->remove_group("g");
      EXPECT_TRUE(done || done.error().code == "not_found" || done.error().code == "unknown_topic")
          << to_string(done.error());
    });
    const auto done = one->remove("orders");
    const bool goes_on = was_done();
    EXPECT_TRUE(done) << to_string(done.error());
    same = nullptr;
    expect_clean();
    begin_anew();
    if (!goes_on) {
      EXPECT_GT(step, 15U);
      break;
    }
  }
}

TEST_F(DeletingRaces, WhoJoinsAGroupThatIsDeletedJustNowIsToldSo) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    auto topic = make(*one);
    auto same = make(*other);
    topic->group("g", true).or_throw();
    before(step, [&] {
      auto member = same->group("g", true).or_throw();
      if (auto joined = member.join(); !joined) {
        EXPECT_EQ(joined.error().code, "group_gone") << to_string(joined.error());
      }
    });
    (void)topic->remove_group("g").has_value();
    const bool goes_on = was_done();
    topic = same = nullptr;
    begin_anew();
    if (!goes_on) {
      EXPECT_GT(step, 4U);
      break;
    }
  }
}

}  // namespace
}  // namespace tidings::log
