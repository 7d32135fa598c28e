#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

/// A relay stands still just before it publishes, longer than its lease; another one has its parts, publishes what it
/// had begun, and more. Then the first goes on.
class LateRelayTest : public OutboxTest {
 protected:
  Ids late(bool strips_producers) {
    for (int event = 0; event < 10; ++event) put("e" + std::to_string(event), "k");
    SteeredBroker broker(*broker_);
    broker.strips_producers = strips_producers;
    const auto other_store = open_again();
    std::unique_ptr<Engine> other;
    bool is_first = true;
    broker.before = [&](auto, auto) -> Result<> {
      if (!std::exchange(is_first, false)) return {};
      sleep_beyond_the_lease();
      for (int event = 10; event < 20; ++event) put("e" + std::to_string(event), "k");
      other = start(*other_store, *broker_, options_);
      work(*other);
      return {};
    };
    auto first = start(*store_, broker, options_);
    first->cycle(10s).or_throw();
    fenced_ = first->counts().fenced;
    if (first->is_beat_due()) first->beat(10s).or_throw();
    first->cycle(10s).or_throw();
    put("e20", "k");
    work(*other);
    work(*first);
    return published();
  }
  static Ids in_order() {
    Ids all;
    for (int event = 0; event <= 20; ++event) all.push_back("e" + std::to_string(event));
    return all;
  }
  std::uint64_t fenced_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Stores, LateRelayTest, ::testing::ValuesIn(store_kinds()));

TEST_P(LateRelayTest, IsFencedAndNothingIsOutOfOrderNorTwice) {
  EXPECT_EQ(late(false), in_order());
  EXPECT_EQ(fenced_, 1U);
  EXPECT_EQ(backlog(), 0);
}

/// What the test before it is worth.
TEST_P(LateRelayTest, WithoutProducersItWouldReorder) {
  EXPECT_NE(late(true), in_order());
}

TEST_P(LateRelayTest, WhatItDecidesOfPartsThatAreAnothersIsNotWritten) {
  put("e0", "k");
  SteeredBroker broker(*broker_);
  broker.before = refusing("e");  // its own opinion
  auto first = start(*store_, broker, options_);
  first->cycle(10s).or_throw();
  sleep_beyond_the_lease();
  const auto other_store = open_again();
  auto other = start(*other_store, *broker_, options_);
  work(*other);
  first->cycle(10s).or_throw();
  EXPECT_EQ(held().size(), 0U) << "the key is held for an event that has been published";
  EXPECT_FALSE(first->leases().held().contains(part_of("k")));
  put("e1", "k");
  work(*other);
  EXPECT_EQ(published(), (Ids{"e0", "e1"}));
}
}  // namespace
}  // namespace tidings::outbox
