#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

class FindTest : public OutboxTest {
 protected:
  void put_effect(const std::string& id, const std::string& key, const std::string& cause) {
    auto event = event_of(id, key);
    event.causation_id = cause;
    event.correlation_id = "the-cause-of-all";
    auto tx = store_->begin(10s).or_throw();
    enqueue_envelope(*tx, "orders", event.view(), {.tables = &tables_}).or_throw();
    tx->commit().or_throw();
  }
  std::vector<OutboxEvent> find(std::string_view id, std::size_t max = 100) {
    return find_events(*store_, id, max, tables_).or_throw();
  }
  OutboxEvent::State state_of(const std::string& id) {
    const auto found = find(id);
    EXPECT_EQ(found.size(), 1U) << id;
    return found.at(0).state;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, FindTest, ::testing::ValuesIn(store_kinds()));

TEST_P(FindTest, AnEventAndWhatItCausedAreFoundWhileTheyStandThere) {
  put("cause", "a");
  put_effect("effect", "b", "cause");
  put_effect("another", "b", "cause-of-another");
  const auto found = find("cause");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id, "cause");
  EXPECT_EQ(found[0].key, "a");
  EXPECT_EQ(found[0].topic, "orders");
  EXPECT_EQ(found[0].type, "test");
  EXPECT_EQ(found[0].state, OutboxEvent::State::waiting);
  EXPECT_FALSE(found[0].is_effect);
  EXPECT_GT(found[0].since, TimePoint{});
  EXPECT_EQ(found[1].id, "effect");
  EXPECT_TRUE(found[1].is_effect);
  EXPECT_EQ(find("cause", 1).size(), 1U);
  EXPECT_TRUE(find("the-cause-of-all").empty()) << "what stands elsewhere in an event is not its cause";
  auto engine = start(*store_, *broker_, options_);
  work(*engine);
  EXPECT_TRUE(find("cause").empty());
}

TEST_P(FindTest, OfAHeldKeyEachEventSaysWhyItIs) {
  using enum OutboxEvent::State;
  const auto keys = keys_of_one_part(2);
  put("bad", keys[0]);
  put("behind", keys[0]);
  SteeredBroker broker(*broker_);
  broker.before = refusing("bad");
  options_.attempts_max = 1'000'000;
  options_.retry_first = options_.retry_longest = 1h;
  {
    auto engine = start(*store_, broker, options_);
    turn(*engine, 10);
    EXPECT_EQ(state_of("bad"), retried);
    EXPECT_EQ(state_of("behind"), held);
    EXPECT_TRUE(find("bad")[0].is_first);
    EXPECT_FALSE(find("behind")[0].is_first);
    EXPECT_EQ(find("behind")[0].code, "too_large");
    EXPECT_EQ(find("behind")[0].attempts, 1);
  }
  {
    auto tx = store_->begin(10s).or_throw();
    tx->execute(in_dialect("update @keys set parked_at = @now", store_->dialect(), tables_)).or_throw();
    tx->commit().or_throw();
  }
  EXPECT_EQ(state_of("bad"), parked);
  EXPECT_EQ(state_of("behind"), parked);
}

}  // namespace
}  // namespace tidings::outbox
