#include "aggregate/repository_testing.hpp"

namespace tidings::aggregate {
namespace {

INSTANTIATE_TEST_SUITE_P(Stores, RepositoryTest,
                         ::testing::Combine(::testing::Values("sqlite", "postgres", "committed"),
                                            ::testing::Values("state", "events", "own")),
                         [](const auto& one) { return std::get<0>(one.param) + "_" + std::get<1>(one.param); });

TEST_P(RepositoryTest, WhatIsSavedIsLoadedAndItsEventsAreInTheOutbox) {
  auto order = Order::place({"o-1"}, 5);
  order.add("mug", 7).or_throw();
  {
    auto tx = store_->begin(10s).or_throw();
    orders().save(*tx, order).or_throw();
    EXPECT_EQ(order.version(), 2U);
    EXPECT_TRUE(order.raised().empty());
    order.add("cup", 1).or_throw();
    orders().save(*tx, order).or_throw();
    orders().save(*tx, order).or_throw();  // nothing raised
    tx->commit().or_throw();
  }
  const auto again = loaded("o-1");
  EXPECT_EQ(again.version(), 3U);
  EXPECT_EQ(again.state(), order.state());
  EXPECT_EQ(again.state().total, 13);
  const auto events = sent();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].type, "shop.order-placed");
  EXPECT_EQ(events[0].topic, "orders");
  EXPECT_EQ(events[0].key, "o-1");
  EXPECT_EQ(events[1].data, R"({"order_id":"o-1","item":"mug","price":7})");
  EXPECT_EQ(events[2].type, "shop.line-added");
}

TEST_P(RepositoryTest, WhatIsRolledBackIsNowhere) {
  {
    auto order = Order::place({"o-1"});
    auto tx = store_->begin(10s).or_throw();
    orders().save(*tx, order).or_throw();
  }
  EXPECT_EQ(found("o-1"), "unknown_aggregate");
  EXPECT_TRUE(sent().empty());
  place("o-2");
  {
    auto tx = store_->begin(10s).or_throw();
    auto order = orders().load(*tx, {"o-2"}).or_throw();
    order.cancel("late").or_throw();
    orders().save(*tx, order).or_throw();
  }
  EXPECT_EQ(loaded("o-2").version(), 1U);
  EXPECT_EQ(sent().size(), 1U);
}

TEST_P(RepositoryTest, OneIdIsMadeOnce) {
  place("o-1", 1);
  auto other = Order::place({"o-1"}, 2);
  const auto refused = orders().save(*store_, other);
  EXPECT_EQ(code(refused), "exists");
  EXPECT_EQ(refused.error().retry, Retry::never);
  EXPECT_EQ(loaded("o-1").state().total, 1);
  EXPECT_EQ(sent().size(), 1U);
}

TEST_P(RepositoryTest, WhatIsNotThereIsToldOrNothing) {
  auto tx = store_->begin(10s).or_throw();
  EXPECT_EQ(code(orders().load(*tx, {"none"})), "unknown_aggregate");
  EXPECT_FALSE(orders().find(*tx, {"none"}).or_throw());
  tx->execute("select 1").or_throw();  // it goes on
}

TEST_P(RepositoryTest, WhatIsRemovedIsGoneAndItsLastEventsArePublished) {
  place("o-1");
  auto stale = loaded("o-1");
  auto order = loaded("o-1");
  order.cancel("forgotten").or_throw();
  {
    auto tx = store_->begin(10s).or_throw();
    orders().remove(*tx, order).or_throw();
    tx->commit().or_throw();
  }
  EXPECT_EQ(found("o-1"), "unknown_aggregate");
  EXPECT_EQ(sent().back().type, "shop.order-cancelled");
  EXPECT_EQ(count("aggregate_events"), 0);
  {
    auto tx = store_->begin(10s).or_throw();
    EXPECT_EQ(code(orders().remove(*tx, stale)), "conflict");
  }
  stale.add("mug").or_throw();
  EXPECT_EQ(code(orders().save(*store_, stale)), "conflict");
  place("o-3");
  auto late = loaded("o-3");
  orders().change(*store_, {"o-3"}, [](Order& same) { return same.add("mug"); }).or_throw();
  {
    auto tx = store_->begin(10s).or_throw();
    EXPECT_EQ(code(orders().remove(*tx, late)), "conflict") << "it is another than was looked at";
  }
  EXPECT_EQ(loaded("o-3").version(), 2U);
  auto never = Order::place({"o-9"});
  auto tx = store_->begin(10s).or_throw();
  EXPECT_EQ(code(orders().remove(*tx, never)), "unknown_aggregate");
  tx.reset();
  place("o-1", 4);
  EXPECT_EQ(loaded("o-1").version(), 1U);
}

TEST_P(RepositoryTest, WhatCannotBeSavedFailsTheTransaction) {
  const auto refused = [&](Order order) {
    auto tx = store_->begin(10s).or_throw();
    const auto done = orders().save(*tx, order);
    EXPECT_EQ(code(tx->commit()), "transaction_failed");
    return code(done);
  };
  EXPECT_EQ(refused(Order{}), "no_events");
  EXPECT_EQ(refused(Order::place({""})), "missing_id");
  EXPECT_EQ(refused(Order::place({std::string("a\0b", 3)})), "invalid_id");
  auto other = Order::place({"o-1"});
  other.say({{"o-2"}, 1});
  other.say({{"o-1"}, 1});
  EXPECT_EQ(refused(other), "wrong_key");
  auto broken = Order::place({"o-1"});
  broken.add("\xff").or_throw();
  EXPECT_EQ(refused(broken), "invalid_utf8");
  EXPECT_TRUE(sent().empty());
}

TEST_P(RepositoryTest, InAHandlerTheEventsCarryItsCause) {
  struct Nowhere final : tidings::detail::Outlet {
    Result<> publish(std::string_view, Envelope) override { return {}; }
  } outlet;
  Envelope cause;
  cause.id = "cause-1";
  cause.correlation_id = "all-of-it";
  const auto view = cause.view();
  const Context context(view, {}, "warehouse", outlet);
  auto order = Order::place({"o-1"});
  auto tx = store_->begin(10s).or_throw();
  orders().save(*tx, order, context).or_throw();
  tx->commit().or_throw();
  tx = store_->begin(10s).or_throw();
  const auto attributes =
      tx->query_one<std::vector<std::byte>>("select attributes from " + tables_.name("outbox")).or_throw().value();
  const std::string_view text(reinterpret_cast<const char*>(attributes.data()), attributes.size());
  for (const auto* const wanted : {"cause-1", "all-of-it", "warehouse"})
    EXPECT_NE(text.find(wanted), text.npos) << wanted;
}

TEST_P(RepositoryTest, AMapperIsTried) {
  if (kind() != "own") return;
  const auto good = own_table(tables_.name("own"));
  const shop::OrderState state{.id = {"o-1"}};
  const auto tried = [&](StateMapper<shop::OrderState> mapper) -> std::string {
    auto tx = store_->begin(10s).or_throw();
    const auto done = check_mapper(*tx, mapper, state);
    return done ? "" : done.error().message;
  };
  EXPECT_EQ(tried(good), "");
  const auto table = tables_.name("own");
  auto bad = good;
  bad.update = [=](Transaction& tx, const shop::OrderState& order, VersionStep version) {
    return tx.execute("update " + table + " set version = $2 where id = $1", order.id.value, version.becomes);
  };
  EXPECT_NE(tried(bad).find("update of another version"), std::string::npos);
  bad = good;
  bad.update = [=](Transaction& tx, const shop::OrderState& order, VersionStep version) {
    return tx.execute("update " + table + " set total = 1 where id = $1 and version = $2", order.id.value, version.was);
  };
  EXPECT_NE(tried(bad).find("after the update"), std::string::npos);
  bad = good;
  bad.insert = [=](Transaction& tx, const shop::OrderState& order, std::uint64_t version) {
    return tx.execute("insert into " + table + "(id, cancelled, total, items, version) values ($1, 0, 0, '', $2)",
                      order.id.value, version);
  };
  EXPECT_NE(tried(bad).find("insert of one that is there"), std::string::npos);
  bad = good;
  bad.remove = [=](Transaction& tx, std::string_view id, std::uint64_t) {
    return tx.execute("delete from " + table + " where id = $1", id);
  };
  EXPECT_NE(tried(bad).find("remove of another version"), std::string::npos);
  EXPECT_EQ(count("own"), 0);

  place("o-1");
  bad = good;
  bad.load = nullptr;
  auto tx = store_->begin(10s).or_throw();
  EXPECT_EQ(code(state_stored<Order>(bad, {.tables = tables_}).load(*tx, {"o-1"})), "wrong_mapper");
}

}  // namespace
}  // namespace tidings::aggregate
