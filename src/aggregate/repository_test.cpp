#include "tidings/aggregate/repository.hpp"

#include <thread>
#include <tuple>

#include "aggregate/testing.hpp"

namespace tidings::aggregate {
namespace {

using shop::Order;
using shop::OrderId;

/// The same orders in a table of the program's own.
struct OrderRow {
  std::string id;
  std::int64_t cancelled = 0;
  std::int64_t total = 0;
  std::string items;
  std::uint64_t version = 0;
};
std::string joined(const std::vector<std::string>& items) {
  std::string all;
  for (const auto& item : items) all += item + ";";
  return all;
}
StateMapper<shop::OrderState> own_table(const std::string& table) {
  using shop::OrderState;
  return {.load = [=](Transaction& tx, std::string_view id) -> Result<std::optional<StateMapper<OrderState>::Loaded>> {
            auto row = tx.query_one<OrderRow>(
                "select id, cancelled, total, items, version from " + table + " where id = $1", id);
            if (!row) return row.error();
            if (!*row) return std::optional<StateMapper<OrderState>::Loaded>{};
            OrderState state{.id = {(*row)->id},
                             .status = (*row)->cancelled != 0 ? shop::Status::cancelled : shop::Status::open,
                             .total = (*row)->total};
            for (std::string_view items = (*row)->items; !items.empty(); items.remove_prefix(items.find(';') + 1))
              state.items.emplace_back(items.substr(0, items.find(';')));
            return std::optional(StateMapper<OrderState>::Loaded{std::move(state), (*row)->version});
          },
          .insert =
              [=](Transaction& tx, const OrderState& state, std::uint64_t version) {
                return tx.execute("insert into " + table +
                                      "(id, cancelled, total, items, version) values ($1, $2, $3, $4, $5) "
                                      "on conflict do nothing",
                                  state.id.value, static_cast<int>(state.status), state.total, joined(state.items),
                                  version);
              },
          .update =
              [=](Transaction& tx, const OrderState& state, VersionStep version) {
                return tx.execute("update " + table +
                                      " set cancelled = $2, total = $3, items = $4, version = $6 where id = $1 and "
                                      "version = $5",
                                  state.id.value, static_cast<int>(state.status), state.total, joined(state.items),
                                  version.was, version.becomes);
              },
          .remove =
              [=](Transaction& tx, std::string_view id, std::uint64_t version) {
                return tx.execute("delete from " + table + " where id = $1 and version = $2", id, version);
              }};
}

/// Every way to keep an order, on every store.
class RepositoryTest : public StoreTest, public ::testing::WithParamInterface<std::tuple<std::string, std::string>> {
 protected:
  void SetUp() override {
    open(std::get<0>(GetParam()));
    if (!store_) return;
    if (kind() == "own")
      run("create table " + tables_.name("own") +
          "(id text primary key, cancelled integer not null, "
          "total bigint not null, items text not null, version bigint not null)");
  }
  static const std::string& kind() { return std::get<1>(GetParam()); }
  [[nodiscard]] Repository<Order> orders() const {
    RepositoryOptions options{.source = "shop", .tables = tables_, .snapshot_every = 10};
    if (kind() == "own") return state_stored<Order>(own_table(tables_.name("own")), options);
    return kind() == "state" ? state_stored<Order>(options) : event_sourced<Order>(options);
  }
  void place(const std::string& id, std::int64_t total = 0) {
    auto order = Order::place({id}, total);
    orders().save(*store_, order).or_throw();
  }
  Order loaded(const std::string& id) {
    auto tx = store_->begin(10s).or_throw();
    return orders().load(*tx, {id}).or_throw();
  }
  std::string found(const std::string& id) {
    auto tx = store_->begin(10s).or_throw();
    return code(orders().load(*tx, {id}));
  }
};
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

TEST_P(RepositoryTest, TheSecondOfTwoChangesConflictsAndSaysThatTryingAgainHelps) {
  place("o-1");
  auto first = loaded("o-1");
  auto second = loaded("o-1");
  first.add("mug").or_throw();
  second.add("cup").or_throw();
  orders().save(*store_, first).or_throw();
  {
    auto tx = store_->begin(10s).or_throw();
    const auto refused = orders().save(*tx, second);
    ASSERT_EQ(code(refused), "conflict");
    EXPECT_EQ(refused.error().retry, Retry::same_call);
    EXPECT_NE(refused.error().message.find("shop.Order 'o-1'"), std::string::npos) << refused.error().message;
    EXPECT_EQ(code(tx->commit()), "transaction_failed") << "what else it wrote must not be there without it";
  }
  EXPECT_EQ(second.raised().size(), 1U) << "as before";
  EXPECT_EQ(loaded("o-1").state().items, (std::vector<std::string>{"mug"}));
  EXPECT_EQ(sent().size(), 2U);
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

TEST_P(RepositoryTest, AChangeReturnsWhatItsFunctionSays) {
  place("o-1", 5);
  const auto repository = orders();
  EXPECT_TRUE(repository.change(*store_, {"o-1"}, [](Order& order) { return order.add("mug", 2); }));
  EXPECT_EQ(repository
                .change(*store_, {"o-1"},
                        [](Order& order) -> Result<std::int64_t> {
                          (void)order.add("cup", 3);
                          return order.state().total;
                        })
                .or_throw(),
            10);
  repository.change(*store_, {"o-1"}, [](Order& order) { (void)order.cancel("late"); }).or_throw();
  EXPECT_EQ(code(repository.change(*store_, {"o-1"}, [](Order& order) { return order.add("pan"); })), "cancelled");
  EXPECT_EQ(code(repository.change(*store_, {"o-2"}, [](Order&) {})), "unknown_aggregate");
  int calls = 0;
  EXPECT_EQ(code(repository.change(*store_, {"o-1"},
                                   [&](Order&) -> Result<> {
                                     ++calls;
                                     return Error{"conflict", "the program's own", Retry::same_call};
                                   })),
            "conflict");
  EXPECT_EQ(calls, 1) << "an error of its own is its own, whatever its code";
  EXPECT_THROW((void)repository.change(*store_, {"o-1"}, [](Order&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(loaded("o-1").version(), 4U);
}

TEST_P(RepositoryTest, AChangeThatMeetsAnotherIsTriedAgainAndNotForEver) {
  place("o-1");
  const auto repository = orders();
  const auto other = open_store(url_).or_throw();
  if (is_sqlite_) return;  // one writer at a time: nothing comes in between
  int calls = 0;
  repository
      .change(*store_, {"o-1"},
              [&](Order& order) {
                if (++calls <= 2)
                  repository.change(*other, {"o-1"}, [](Order& same) { return same.add("between"); }).or_throw();
                return order.add("mine");
              })
      .or_throw();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(loaded("o-1").state().items, (std::vector<std::string>{"between", "between", "mine"}));
  const auto refused = repository.change(
      *store_, {"o-1"},
      [&](Order& order) {
        repository.change(*other, {"o-1"}, [](Order& same) { return same.add("between"); }).or_throw();
        return order.add("never");
      },
      {.attempts_max = 3});
  ASSERT_EQ(code(refused), "conflict");
  EXPECT_NE(refused.error().message.find("after 3 attempts"), std::string::npos) << refused.error().message;
  EXPECT_EQ(sent().size(), 1U + 3U + 3U);
}

TEST_P(RepositoryTest, ManyThreadsLoseNoUpdateAndEachEventIsThereOnceAndInOrder) {
  constexpr int threads = 6;
  constexpr int each = 20;
  place("o-1");
  place("o-2");
  const auto repository = orders();
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> all;
    for (int thread = 0; thread < threads; ++thread)
      all.emplace_back([&, thread] {
        for (int turn = 0; turn < each; ++turn) {
          const auto done = repository.change(
              *store_, {turn % 5 == 4 ? "o-2" : "o-1"},
              [&](Order& order) { return order.add(std::to_string(thread) + "." + std::to_string(turn)); },
              {.within = 120s, .attempts_max = 100'000});
          if (!done) {
            ++failed;
            ADD_FAILURE() << to_string(done.error());
          }
        }
      });
  }
  EXPECT_EQ(failed, 0);
  std::size_t all = 0;
  const auto events = sent();
  for (const auto* const id : {"o-1", "o-2"}) {
    const auto order = loaded(id);
    all += order.state().items.size();
    EXPECT_EQ(order.version(), 1 + order.state().items.size());
    EXPECT_EQ(static_cast<std::size_t>(order.state().total), order.state().items.size());
    // What the outbox will publish is what happened to the aggregate, in that order.
    std::vector<std::string> published;
    for (const auto& event : events)
      if (event.key == id && event.type == "shop.line-added")
        published.push_back(JsonCodec::decode<shop::LineAdded>(event.data).or_throw().item);
    EXPECT_EQ(published, order.state().items);
  }
  EXPECT_EQ(all, static_cast<std::size_t>(threads * each));
  EXPECT_EQ(events.size(), all + 2);
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
