#include "tidings/inbox/inbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/base/clock.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::inbox {
namespace {

using namespace std::chrono_literals;

using tidings::testing::SharedPostgres;
using tidings::testing::TemporaryFolder;

class InboxTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sqlite") {
      folder.emplace(TemporaryFolder::make("inbox").or_throw());
      store = open_store("sqlite:" + folder->path() + "/data.db").or_throw();
      return;
    }
    TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
    ASSERT_TRUE(SharedPostgres::get().ready()) << to_string(SharedPostgres::get().ready().error());
    store = open_store(tidings::testing::postgres_url(SharedPostgres::get().server())).or_throw();
    static int number = 0;
    prefix = "inbox_test_" + std::to_string(number++) + ".tidings_";
    auto tx = store->begin(10s).or_throw();
    tx->execute("create schema " + prefix.substr(0, prefix.find('.'))).or_throw();
    tx->commit().or_throw();
  }

  Inbox open(std::string_view consumer = "shop.reserve", std::string_view topic = "orders", Duration window = 7 * 24h) {
    return Inbox::open(*store, consumer, topic, {.window = window, .prefix = prefix, .clock = &clock}).or_throw();
  }
  [[nodiscard]] Arrival arrival(std::string_view id, std::uint64_t offset) const {
    return {.message_id = id, .partition = Partition{1}, .offset = Offset{offset}, .appended = clock.now()};
  }
  Result<bool> handle(Inbox& inbox, const Arrival& one) {
    auto tx = store->begin(10s).or_throw();
    auto first = inbox.mark(*tx, one);
    if (first) tx->commit().or_throw();
    return first;
  }
  Result<bool> try_to_handle(Inbox& inbox, const Arrival& one) {
    auto tx = store->begin(10s);
    if (!tx) return tx.error();
    auto first = inbox.mark(**tx, one);
    if (first)
      if (auto committed = (*tx)->commit(); !committed) return committed.error();
    return first;
  }
  static std::size_t clean(Inbox& inbox, Store& store, std::size_t most = 1'000) {
    std::size_t all = 0;
    for (;;) {
      const auto cleaned = inbox.clean_up(store, most).or_throw();
      all += cleaned.marks;
      if (cleaned.is_done) return all;
    }
  }

  ManualClock clock;
  std::optional<TemporaryFolder> folder;
  std::string prefix = "tidings_";
  std::unique_ptr<Store> store;
};
INSTANTIATE_TEST_SUITE_P(Stores, InboxTest, ::testing::Values("sqlite", "postgres"));

TEST_P(InboxTest, ManyAtOnceAreMarkedAsOneByOne) {
  auto inbox = open();
  auto other = open("shop.mail");
  EXPECT_TRUE(handle(inbox, arrival("m7", 7)).or_throw());
  std::vector<std::string> ids;
  for (int at = 0; at < 100; ++at) ids.push_back("m" + std::to_string(at == 50 ? 3 : at));  // one is there twice
  std::vector<Arrival> arrivals;
  for (std::size_t at = 0; at < ids.size(); ++at) arrivals.push_back(arrival(ids[at], at));
  const auto mark = [&](Inbox& of) {
    auto tx = store->begin(10s).or_throw();
    auto first = of.mark(*tx, arrivals).or_throw();
    tx->commit().or_throw();
    return first;
  };
  const auto first = mark(inbox);
  ASSERT_EQ(first.size(), ids.size());
  for (std::size_t at = 0; at < ids.size(); ++at) EXPECT_EQ(first[at], at != 7 && at != 50) << at;
  for (const bool one : mark(inbox)) EXPECT_FALSE(one);
  EXPECT_FALSE(handle(inbox, arrival("m99", 99)).or_throw());
  EXPECT_TRUE(mark(other)[7]) << "of another consumer";
  {
    auto tx = store->begin(10s).or_throw();
    EXPECT_TRUE(inbox.mark(*tx, std::span<const Arrival>{}).or_throw().empty());
  }
}

TEST_P(InboxTest, ManyAtOnceAreRefusedWhereOneIsForgotten) {
  auto inbox = open("shop.reserve", "orders", 2h);
  EXPECT_TRUE(handle(inbox, arrival("old", 40)).or_throw());
  std::vector<std::string> ids;
  for (int at = 0; at < 33; ++at) ids.push_back("m" + std::to_string(at));
  std::vector<Arrival> arrivals;
  for (std::size_t at = 0; at < ids.size(); ++at) arrivals.push_back(arrival(ids[at], 100 + at));
  arrivals[20] = arrival("m20", 20);
  clock.advance(4h);
  EXPECT_EQ(clean(inbox, *store), 1U);
  for (auto& one : arrivals)
    if (one.offset.value >= 100) one.appended = clock.now();
  auto tx = store->begin(10s).or_throw();
  const auto marked = inbox.mark(*tx, arrivals);
  ASSERT_FALSE(marked);
  EXPECT_EQ(marked.error().code, "beyond_inbox_window");
}

TEST_P(InboxTest, WhatWasCommittedIsKnown) {
  auto inbox = open();
  EXPECT_TRUE(handle(inbox, arrival("a", 0)).or_throw());
  EXPECT_FALSE(handle(inbox, arrival("a", 0)).or_throw());
  EXPECT_FALSE(handle(inbox, arrival("a", 7)).or_throw()) << "published twice";
  EXPECT_TRUE(handle(inbox, arrival("b", 1)).or_throw());
  auto again = open();
  EXPECT_FALSE(handle(again, arrival("b", 1)).or_throw());
}

TEST_P(InboxTest, WhoLooksFromOutsideSeesWhenItWasMarked) {
  const auto nothing = status(*store, 100, prefix);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, "no_inbox");
  auto inbox = open();
  auto other = open("shop.count");
  const auto first = clock.now();
  ASSERT_TRUE(handle(inbox, {.message_id = "a", .source = "web", .offset = Offset{1}}).or_throw());
  clock.advance(1h);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(handle(inbox, arrival(std::to_string(i), 2)).or_throw());
  {
    auto tx = store->begin(10s).or_throw();
    const auto marked = inbox.marked_at(*tx, {.message_id = "a", .source = "web"}).or_throw();
    ASSERT_TRUE(marked);
    EXPECT_EQ(*marked, std::chrono::floor<std::chrono::milliseconds>(first));
    EXPECT_FALSE(inbox.marked_at(*tx, {.message_id = "a", .source = "shop"}).or_throw()) << "another's event";
    EXPECT_FALSE(other.marked_at(*tx, {.message_id = "a", .source = "web"}).or_throw()) << "another consumer";
  }
  const auto all = status(*store, 100, prefix).or_throw();
  EXPECT_EQ(all.marks, 5U);
  EXPECT_TRUE(all.is_exact);
  EXPECT_EQ(all.consumers, 2U);
  EXPECT_EQ(all.oldest, std::chrono::floor<std::chrono::milliseconds>(first));
  const auto some = status(*store, 3, prefix).or_throw();
  EXPECT_EQ(some.marks, 3U);
  EXPECT_FALSE(some.is_exact);
}

TEST_P(InboxTest, ManyMayOpenItForTheFirstTimeAtOnce) {
  std::vector<std::jthread> others;
  for (int other = 0; other < 4; ++other)
    others.emplace_back([&, other] {
      const auto opened = Inbox::open(*store, "consumer-" + std::to_string(other), "orders", {.prefix = prefix});
      EXPECT_TRUE(opened) << to_string(opened.error());
    });
}

TEST_P(InboxTest, IdsOfAnyLengthAreTold) {
  auto inbox = open();
  std::string name;
  for (int number = 0; name.size() < 60'000; ++number) name += std::to_string(number * 7919);
  const auto other = "x" + name.substr(1);
  const auto shorter = name.substr(0, name.size() - 1);
  for (const bool first : {true, false})
    for (const auto& id : {name, other, shorter}) EXPECT_EQ(handle(inbox, arrival(id, 1)).or_throw(), first);
}

/// Ids of producers elsewhere may be small numbers.
TEST_P(InboxTest, AnEventIsKnownByItsSourceToo) {
  auto inbox = open();
  auto one = arrival("42", 0);
  one.source = "a";
  auto other = arrival("42", 1);
  other.source = "b";
  for (const bool first : {true, false}) {
    EXPECT_EQ(handle(inbox, one).or_throw(), first);
    EXPECT_EQ(handle(inbox, other).or_throw(), first);
  }
}

/// Also once the table was empty.
TEST_P(InboxTest, TheCleanUpGoesOnAfterAQuietTime) {
  auto inbox = open();
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t number = 0; number < 20 - round; ++number)
      EXPECT_TRUE(handle(inbox, arrival(std::to_string(round) + "-" + std::to_string(number), number)).or_throw());
    clock.advance(8 * 24h);
    EXPECT_EQ(clean(inbox, *store), 20 - round);
  }
}

TEST_P(InboxTest, WhatWasRolledBackIsNot) {
  auto inbox = open();
  {
    auto tx = store->begin(10s).or_throw();
    EXPECT_TRUE(inbox.mark(*tx, arrival("a", 0)).or_throw());
    EXPECT_FALSE(inbox.mark(*tx, arrival("a", 0)).or_throw());
  }
  EXPECT_TRUE(handle(inbox, arrival("a", 0)).or_throw());
}

TEST_P(InboxTest, EachConsumerAndTopicHasItsOwn) {
  auto one = open();
  auto other = open("shop.bill");
  auto of_topic = open("shop.reserve", "returns");
  for (auto* inbox : {&one, &other, &of_topic}) EXPECT_TRUE(handle(*inbox, arrival("a", 0)).or_throw());
  for (auto* inbox : {&one, &other, &of_topic}) EXPECT_FALSE(handle(*inbox, arrival("a", 0)).or_throw());
}

TEST_P(InboxTest, MarksAreKeptForTheWindowAndThenRemovedInSteps) {
  auto inbox = open();
  auto other = open("shop.bill", "orders", 30 * 24h);
  for (std::uint64_t number = 0; number < 25; ++number) {
    EXPECT_TRUE(handle(inbox, arrival(std::to_string(number), number)).or_throw());
    EXPECT_TRUE(handle(other, arrival(std::to_string(number), number)).or_throw());
  }
  clock.advance(7 * 24h);
  EXPECT_TRUE(handle(inbox, arrival("young", 25)).or_throw());
  EXPECT_EQ(clean(inbox, *store, 10), 0U);
  clock.advance(2h);
  EXPECT_EQ(clean(inbox, *store, 10), 25U);
  EXPECT_EQ(clean(inbox, *store, 10), 0U);
  EXPECT_FALSE(handle(inbox, arrival("young", 25)).or_throw());
  EXPECT_FALSE(handle(other, arrival("3", 3)).or_throw()) << "another's window is longer";
  EXPECT_EQ(clean(other, *store, 10), 0U);
  clock.advance(30 * 24h);
  EXPECT_EQ(clean(other, *store, 10), 25U);
}

TEST_P(InboxTest, WhatMayHaveBeenHandledBeyondTheWindowIsRefused) {
  auto inbox = open();
  auto handled = arrival("a", 4);
  auto not_handled = arrival("b", 5);
  EXPECT_TRUE(handle(inbox, handled).or_throw());
  clock.advance(8 * 24h);
  EXPECT_FALSE(handle(inbox, handled).or_throw()) << "its mark is there still";
  clean(inbox, *store);
  const auto refused = handle(inbox, handled);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "beyond_inbox_window");
  EXPECT_EQ(refused.error().retry, Retry::never);
  EXPECT_TRUE(handle(inbox, not_handled).or_throw()) << "old, but nothing from there on was ever handled";
  EXPECT_TRUE(handle(inbox, arrival("c", 3)).or_throw()) << "new, as of a topic that was made anew";
}

TEST_P(InboxTest, WhoWantsTheEffectsOnceMoreHasThemForgotten) {
  auto inbox = open();
  for (std::uint64_t number = 0; number < 5; ++number)
    EXPECT_TRUE(handle(inbox, arrival(std::to_string(number), number)).or_throw());
  const auto third = arrival("3", 3);
  const auto first = arrival("1", 1);
  const auto forget = [&](Offset from) {
    auto tx = store->begin(10s).or_throw();
    const auto marks = inbox.forget(*tx, Partition{1}, from).or_throw();
    tx->commit().or_throw();
    return marks;
  };
  EXPECT_EQ(forget(Offset{3}), 2U);
  EXPECT_TRUE(handle(inbox, third).or_throw());
  EXPECT_FALSE(handle(inbox, first).or_throw());
  clock.advance(8 * 24h);
  clean(inbox, *store);
  EXPECT_FALSE(handle(inbox, third));
  EXPECT_EQ(forget(Offset{3}), 0U);
  EXPECT_TRUE(handle(inbox, third).or_throw()) << "also what was cleaned up";
  EXPECT_FALSE(handle(inbox, first));
}

TEST_P(InboxTest, OneOfManyThatComeAtOnceHandlesIt) {
  auto inbox = open();
  std::atomic<int> handled = 0;
  std::vector<std::jthread> all;
  for (int thread = 0; thread < 4; ++thread)
    all.emplace_back([&] {
      for (std::uint64_t number = 0; number < 50; ++number)
        while (true) {
          auto first = try_to_handle(inbox, arrival(std::to_string(number), number));
          if (!first && first.error().code == "conflict") continue;  // with who was before it
          if (std::move(first).or_throw()) ++handled;
          break;
        }
    });
  all.clear();
  EXPECT_EQ(handled, 50);
}

TEST_P(InboxTest, MistakesAreTold) {
  const auto code = [&](std::string_view consumer, const InboxOptions& options) {
    return Inbox::open(*store, consumer, "t", options).error().code;
  };
  EXPECT_EQ(code("", {}), "invalid_name");
  EXPECT_EQ(code("c", {.window = 0s}), "invalid_options");
  EXPECT_EQ(code("c", {.prefix = "x; drop table y"}), "invalid_options");
  EXPECT_EQ(code("c", {.prefix = "a.b.c"}), "invalid_options");
}

}  // namespace
}  // namespace tidings::inbox
