#include "outbox/engine.hpp"

#include <algorithm>
#include <set>

#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

class EngineTest : public OutboxTest {};
INSTANTIATE_TEST_SUITE_P(Stores, EngineTest, ::testing::ValuesIn(store_kinds()));

TEST_P(EngineTest, EventsOfAKeyLeaveInTheirOrderAndAreGoneThen) {
  for (int event = 0; event < 300; ++event) {
    const auto name = std::to_string(event);
    put((event % 7 == 0 ? "x" : "e") + name, event % 7 == 0 ? "" : "k" + std::to_string(event % 5));
  }
  auto engine = start(*store_, *broker_, options_);
  work(*engine);
  const auto all = published();
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 300U);
  EXPECT_EQ(all.size(), 300U);
  std::map<int, int> last;
  for (const auto& id : all) {
    if (id[0] == 'x') continue;
    const int number = std::stoi(id.substr(1));
    EXPECT_GE(number, last[number % 5]) << "within a key";
    last[number % 5] = number;
  }
  EXPECT_EQ(backlog(), 0);
  EXPECT_EQ(engine->counts().sent, 300U);
  EXPECT_EQ(engine->counts().duplicates, 0U);
}

TEST_P(EngineTest, WhatDiesBetweenPublishingAndRemovingIsThereOnce) {
  for (int event = 0; event < 20; ++event) put("e" + std::to_string(event), "k" + std::to_string(event % 3));
  start(*store_, *broker_, options_)->cycle(10s).or_throw();  // and goes, as in a crash: nothing is removed
  EXPECT_EQ(published().size(), 20U);
  EXPECT_EQ(backlog(), 20);
  for (int event = 20; event < 25; ++event) put("e" + std::to_string(event), "k" + std::to_string(event % 3));
  sleep_beyond_the_lease();
  auto next = start(*store_, *broker_, options_);
  work(*next);
  EXPECT_EQ(published().size(), 25U);
  EXPECT_EQ(next->counts().duplicates, 20U);
  EXPECT_EQ(backlog(), 0);
}

/// What the test before it is worth: without what the relay tells of itself the events are there twice.
TEST_P(EngineTest, WithoutProducersWhatDiesInBetweenComesAgainUnderTheSameId) {
  SteeredBroker broker(*broker_);
  broker.forget_producers();
  for (int event = 0; event < 20; ++event) put("e" + std::to_string(event), "k" + std::to_string(event % 3));
  start(*store_, broker, options_)->cycle(10s).or_throw();
  sleep_beyond_the_lease();
  work(*start(*store_, broker, options_));
  auto all = published();
  EXPECT_EQ(all.size(), 40U);
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 20U);
}

TEST_P(EngineTest, WhatNobodyHasSentYetIsSentByTheNextInItsOrder) {
  SteeredBroker broker(*broker_);
  broker.before = [](auto, auto) { return Error{"unreachable", "away", Retry::same_call}; };
  for (int event = 0; event < 10; ++event) put("e" + std::to_string(event), "k");
  EXPECT_TRUE(start(*store_, broker, options_)->cycle(10s).or_throw().broker_trouble);
  for (int event = 10; event < 20; ++event) put("e" + std::to_string(event), "k");
  sleep_beyond_the_lease();
  work(*start(*store_, *broker_, options_));
  Ids expected;
  for (int event = 0; event < 20; ++event) expected.push_back("e" + std::to_string(event));
  EXPECT_EQ(published(), expected);
}

TEST_P(EngineTest, AnOutcomeThatIsNotKnownIsTriedUnderTheSameIdAndSequence) {
  for (int event = 0; event < 10; ++event) put("e" + std::to_string(event), "k" + std::to_string(event % 2));
  SteeredBroker broker(*broker_);
  int times = 3;
  broker.after = [&](auto, auto) -> Result<> {
    if (times-- > 0) return Error{"outcome_unknown", "no answer", Retry::same_call};
    return {};
  };
  auto engine = start(*store_, broker, options_);
  turn(*engine, 6);
  work(*engine);
  EXPECT_EQ(published().size(), 10U);
  EXPECT_EQ(engine->counts().failed, 0U);
  EXPECT_EQ(backlog(), 0);
}

/// Where the broker fences nobody, time has to.
TEST_P(EngineTest, OnceItsLeaseIsOverNothingIsSentUntilItIsRenewed) {
  SteeredBroker broker(*broker_);
  broker.forget_producers();
  auto engine = start(*store_, broker, options_);
  broker.before = [](auto, auto) { return Error{"unreachable", "away", Retry::same_call}; };
  put("e0", "k");
  engine->cycle(10s).or_throw();
  broker.before = nullptr;
  put("e1", "other");
  std::this_thread::sleep_for(options_.lease);
  engine->cycle(10s).or_throw();
  EXPECT_TRUE(published().empty());
  work(*engine);
  EXPECT_EQ(published().size(), 2U);
}

TEST_P(EngineTest, PartsThatWereTakenInBetweenAreNotBegun) {
  options_.lease = 60s;  // in its own eyes
  auto engine = start(*store_, *broker_, options_);
  put("e0", "k");
  const auto another_has_them_for = [&](int milliseconds) {
    auto tx = store_->begin(10s).or_throw();
    tx->execute(in_dialect("update @parts set owner = 'another', epoch = epoch + 1, expires_at = @later($1)",
                           store_->dialect(), tables_),
                milliseconds)
        .or_throw();
    tx->commit().or_throw();
  };
  another_has_them_for(600'000);
  EXPECT_EQ(engine->cycle(10s).error().code, "conflict");
  EXPECT_TRUE(published().empty());
  EXPECT_TRUE(engine->is_beat_due());
  engine->beat(10s).or_throw();
  EXPECT_TRUE(engine->leases().held().empty());
  another_has_them_for(-1000);
  engine->beat(10s).or_throw();
  work(*engine);
  EXPECT_EQ(published(), (Ids{"e0"}));
}

/// A database that is restored from a copy has old sequences and epochs: what is written to it then must not be taken
/// for what was published before.
TEST_P(EngineTest, AfterARestoreFromACopyNewEventsAreNoRepeats) {
  struct Copy {
    std::int64_t part = 0;
    std::int64_t epoch = 0;
    std::int64_t next_sequence = 0;
  };
  std::vector<Copy> copies;
  for (int holder = 0; holder < 3; ++holder) {
    auto engine = start(*store_, *broker_, options_);
    if (holder == 0) {
      auto tx = store_->begin(10s).or_throw();
      copies = tx->query<Copy>(in_dialect("select part, epoch, next_sequence from @parts", store_->dialect(), tables_))
                   .or_throw();
    }
    for (int event = 0; event < 20; ++event) put("e" + std::to_string(holder * 20 + event), "k");
    work(*engine);
    engine->leave(10s).or_throw();
  }
  std::this_thread::sleep_for(3s);  // a restore takes longer than holders follow one another
  auto tx = store_->begin(10s).or_throw();
  for (const auto& [part, epoch, next] : copies)
    tx->execute(in_dialect("update @parts set epoch = $2, next_sequence = $3, flight = '' where part = $1",
                           store_->dialect(), tables_),
                part, epoch, next)
        .or_throw();
  tx->commit().or_throw();
  tx.reset();
  put("e60", "k");
  auto engine = start(*store_, *broker_, options_);
  work(*engine);
  EXPECT_EQ(published().size(), 61U);
  EXPECT_EQ(engine->counts().fenced, 0U);
}

/// A table of millions costs no more a row than one of ten: nothing is read but the first rows of each part.
TEST_P(EngineTest, WhatIsNextIsFoundByAnIndexWhateverStandsBehindIt) {
  if (!is_sqlite()) GTEST_SKIP() << "the plan is asked of SQLite";
  struct Step {
    std::string detail;
  };
  const Statements statements(store_->dialect(), tables_);
  auto tx = store_->begin(10s).or_throw();
  const auto plan = [&](const std::string& statement, const auto&... args) {
    std::string all;
    for (const auto& step : tx->query<Step>("explain query plan " + statement, args...).or_throw())
      all += step.detail + "\n";
    return all;
  };
  const auto next = plan(statements.fetch, "[1,2]", 16);
  EXPECT_NE(next.find("SEARCH i USING COVERING INDEX tidings_outbox_by_part"), std::string::npos) << next;
  EXPECT_NE(next.find("SEARCH o USING INTEGER PRIMARY KEY"), std::string::npos) << next;
  EXPECT_EQ(next.find("SCAN o"), std::string::npos) << next;
  EXPECT_EQ(next.find("SCAN i"), std::string::npos) << next;
  for (const auto& by_id : {statements.remove_outbox, statements.remove_held, statements.hold, statements.of_held})
    EXPECT_EQ(plan(by_id, "[1,2]").find("SCAN tidings"), std::string::npos) << plan(by_id, "[1,2]");
  const auto of_key = plan(statements.of_key, 1, "t", "k", 0, 10);
  EXPECT_NE(of_key.find("USING INDEX tidings_outbox_held_by_key"), std::string::npos) << of_key;
}

TEST_P(EngineTest, PartsAreSharedFairlyAndThoseOfADeadOneAreTaken) {
  const auto parts_of = [](const Engine& engine) { return engine.leases().held().size(); };
  auto first = start(*store_, *broker_, options_);
  EXPECT_EQ(parts_of(*first), 64U);
  auto second = start(*store_, *broker_, options_);
  EXPECT_EQ(parts_of(*second), 0U);
  first->beat(10s).or_throw();
  second->beat(10s).or_throw();
  EXPECT_EQ(parts_of(*first), 32U);
  EXPECT_EQ(parts_of(*second), 32U);
  auto third = start(*store_, *broker_, options_);
  for (auto* const engine : {first.get(), second.get(), third.get()}) engine->beat(10s).or_throw();
  EXPECT_EQ(parts_of(*first), 22U);
  EXPECT_EQ(parts_of(*second), 22U);
  EXPECT_EQ(parts_of(*third), 20U);
  std::set<std::uint32_t> all;
  for (auto* const engine : {first.get(), second.get(), third.get()})
    for (const auto& [number, part] : engine->leases().held()) EXPECT_TRUE(all.insert(number).second) << number;
  EXPECT_EQ(all.size(), 64U);
  const auto told = status(*store_, tables_).or_throw();
  EXPECT_EQ(told.holders.size(), 3U);
  EXPECT_TRUE(told.free_parts.empty());
  second.reset();  // dies
  third->leave(10s).or_throw();
  for (int beat = 0; beat < 8; ++beat) {
    std::this_thread::sleep_for(options_.lease / 6);
    first->beat(10s).or_throw();
  }
  EXPECT_EQ(parts_of(*first), 64U);
}

/// On a database with several writers an id is given before its transaction commits: what has a lower id may be there
/// later. Nobody who remembers the last id that it saw finds it.
TEST_P(EngineTest, WhatIsCommittedLateUnderALowerIdIsPublishedAndANaivePollerMissesIt) {
  std::int64_t naive_last = 0;
  Ids naive;
  struct Seen {
    std::int64_t id = 0;
    std::string message_id;
  };
  const auto poll_naively = [&] {
    auto tx = store_->begin(10s).or_throw();
    for (const auto& [id, message_id] :
         tx->query<Seen>(
               in_dialect("select id, message_id from @outbox where id > $1 order by id", store_->dialect(), tables_),
               naive_last)
             .or_throw()) {
      naive.push_back(message_id);
      naive_last = id;
    }
  };
  options_.lease = 60s;
  auto engine = start(*store_, *broker_, options_);
  if (is_sqlite()) {  // one writer: made to look so
    put("early", "a");
    auto tx = store_->begin(10s).or_throw();
    tx->execute("update tidings_outbox set id = 10").or_throw();
    tx->commit().or_throw();
    poll_naively();
    work(*engine);
    put("late", "b");
    tx = store_->begin(10s).or_throw();
    tx->execute("update tidings_outbox set id = 5").or_throw();
    tx->commit().or_throw();
  } else {
    auto late = store_->begin(10s).or_throw();
    put(*late, "late", "b");
    late->query<std::int64_t>("select 1").or_throw();  // so that it has its id
    put("early", "a");
    poll_naively();
    work(*engine);  // nor does the open transaction stall it
    for (int look = 0; look < 5; ++look) {
      std::this_thread::sleep_for(110ms);  // looks what is settled, which the open transaction's id is not
      engine->cycle(10s).or_throw();
    }
    late->commit().or_throw();
  }
  EXPECT_EQ(published(), (Ids{"early"}));
  poll_naively();
  work(*engine);
  EXPECT_EQ(published(), (Ids{"early", "late"}));
  EXPECT_EQ(naive, (Ids{"early"}));
}

TEST_P(EngineTest, AnIdleTransactionStallsNobodyElse) {
  if (is_sqlite()) GTEST_SKIP() << "SQLite has one writer at a time";
  auto idle = store_->begin(10s).or_throw();
  put(*idle, "idle", "k-idle");
  idle->query<std::int64_t>("select 1").or_throw();  // so that it has its id
  auto engine = start(*store_, *broker_, options_);
  for (int event = 0; event < 50; ++event) put("e" + std::to_string(event), "k" + std::to_string(event));
  work(*engine);
  EXPECT_EQ(published().size(), 50U);
  idle->commit().or_throw();
  work(*engine);
  EXPECT_EQ(published().size(), 51U);
}

TEST_P(EngineTest, WhatWasSentIsArchivedForAsLongAsIsWanted) {
  options_.archive_for = 2s;
  auto engine = start(*store_, *broker_, options_);
  auto tx = store_->begin(10s).or_throw();
  for (int event = 0; event < 2'500; ++event) put(*tx, "e" + std::to_string(event), "k" + std::to_string(event));
  tx->commit().or_throw();
  tx.reset();
  work(*engine);
  EXPECT_EQ(backlog(), 0);
  EXPECT_EQ(number("select count(*) from @archive"), 2'500);
  std::this_thread::sleep_for(2100ms);
  turn(*engine, 1);
  EXPECT_EQ(number("select count(*) from @archive"), 1'500) << "in steps that end soon";
  turn(*engine, 2);
  EXPECT_EQ(number("select count(*) from @archive"), 0);
}

TEST_P(EngineTest, WhileTheDatabaseIsAwayNothingIsForgotten) {
  StoreThatMayBeAway store(*store_);
  auto engine = start(store, *broker_, options_);
  for (int event = 0; event < 10; ++event) put("e" + std::to_string(event), "k");
  engine->cycle(10s).or_throw();
  store.is_away = true;
  EXPECT_EQ(engine->cycle(10s).error().code, "unavailable");
  put("e10", "k");
  store.is_away = false;
  work(*engine);
  EXPECT_EQ(published().size(), 11U);
  EXPECT_EQ(engine->counts().duplicates, 0U) << "what was sent is settled, not sent again";
  EXPECT_EQ(backlog(), 0);
}

TEST_P(EngineTest, StatusTellsWhatWaits) {
  auto none = status(*store_, tables_).or_throw();
  EXPECT_EQ(none.backlog, 0U);
  EXPECT_FALSE(none.oldest);
  EXPECT_EQ(none.free_parts.size(), 64U);
  put("e0", "k");
  std::this_thread::sleep_for(20ms);
  put("e1", "k");
  const auto some = status(*store_, tables_).or_throw();
  EXPECT_EQ(some.backlog, 2U);
  EXPECT_TRUE(some.backlog_is_exact);
  ASSERT_TRUE(some.oldest);
  EXPECT_GE(*some.oldest, 19ms);
  EXPECT_LE(*some.oldest, 10s);
  auto tx = store_->begin(10s).or_throw();
  for (int event = 0; event < 12'000; ++event) put(*tx, std::to_string(event), "k" + std::to_string(event));
  tx->commit().or_throw();
  const auto many = status(*store_, tables_).or_throw();
  EXPECT_FALSE(many.backlog_is_exact);
  EXPECT_GE(many.backlog, 12'000U);
  EXPECT_LE(many.backlog, 12'010U);
}

}  // namespace
}  // namespace tidings::outbox
