#include <algorithm>

#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

class HeldKeysTest : public OutboxTest {};
INSTANTIATE_TEST_SUITE_P(Stores, HeldKeysTest, ::testing::ValuesIn(store_kinds()));

TEST_P(HeldKeysTest, ARefusedEventHoldsItsKeyAndNoOther) {
  const auto keys = keys_of_one_part(3);
  put("a0", keys[0]);
  put("bad1", keys[1]);
  put("c2", keys[2]);
  put("b3", keys[1]);
  put("a4", keys[0]);
  put("b5", keys[1], "other");  // another topic keeps another order
  SteeredBroker broker(*broker_);
  broker.before = refusing("bad");
  options_.attempts_max = 1'000'000;
  auto engine = start(*store_, broker, options_);
  turn(*engine, 10);
  EXPECT_EQ(published(), (Ids{"a0", "c2", "a4"}));
  EXPECT_EQ(published("other"), (Ids{"b5"}));
  put("b6", keys[1]);
  put("a7", keys[0]);
  turn(*engine, 10);
  EXPECT_EQ(published(), (Ids{"a0", "c2", "a4", "a7"}));
  ASSERT_EQ(held().size(), 1U);
  const auto key = held()[0];
  EXPECT_EQ(key.key, (HeldKey{"orders", keys[1]}));
  EXPECT_EQ(key.events, 3U);
  EXPECT_EQ(key.first_id, "bad1");
  EXPECT_EQ(key.code, "too_large");
  EXPECT_FALSE(key.is_parked);
  EXPECT_EQ(backlog(), 0) << "what is held stands in nobody's way";
  broker.before = nullptr;  // mended
  EXPECT_TRUE(eventually([&] {
    work(*engine);
    return held().empty();
  }));
  EXPECT_EQ(published(), (Ids{"a0", "c2", "a4", "a7", "bad1", "b3", "b6"}));
}

TEST_P(HeldKeysTest, AfterItsAttemptsAKeyIsParkedUntilItIsDrivenAgain) {
  const auto keys = keys_of_one_part(2);
  put("bad0", keys[0]);
  put("b1", keys[1]);
  SteeredBroker broker(*broker_);
  broker.before = refusing("bad");
  options_.attempts_max = 3;
  auto engine = start(*store_, broker, options_);
  EXPECT_TRUE(eventually([&] {
    work(*engine);
    return engine->counts().failed == 3;
  }));
  work(*engine);
  ASSERT_EQ(held().size(), 1U);
  EXPECT_TRUE(held()[0].is_parked);
  EXPECT_EQ(held()[0].attempts, 3);
  EXPECT_NE(log_.text().find("parked"), std::string::npos);
  std::this_thread::sleep_for(20ms);
  put("a2", keys[0]);
  work(*engine);
  EXPECT_EQ(engine->counts().failed, 3U) << "by itself it is tried no more";
  EXPECT_EQ(status(*store_, tables_).or_throw().parked_keys, 1U);

  EXPECT_EQ(redrive(*store_, {"orders", "nobody"}, tables_).error().code, "unknown_key");
  redrive(*store_, held()[0].key, tables_).or_throw();  // nothing was mended
  EXPECT_TRUE(eventually([&] {
    work(*engine);
    return engine->counts().failed == 6;
  }));
  work(*engine);
  ASSERT_EQ(held().size(), 1U);
  EXPECT_TRUE(held()[0].is_parked);

  broker.before = nullptr;
  put("a3", keys[0]);
  EXPECT_EQ(redrive_all(*store_, tables_).or_throw(), 1U);
  work(*engine);
  put("a4", keys[0]);
  work(*engine);
  EXPECT_EQ(published(), (Ids{"b1", "bad0", "a2", "a3", "a4"}));
  EXPECT_TRUE(held().empty());
  EXPECT_EQ(number("select count(*) from @held"), 0);
}

TEST_P(HeldKeysTest, AKeyOfAnyLengthIsHeld) {
  std::string key;
  for (int number = 0; key.size() < 60'000; ++number) key += std::to_string(number * 7919);  // nothing that compresses
  SteeredBroker broker(*broker_);
  broker.before = refusing("bad");
  put("bad", key);
  put("good", "k");
  options_.attempts_max = 1;
  auto engine = start(*store_, broker, options_);
  turn(*engine, 5);
  EXPECT_EQ(published(), (Ids{"good"}));
  ASSERT_EQ(held().size(), 1U);
  EXPECT_EQ(held()[0].key.key, key);
  broker.before = nullptr;
  redrive(*store_, held()[0].key, tables_).or_throw();
  work(*engine);
  EXPECT_EQ(published(), (Ids{"good", "bad"}));
  EXPECT_TRUE(held().empty());
}

TEST_P(HeldKeysTest, EventsWithoutAKeyAreHeldAlone) {
  put("bad0", "");
  put("e1", "");
  put("bad2", "");
  SteeredBroker broker(*broker_);
  broker.before = refusing("bad");
  options_.attempts_max = 1;
  auto engine = start(*store_, broker, options_);
  work(*engine);
  EXPECT_EQ(published(), (Ids{"e1"}));
  ASSERT_EQ(held().size(), 2U);
  EXPECT_NE(held()[0].key.row, held()[1].key.row);
  const auto bad2 = held()[held()[0].first_id == "bad2" ? 0 : 1].key;
  EXPECT_EQ(drop(*store_, bad2, tables_).or_throw(), 1U);
  EXPECT_EQ(drop(*store_, bad2, tables_).error().code, "unknown_key");
  broker.before = nullptr;
  redrive_all(*store_, tables_).or_throw();
  work(*engine);
  EXPECT_EQ(published(), (Ids{"e1", "bad0"}));
}

TEST_P(HeldKeysTest, WhatIsDroppedGoesAndWhatComesLaterIsPublished) {
  put("bad0", "k");
  put("e1", "k");
  SteeredBroker broker(*broker_);
  broker.before = refusing("bad");
  options_.attempts_max = 1;
  auto engine = start(*store_, broker, options_);
  work(*engine);
  EXPECT_EQ(drop(*store_, {"orders", "k"}, tables_).or_throw(), 2U);
  put("e2", "k");
  work(*engine);
  EXPECT_EQ(published(), (Ids{"e2"}));
  EXPECT_TRUE(held().empty());
}

/// The sequence of an event that was refused lies below what was published since: under it the broker would take the
/// event as there already, and it would be lost.
TEST_P(HeldKeysTest, ARefusedEventGetsANewSequenceWhoeverSendsItThen) {
  const auto keys = keys_of_one_part(2);
  put("bad0", keys[0]);
  put("b1", keys[1]);
  SteeredBroker broker(*broker_);
  broker.before = refusing("bad");
  {
    auto engine = start(*store_, broker, options_);
    engine->cycle(10s).or_throw();  // sends
    engine->cycle(10s).or_throw();  // settles, and dies
  }
  sleep_beyond_the_lease();
  auto next = start(*store_, *broker_, options_);
  EXPECT_TRUE(eventually([&] {
    work(*next);
    return held().empty();
  }));
  EXPECT_EQ(published(), (Ids{"b1", "bad0"}));
  EXPECT_EQ(next->counts().duplicates, 0U);
}

/// And one that dies before it has settled that: who comes next sends under the sequences that were begun.
TEST_P(HeldKeysTest, WhoDiesBeforeItSettledARefusalLosesNothing) {
  const auto keys = keys_of_one_part(2);
  put("bad0", keys[0]);
  put("b1", keys[1]);
  put("a2", keys[0]);
  SteeredBroker broker(*broker_);
  broker.before = refusing("bad");
  start(*store_, broker, options_)->cycle(10s).or_throw();
  EXPECT_EQ(published(), (Ids{"b1"}));
  sleep_beyond_the_lease();
  auto next = start(*store_, broker, options_);
  turn(*next, 4);
  broker.before = nullptr;
  EXPECT_TRUE(eventually([&] {
    work(*next);
    return held().empty();
  }));
  EXPECT_EQ(published(), (Ids{"b1", "bad0", "a2"}));
}

/// Of what was begun some may be gone; what stands before the gap must be there before what stands behind it is sent.
TEST_P(HeldKeysTest, ARefusalBeforeAGapLosesNothing) {
  const auto keys = keys_of_one_part(4);
  put("a0", keys[0]);
  put("bad1", keys[1]);
  put("gone2", keys[2]);
  put("c3", keys[3]);
  SteeredBroker broker(*broker_);
  broker.before = [](auto, auto) { return Error{"unreachable", "away", Retry::same_call}; };
  start(*store_, broker, options_)->cycle(10s).or_throw();
  auto tx = store_->begin(10s).or_throw();
  tx->execute(in_dialect("delete from @outbox where message_id = 'gone2'", store_->dialect(), tables_)).or_throw();
  tx->commit().or_throw();
  tx.reset();
  sleep_beyond_the_lease();
  broker.before = refusing("bad");
  options_.attempts_max = 1;
  auto engine = start(*store_, broker, options_);
  work(*engine);
  EXPECT_EQ(published(), (Ids{"a0", "c3"}));
  EXPECT_EQ(held().size(), 1U);
  EXPECT_EQ(engine->counts().duplicates, 0U);
}
}  // namespace
}  // namespace tidings::outbox
