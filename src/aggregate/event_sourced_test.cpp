// What is peculiar to aggregates that are kept by their events: snapshots, older events, and what is missing.
#include "aggregate/testing.hpp"

namespace shop {

/// The order as an older program had it, under the same name in the tables.
namespace v1 {
struct PriceSet {
  std::string item;
  std::int64_t euros = 0;
  static constexpr tidings::traits<PriceSet> event{.name = "shop.price-set", .topic = "items", .key = &PriceSet::item};
};
struct Noted {
  std::string item;
  static constexpr tidings::traits<Noted> event{.name = "shop.noted", .topic = "items", .key = &Noted::item};
};
struct ItemState {
  std::string id;
  std::int64_t euros = 0;
  void apply(const PriceSet& event) {
    id = event.item;
    euros = event.euros;
  }
  void apply(const Noted&) {}
};
class Item : public tidings::Aggregate<ItemState, PriceSet, Noted> {
 public:
  static constexpr tidings::AggregateTraits aggregate{.name = "shop.item"};
  void set(std::string id, std::int64_t euros) { raise(PriceSet{std::move(id), euros}); }
  void note() { raise(Noted{state().id}); }
};
}  // namespace v1

struct PriceSet {
  std::string item;
  std::int64_t cents = 0;
  static constexpr tidings::traits<PriceSet> event{
      .name = "shop.price-set", .version = 2, .topic = "items", .key = &PriceSet::item};
  static PriceSet upcast(const v1::PriceSet& old) { return {old.item, old.euros * 100}; }
};
struct ItemState {
  std::string id;
  std::int64_t cents = 0;
  void apply(const PriceSet& event) {
    id = event.item;
    cents = event.cents;
  }
  void apply(const v1::Noted&) {}
};
class Item : public tidings::Aggregate<ItemState, PriceSet, v1::Noted> {
 public:
  static constexpr tidings::AggregateTraits aggregate{.name = "shop.item"};
  void set(std::string id, std::int64_t cents) { raise(PriceSet{std::move(id), cents}); }
};

/// Counts what is applied. Of one shape, and of two versions of what it means.
inline int applied = 0;
struct Counted {
  std::string id;
  static constexpr tidings::traits<Counted> event{.name = "shop.counted", .topic = "items", .key = &Counted::id};
};
template <std::uint32_t Version>
struct CountState {
  std::string id;
  std::int64_t count = 0;
  void apply(const Counted& counted) {
    id = counted.id;
    count += Version;
    ++applied;
  }
  static constexpr tidings::traits<CountState> event{.name = "shop.count-state", .version = Version};
};
template <std::uint32_t Version>
class Counter : public tidings::Aggregate<CountState<Version>, Counted> {
 public:
  static constexpr tidings::AggregateTraits aggregate{.name = "shop.counter"};
  void count(int times) {
    for (; times > 0; --times) this->raise(Counted{"c"});
  }
};

}  // namespace shop

namespace tidings::aggregate {
namespace {

class EventSourcedTest : public StoreTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { open(GetParam()); }

  template <class A>
  [[nodiscard]] Repository<A> repository(std::uint32_t snapshot_every = 10) const {
    return event_sourced<A>({.source = "shop", .tables = tables_, .snapshot_every = snapshot_every});
  }
  template <class A>
  Result<A> load(const Repository<A>& repository, const std::string& id) {
    auto tx = store_->begin(10s).or_throw();
    return repository.load(*tx, id);
  }
  /// Saves so many counts at once, and says how many events were applied for loading it before.
  template <std::uint32_t Version>
  int count(int times, std::uint32_t every = 10) {
    const auto counters = repository<shop::Counter<Version>>(every);
    shop::applied = 0;
    auto tx = store_->begin(10s).or_throw();
    auto counter = counters.find(*tx, "c").or_throw().value_or(shop::Counter<Version>{});
    const int replayed = shop::applied;
    counter.count(times);
    counters.save(*tx, counter).or_throw();
    tx->commit().or_throw();
    return replayed;
  }
  std::int64_t snapshot_at() {
    auto tx = store_->begin(10s).or_throw();
    return tx->query_one<std::int64_t>("select state_at from " + tables_.name("aggregates")).or_throw().value_or(-1);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, EventSourcedTest, ::testing::Values("sqlite", "postgres"));

TEST_P(EventSourcedTest, LoadingAppliesWhatCameAfterTheLastSnapshot) {
  EXPECT_EQ(count<1>(9), 0);
  EXPECT_EQ(snapshot_at(), 0);
  EXPECT_EQ(count<1>(1), 9);
  EXPECT_EQ(snapshot_at(), 10);
  EXPECT_EQ(count<1>(3), 0);
  EXPECT_EQ(count<1>(20), 3) << "several at once pass the mark";
  EXPECT_EQ(snapshot_at(), 33);
  EXPECT_EQ(count<1>(1), 0);
  EXPECT_EQ(load(repository<shop::Counter<1>>(), "c").or_throw().state().count, 34);
  EXPECT_EQ(StoreTest::count("aggregate_events"), 34);
}

TEST_P(EventSourcedTest, NoSnapshotsWhereNoneAreWanted) {
  EXPECT_EQ(count<1>(25, 0), 0);
  EXPECT_EQ(snapshot_at(), 0);
  EXPECT_EQ(count<1>(1, 0), 25);
}

TEST_P(EventSourcedTest, ASnapshotOfAnotherVersionIsLeftAloneUntilTheNextOne) {
  count<1>(10);
  EXPECT_EQ(snapshot_at(), 10);
  EXPECT_EQ(load(repository<shop::Counter<2>>(), "c").or_throw().state().count, 20) << "as the events tell it now";
  EXPECT_EQ(count<2>(5), 10);
  EXPECT_EQ(count<2>(5), 15);
  EXPECT_EQ(count<2>(1), 0);
  EXPECT_EQ(load(repository<shop::Counter<2>>(), "c").or_throw().state().count, 42);
}

TEST_P(EventSourcedTest, ASnapshotThatCannotBeReadIsLeftAlone) {
  count<1>(10);
  run("update " + tables_.name("aggregates") + " set state = '{\"id\":7}'");
  EXPECT_EQ(load(repository<shop::Counter<1>>(), "c").or_throw().state().count, 10);
}

TEST_P(EventSourcedTest, OlderEventsAndSnapshotsOfOtherShapesAreRead) {
  const auto old = repository<shop::v1::Item>(1);
  shop::v1::Item item;
  item.set("mug", 3);
  item.note();
  old.save(*store_, item).or_throw();
  const auto items = repository<shop::Item>(1);
  auto read = load(items, "mug").or_throw();
  EXPECT_EQ(read.state().cents, 300);
  read.set("mug", 250);
  items.save(*store_, read).or_throw();
  EXPECT_EQ(load(items, "mug").or_throw().state().cents, 250);
  // The older program does not know what is newer, and says so.
  EXPECT_EQ(code(load(old, "mug")), "unknown_version");
}

TEST_P(EventSourcedTest, AnEventThatTheClassDoesNotKnowIsNamed) {
  count<1>(2, 0);
  run("update " + tables_.name("aggregate_events") + " set event_type = 'shop.weighed' where version = 2");
  const auto refused = load(repository<shop::Counter<1>>(), "c");
  ASSERT_EQ(code(refused), "unknown_event");
  EXPECT_EQ(refused.error().retry, Retry::never);
  for (const auto* const part : {"shop.weighed", "shop.counter 'c'", "number 2"})
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
}

TEST_P(EventSourcedTest, WhatIsMissingOrWrongIsSeen) {
  std::string said;
  const auto refused = [&](const std::string& change) {
    run("delete from " + tables_.name("aggregates"));
    run("delete from " + tables_.name("aggregate_events"));
    count<1>(3, 0);
    run(change);
    const auto loaded = load(repository<shop::Counter<1>>(), "c");
    said = loaded ? "" : loaded.error().message;
    return code(loaded);
  };
  const auto events = tables_.name("aggregate_events");
  EXPECT_EQ(refused("delete from " + events + " where version = 2"), "corrupt");
  EXPECT_NE(said.find("number 2 is missing"), std::string::npos) << said;
  EXPECT_EQ(refused("delete from " + events + " where version = 3"), "corrupt");
  EXPECT_EQ(refused("delete from " + events + " where version = 1"), "corrupt");
  EXPECT_EQ(refused("update " + events + " set data = '{' where version = 2"), "invalid_json");
  EXPECT_EQ(refused("update " + events + " set data = '{\"id\":\"d\"}' where version = 3"), "corrupt") << "another id";
  EXPECT_EQ(refused("insert into " + events +
                    "(type, id, version, message_id, event_type, event_version, event_time, source, correlation_id, "
                    "causation_id, trace_parent, data) select type, id, 4, message_id, event_type, event_version, "
                    "event_time, source, correlation_id, causation_id, trace_parent, data from " +
                    events + " where version = 3"),
            "")
      << "what its row does not count has not happened to it";
}

TEST_P(EventSourcedTest, TheStreamHasWhatTheOutboxHas) {
  count<1>(2);
  struct Stored {
    std::string message_id, event_type, source, correlation_id, data;
    std::int64_t event_version = 0, event_time = 0;
  };
  auto tx = store_->begin(10s).or_throw();
  const auto stored = tx->query<Stored>(
                            "select message_id, event_type, source, correlation_id, data, event_version, "
                            "event_time from " +
                            tables_.name("aggregate_events") + " order by version")
                          .or_throw();
  const auto out = tx->query<Stored>(
                         "select message_id, type as event_type, '' as source, '' as correlation_id, '' as "
                         "data, type_version as event_version, event_time from " +
                         tables_.name("outbox") + " order by id")
                       .or_throw();
  ASSERT_EQ(stored.size(), 2U);
  for (std::size_t at = 0; at < 2; ++at) {
    EXPECT_EQ(stored[at].message_id, out[at].message_id);
    EXPECT_EQ(stored[at].event_type, "shop.counted");
    EXPECT_EQ(stored[at].source, "shop");
    EXPECT_EQ(stored[at].correlation_id, stored[at].message_id) << "nothing caused it";
    EXPECT_EQ(stored[at].data, R"({"id":"c"})");
    EXPECT_EQ(stored[at].event_version, 1);
    EXPECT_EQ(stored[at].event_time, out[at].event_time);
  }
}

TEST_P(EventSourcedTest, WhatIsKeptByEventsIsNotTakenForAState) {
  count<1>(3, 0);
  const auto states = state_stored<shop::Counter<1>>({.tables = tables_});
  EXPECT_EQ(code(load(states, "c")), "kept_by_events");
  count<1>(7);
  ASSERT_EQ(snapshot_at(), 10);
  count<1>(1);
  EXPECT_EQ(code(load(states, "c")), "kept_by_events") << "the snapshot lacks the last event";
}

TEST_P(EventSourcedTest, AStateOfAnOlderShapeIsReadAsEventsAre) {
  const auto old = state_stored<shop::v1::Item>({.tables = tables_});
  shop::v1::Item item;
  item.set("mug", 3);
  old.save(*store_, item).or_throw();
  const auto items = state_stored<shop::Item>({.tables = tables_});
  EXPECT_EQ(load(items, "mug").or_throw().state().cents, 0) << "what is missing keeps its initialiser";
  run("update " + tables_.name("aggregates") + " set state = '{\"id\":\"mug\",\"cents\":\"many\"}'");
  const auto refused = load(items, "mug");
  ASSERT_EQ(code(refused), "wrong_type");
  EXPECT_NE(refused.error().message.find("shop.item 'mug'"), std::string::npos) << refused.error().message;
  run("update " + tables_.name("aggregates") + " set state_version = 2");
  EXPECT_EQ(code(load(items, "mug")), "unknown_version");
}

}  // namespace
}  // namespace tidings::aggregate
