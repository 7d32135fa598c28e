#include "moved_inbox.hpp"

#include <gtest/gtest.h>

#include "testing/servers/temporary_folder.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;
using tidings::testing::TemporaryFolder;

class MovedInboxTest : public ::testing::Test {
 protected:
  /// Handles offsets 0 to 9 of partition 1, a day each, with a window of five days.
  void SetUp() override {
    const auto store = open_store(url_).or_throw();
    auto inbox = inbox::Inbox::open(*store, "books.enter", "orders", {.window = 5 * 24h, .clock = &clock_}).or_throw();
    for (std::uint64_t offset = 0; offset < 10; ++offset) {
      ASSERT_TRUE(handle(*store, inbox, offset).or_throw());
      clock_.advance(24h);
    }
    inbox.clean_up(*store).or_throw();
  }
  Result<bool> handle(Store& store, inbox::Inbox& inbox, std::uint64_t offset) {
    auto tx = store.begin(10s).or_throw();
    const auto id = "event-" + std::to_string(offset);
    auto first = inbox.mark(*tx, {.message_id = id,
                                  .partition = Partition{1},
                                  .offset = Offset{offset},
                                  .appended = TimePoint{} + offset * 24h});
    if (first) tx->commit().or_throw();
    return first;
  }
  static GroupInfo moved_to(std::uint64_t offset) {
    GroupInfo group;
    group.partitions = {{.partition = Partition{0}, .position = Offset{0}},
                        {.partition = Partition{1}, .position = Offset{offset}}};
    return group;
  }

  TemporaryFolder folder_ = TemporaryFolder::make("moved").or_throw();
  std::string url_ = "sqlite:" + folder_.path() + "/books.db";
  ManualClock clock_{TimePoint{}};
};

TEST_F(MovedInboxTest, APlaceBeyondTheWindowIsRefusedAndSaysWhatToDo) {
  auto inbox = MovedInbox::open(url_, "books.enter", "orders").or_throw();
  EXPECT_TRUE(inbox.allows(moved_to(9)));
  EXPECT_TRUE(inbox.allows(moved_to(5)));
  const auto refused = inbox.allows(moved_to(4));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "beyond_inbox_window");
  EXPECT_NE(refused.error().message.find("before offset 5 of partition 1"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("--replay"), std::string::npos);
}

TEST_F(MovedInboxTest, WhatIsForgottenTakesEffectAgain) {
  auto inbox = MovedInbox::open(url_, "books.enter", "orders").or_throw();
  EXPECT_EQ(inbox.forget(moved_to(2)).or_throw(), 5U) << "5 to 9 were remembered";
  EXPECT_TRUE(inbox.allows(moved_to(2)));
  EXPECT_FALSE(inbox.allows(moved_to(1)));
  const auto store = open_store(url_).or_throw();
  auto own = inbox::Inbox::open(*store, "books.enter", "orders", {.window = 5 * 24h, .clock = &clock_}).or_throw();
  for (const std::uint64_t offset : {2, 4, 9}) EXPECT_TRUE(handle(*store, own, offset).or_throw()) << offset;
  EXPECT_EQ(handle(*store, own, 1).error().code, "beyond_inbox_window");
}

TEST_F(MovedInboxTest, AnInboxThatIsNotThereIsNotMade) {
  for (const auto& [group, topic] : {std::pair("books.entre", "orders"), std::pair("books.enter", "order")}) {
    const auto none = MovedInbox::open(url_, group, topic);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, "unknown_inbox");
  }
  const auto other = "sqlite:" + folder_.path() + "/other.db";
  EXPECT_FALSE(MovedInbox::open(other, "books.enter", "orders"));
  (void)open_store(other).or_throw();
  EXPECT_EQ(MovedInbox::open(other, "books.enter", "orders").error().code, "unknown_inbox");
}

}  // namespace
}  // namespace tidings::cli
