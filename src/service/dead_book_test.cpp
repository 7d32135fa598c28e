#include "service/dead_book.hpp"

#include <gtest/gtest.h>

#include "tidings/base/key_hash.hpp"

namespace tidings::service {
namespace {

constexpr std::uint64_t nothing_after = ~std::uint64_t{0};

Letter letter(std::string_view key, std::uint64_t offset, std::string_view hold = "h1", std::string_view code = "no") {
  return {.topic = "orders",
          .offset = offset,
          .hold = hold,
          .code = code,
          .reason = {},
          .ordered = !key.empty(),
          .follows = {},
          .key = key.empty() ? 0 : key_hash(key)};
}
DeadPlace place(std::string_view key, std::uint64_t offset) {
  return {key.empty() ? 0 : key_hash(key), offset, !key.empty()};
}

class BookTest : public ::testing::Test {
 protected:
  BookTest() { book_.read(DeadTaken{}, "h1"); }

  Book::Standing standing(std::string_view key, std::uint64_t offset) const {
    return book_.standing(key_hash(key), true, offset);
  }
  void begin(const DeadLetterRequest& what = {}, const std::string& id = "r1") {
    what_ = what;
    book_.read(DeadBegun{.topic = {}, .hold = "h1", .request = id, .what = what});
    book_.begin_look(id);
  }
  Book::Verdict look(std::string_view key, std::uint64_t offset, std::uint64_t end = nothing_after) {
    return book_.look(letter(key, offset), key, offset, what_, end);
  }

  Book book_;
  DeadLetterRequest what_;
};

using Standing = Book::Standing;
using Verdict = Book::Verdict;

TEST_F(BookTest, LaterEventsOfAKeyStandBehindTheParkedOneAndNoOthers) {
  EXPECT_EQ(standing("a", 10), Standing::free);
  EXPECT_TRUE(book_.read(letter("a", 10), 0));
  EXPECT_EQ(standing("a", 11), Standing::behind);
  EXPECT_EQ(standing("b", 11), Standing::free);
  EXPECT_EQ(standing("a", 10), Standing::parked) << "it comes again where its owner died before he settled it";
  EXPECT_EQ(standing("a", 9), Standing::free) << "what came before may come again too";
  EXPECT_FALSE(book_.would_block(key_hash("a"), 9));
  EXPECT_EQ(book_.first_of(key_hash("a")), 10U);
}

TEST_F(BookTest, WhatStandsThereTwiceCountsOnce) {
  EXPECT_TRUE(book_.read(letter("a", 10), 0));
  EXPECT_TRUE(book_.read(letter("a", 12), 1));
  EXPECT_FALSE(book_.read(letter("a", 10), 2));
  EXPECT_FALSE(book_.read(letter("a", 12), 3));
  EXPECT_TRUE(book_.read(letter("", 13), 4));
  EXPECT_FALSE(book_.read(letter("", 13), 5));
  EXPECT_EQ(book_.open(), 3U);
  book_.close(place("a", 10), false);
  book_.close(place("a", 10), false);
  book_.close(place("", 13), true);
  book_.close(place("", 13), true);
  EXPECT_EQ(book_.open(), 1U);
  EXPECT_EQ(standing("a", 14), Standing::behind);
  book_.close(place("a", 12), false);
  EXPECT_EQ(standing("a", 14), Standing::free);
  EXPECT_EQ(book_.parked(), 3U);
  EXPECT_EQ(book_.redriven(), 2U);
  EXPECT_EQ(book_.dropped(), 1U);
  EXPECT_EQ(book_.remembered(), 0U);
}

TEST_F(BookTest, WhatAnEarlierOwnerWritesLateCountsForNothing) {
  EXPECT_TRUE(book_.read(letter("a", 10), 0));
  book_.read(DeadTaken{}, "h2");
  EXPECT_FALSE(book_.read(letter("b", 11), 2));
  book_.read(DeadClosed{.topic = {}, .hold = "h1", .request = {}, .redriven = {place("a", 10)}, .dropped = {}});
  EXPECT_EQ(standing("a", 12), Standing::behind);
  EXPECT_EQ(standing("b", 12), Standing::free);
  EXPECT_TRUE(book_.read(letter("b", 11, "h2"), 4));
  book_.read(DeadClosed{.topic = {}, .hold = "h2", .request = {}, .redriven = {place("a", 10)}, .dropped = {}});
  EXPECT_EQ(standing("a", 12), Standing::free);
}

// `drop --first` drops the first of a key and drives the rest: by one entry where all of it ends at once.
TEST_F(BookTest, OneEntryTellsOfBothEndsOfAKey) {
  book_.watch(10);
  for (const std::uint64_t offset : {10, 11, 12}) (void)book_.read(letter("a", offset), offset);
  book_.read(DeadClosed{.topic = {},
                        .hold = "h1",
                        .request = {},
                        .redriven = {place("a", 11), place("a", 12)},
                        .dropped = {place("a", 10)}});
  EXPECT_EQ(book_.open(), 0U);
  EXPECT_EQ(book_.dropped(), 1U);
  EXPECT_EQ(standing("a", 13), Standing::free);
  EXPECT_EQ(book_.end_of(10), DeadLetterEnd::dropped);
}

TEST_F(BookTest, LettersOfEarlierVersionsBlockNobody) {
  EXPECT_TRUE(book_.read(letter("a", 10, ""), 0));
  EXPECT_EQ(standing("a", 11), Standing::free);
  EXPECT_EQ(book_.open(), 1U);
  begin();
  EXPECT_EQ(book_.look(letter("a", 10, ""), "a", 0, what_, nothing_after), Verdict::redrive);
}

TEST_F(BookTest, TheFirstEntryThatIsKeptMayBeOfAnyHold) {
  Book book;
  EXPECT_TRUE(book.read(letter("a", 10, "gone"), 0));
  EXPECT_EQ(book.standing(key_hash("a"), true, 11), Standing::behind);
}

TEST_F(BookTest, AKeyIsFreeOnceAllOfItIsWrittenDownAsClosed) {
  book_.park(place("a", 10));
  book_.park(place("a", 11));
  book_.closing(place("a", 10));
  EXPECT_EQ(standing("a", 12), Standing::behind);
  book_.closing(place("a", 11));
  EXPECT_EQ(standing("a", 12), Standing::closing);
  book_.close(place("a", 10), false);
  EXPECT_EQ(standing("a", 12), Standing::closing);
  book_.close(place("a", 11), false);
  EXPECT_EQ(standing("a", 12), Standing::free);
}

TEST_F(BookTest, ARequestMeansKeysByTheirFirstEvent) {
  (void)book_.read(letter("a", 10, "h1", "away"), 10);
  (void)book_.read(letter("a", 11, "h1", "follows_parked"), 11);
  (void)book_.read(letter("b", 12, "h1", "bad"), 12);
  begin({.filter = {.code = "away"}});
  EXPECT_EQ(book_.look(letter("a", 10, "h1", "away"), "a", 10, what_, nothing_after), Verdict::redrive);
  EXPECT_EQ(book_.look(letter("a", 10, "h1", "away"), "a", 10, what_, nothing_after), Verdict::pass) << "once";
  EXPECT_EQ(book_.look(letter("a", 11, "h1", "follows_parked"), "a", 11, what_, nothing_after), Verdict::redrive);
  EXPECT_EQ(book_.look(letter("b", 12, "h1", "bad"), "b", 12, what_, nothing_after), Verdict::pass);
  EXPECT_EQ(book_.active(), 1U);
  book_.close(place("a", 10), false);
  book_.close(place("a", 11), false);
  EXPECT_EQ(book_.active(), 0U);
}

TEST_F(BookTest, WhatIsParkedAfterTheRequestIsNotMeantButForWhatFollows) {
  (void)book_.read(letter("a", 10), 10);
  begin({});
  EXPECT_EQ(look("a", 10, 11), Verdict::redrive);
  book_.park(place("a", 14));
  book_.park(place("b", 15));
  EXPECT_EQ(look("a", 14, 11), Verdict::redrive) << "it came meanwhile, and follows";
  EXPECT_EQ(look("b", 15, 11), Verdict::pass);
}

TEST_F(BookTest, OneThatFailsAgainStopsItsKey) {
  (void)book_.read(letter("a", 10), 10);
  (void)book_.read(letter("a", 11), 11);
  begin({});
  EXPECT_EQ(look("a", 10), Verdict::redrive);
  EXPECT_TRUE(book_.may_go_on(place("a", 11)));
  book_.failed(place("a", 10), "worse", {}, "r1");
  EXPECT_FALSE(book_.may_go_on(place("a", 11)));
  EXPECT_EQ(look("a", 11), Verdict::pass);
  EXPECT_EQ(book_.active(), 0U);
  EXPECT_EQ(standing("a", 12), Standing::behind);
  begin({.filter = {.code = "worse"}}, "r2");
  EXPECT_EQ(look("a", 10), Verdict::redrive) << "by what it failed with last";
}

TEST_F(BookTest, ADropGoesOnWithWhatCameAfterIt) {
  for (std::uint64_t offset = 10; offset < 13; ++offset) (void)book_.read(letter("a", offset), offset);
  begin({.action = DeadLetterRequest::Action::drop});
  EXPECT_EQ(look("a", 10, 12), Verdict::drop);
  EXPECT_EQ(look("a", 11, 12), Verdict::drop);
  EXPECT_EQ(look("a", 12, 12), Verdict::redrive);
}

TEST_F(BookTest, OfTheFirstAloneTheRestIsDrivenAgain) {
  for (std::uint64_t offset = 10; offset < 13; ++offset) (void)book_.read(letter("a", offset), offset);
  begin({.action = DeadLetterRequest::Action::drop, .only_first = true});
  EXPECT_EQ(look("a", 10), Verdict::drop);
  EXPECT_EQ(look("a", 11), Verdict::redrive);
}

/// What the next owner reads, wherever the one before ended.
TEST_F(BookTest, ANextOwnerGoesOnWhereTheOneBeforeEnded) {
  for (std::uint64_t offset = 10; offset < 13; ++offset) (void)book_.read(letter("a", offset, "h1", "away"), offset);
  (void)book_.read(letter("b", 13, "h1", "away"), 13);
  (void)book_.read(letter("", 14, "h1", "away"), 14);
  begin({.filter = {.code = "away"}});
  book_.read(DeadClosed{.topic = {}, .hold = "h1", .request = "r1", .redriven = {place("a", 10)}, .dropped = {}});
  book_.read(
      DeadFailed{.topic = {}, .hold = "h1", .request = "r1", .place = place("b", 13), .code = "away", .reason = {}});
  book_.read(
      DeadFailed{.topic = {}, .hold = "h1", .request = "r1", .place = place("", 14), .code = "away", .reason = {}});
  book_.read(DeadTaken{}, "h2");
  book_.begin_look("r1");
  const auto look = [&](std::string_view key, std::uint64_t offset, std::string_view code) {
    return book_.look(letter(key, offset, "h1", code), key, offset, what_, nothing_after);
  };
  EXPECT_EQ(look("a", 10, "away"), Verdict::pass);
  EXPECT_EQ(look("a", 11, "follows_parked"), Verdict::redrive) << "the key was meant, whatever its first event is now";
  EXPECT_EQ(look("a", 12, "follows_parked"), Verdict::redrive);
  EXPECT_EQ(look("b", 13, "away"), Verdict::pass) << "it failed in this request already";
  EXPECT_EQ(look("", 14, "away"), Verdict::pass);
  EXPECT_EQ(book_.request("r1")->fruitless, 0);
  EXPECT_EQ(book_.request("r1")->redriven, 1U);
  EXPECT_EQ(book_.request("r1")->failed, 2U);
}

TEST_F(BookTest, WhatTheJournalLostIsGivenUp) {
  (void)book_.read(letter("a", 10), 10);
  (void)book_.read(letter("b", 11), 11);
  begin({.filter = {.key = "a"}});
  EXPECT_EQ(look("a", 10), Verdict::redrive);
  EXPECT_EQ(look("b", 11), Verdict::pass);
  EXPECT_EQ(book_.give_up_lost("r1"), 1U);
  EXPECT_EQ(standing("a", 12), Standing::free);
  EXPECT_EQ(standing("b", 12), Standing::behind);
  EXPECT_EQ(book_.active(), 0U);
}

}  // namespace
}  // namespace tidings::service
