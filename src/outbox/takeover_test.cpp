#include <set>

#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

class TakeoverTest : public OutboxTest {};
INSTANTIATE_TEST_SUITE_P(Stores, TakeoverTest, ::testing::ValuesIn(store_kinds()));

/// Something of every part was on its way, so that there is nothing to begin before that is sent again.
TEST_P(TakeoverTest, WhatDiesWithSomethingOfEveryPartIsThereOnce) {
  std::set<std::uint32_t> of;
  std::size_t events = 0;
  for (; of.size() < part_count; ++events) {
    const auto key = "k" + std::to_string(events);
    of.insert(part_of(key));
    put("e" + std::to_string(events), key);
  }
  start(*store_, *broker_, options_)->cycle(10s).or_throw();  // and goes, as in a crash: nothing is removed
  ASSERT_EQ(published().size(), events);
  sleep_beyond_the_lease();
  auto next = start(*store_, *broker_, options_);
  work(*next);
  EXPECT_EQ(published().size(), events);
  EXPECT_EQ(next->counts().duplicates, events);
  EXPECT_EQ(backlog(), 0);
}

}  // namespace
}  // namespace tidings::outbox
