// Handlers with a transaction: what they do is there once, with what they publish, or not at all.
#include <libpq-fe.h>

#include "service/testing.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/service/dead_letters.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

using tidings::testing::SharedPostgres;

/// A database of its own, with a table `done`.
class EffectsTest : public ServiceTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sqlite") {
      store_ = open_store("sqlite:" + folder_.path() + "/test.db").or_throw();
    } else {
      TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
      ASSERT_TRUE(SharedPostgres::get().ready()) << to_string(SharedPostgres::get().ready().error());
      store_ = open_store(new_database()).or_throw();
    }
    auto tx = store_->begin(10s).or_throw();
    tx->execute("create table done(row_id " + std::string(GetParam() == "sqlite" ? "integer" : "serial") +
                " primary key, id text not null, number integer not null)")
        .or_throw();
    tx->commit().or_throw();
  }
  /// PostgreSQL makes none within a transaction.
  static std::string new_database() {
    static int number = 0;
    const auto name = "effects_" + std::to_string(number++);
    auto url = tidings::testing::postgres_url(SharedPostgres::get().server());
    PGconn* const connection = PQconnectdb(url.c_str());
    PQclear(PQexec(connection, ("create database " + name).c_str()));
    PQfinish(connection);
    return url.substr(0, url.rfind('/') + 1) + name;
  }
  ~EffectsTest() override { stop(); }

  Service& make_with_store(ServiceOptions options = {}) {
    options.store = store_.get();
    return make(std::move(options));
  }
  std::vector<std::string> done() {
    auto tx = store_->begin(10s).or_throw();
    return tx->query<std::string>("select id from done order by row_id").or_throw();
  }
  static Result<> write(Transaction& tx, const Order& order) {
    auto written = tx.execute("insert into done(id, number) values ($1, $2)", order.id, order.number);
    return written ? Result<>{} : written.error();
  }
  bool came(std::string_view topic, std::size_t count) {
    return eventually([&] { return read(topic).size() >= count; });
  }

  tidings::testing::TemporaryFolder folder_ = tidings::testing::TemporaryFolder::make("effects").or_throw();
  std::unique_ptr<Store> store_;
};
INSTANTIATE_TEST_SUITE_P(Stores, EffectsTest, ::testing::Values("sqlite", "postgres"));

TEST_P(EffectsTest, WritesAndPublicationsAreThereOnceHandledTwice) {
  auto& service = make_with_store();
  std::atomic<int> calls = 0;
  service.on("reserve", {}, [&](const Order& order, Context& context, Transaction& tx) -> Result<> {
    ++calls;
    if (auto written = write(tx, order); !written) return written;
    return context.publish(Confirmed{order.id, "yes"});
  });
  const auto envelope = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  publish_raw("orders", envelope);
  publish(Order{"b", 2});
  publish_raw("orders", envelope);
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.reserve").handled == 3; })) << lines_.all();
  EXPECT_EQ(calls, 2);
  auto ids = done();
  std::ranges::sort(ids);
  EXPECT_EQ(ids, (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(came("mails", 2)) << lines_.all();
  EXPECT_EQ(read("mails").size(), 2U);
}

/// Else what it publishes would leave by that relay.
TEST_P(EffectsTest, WhileARelayToAnotherBrokerIsThereEventsWait) {
  outbox::apply_schema(*store_).or_throw();
  auto relay = outbox::Relay::start(*store_, *broker_, {.place = "elsewhere", .log = &lines_}).or_throw();
  ASSERT_TRUE(eventually([&] { return relay->status().parts.size() == 64; }));
  auto own =
      Service::create(
          {.name = "test", .broker_url = "log:" + folder_.path() + "/log", .store = store_.get(), .log = &lines_})
          .or_throw();
  std::atomic<int> calls = 0;
  own.on("reserve", {}, [&](const Order& order, Transaction& tx) -> Result<> {
    ++calls;
    return write(tx, order);
  });
  own.publish(Order{"a", 1}).or_throw();
  std::jthread running([&] { EXPECT_EQ(own.run(), 0); });
  EXPECT_TRUE(eventually([&] {
    return lines_.count("reserve could not have its effects committed: other_broker") > 0;
  })) << lines_.all();
  EXPECT_EQ(calls, 0);
  relay.reset();
  EXPECT_TRUE(eventually([&] { return calls == 1; })) << lines_.all();
  own.stop();
}

TEST_P(EffectsTest, AFailedAttemptLeavesNothing) {
  auto& service = make_with_store();
  std::atomic<int> calls = 0;
  const Backoff retry{.immediate = 3, .delayed = 0};
  service.on("reserve", {.retry = retry}, [&](const Order& order, Context& context, Transaction& tx) -> Result<> {
    if (auto written = write(tx, order); !written) return written;
    if (auto published = context.publish(Confirmed{order.id, std::to_string(calls)}); !published) return published;
    if (++calls == 1) return Error{"not_yet", "later", Retry::same_call};
    if (calls == 2) throw std::runtime_error("thrown");
    return {};
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.reserve").handled == 1; })) << lines_.all();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(done(), (std::vector<std::string>{"a"}));
  ASSERT_TRUE(came("mails", 1));
  const auto mails = read("mails");
  ASSERT_EQ(mails.size(), 1U);
  EXPECT_NE(mails.front().payload.find("\"2\""), std::string::npos) << mails.front().payload;
}

/// It cannot be committed, and another attempt would fail likewise.
TEST_P(EffectsTest, AFailedStatementThatIsNotToldParks) {
  auto& service = make_with_store();
  service.on("reserve", {}, [&](const Order& order, Context& context, Transaction& tx) -> Result<> {
    (void)tx.execute("insert into done(id, number) values (null, null)");
    return context.publish(Confirmed{order.id, "yes"});
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.reserve").parked == 1; })) << lines_.all();
  EXPECT_EQ(lines_.count("after 1 attempt: transaction_failed"), 1U) << lines_.all();
  EXPECT_TRUE(read("mails").empty());
}

TEST_P(EffectsTest, WhatIsParkedHasNoMarkAndIsHandledWhenItIsDrivenAgain) {
  auto& service = make_with_store();
  std::atomic<bool> fails = true;
  service.on("reserve", {.retry = {.immediate = 0, .delayed = 0}},
             [&](const Order& order, Transaction& tx) -> Result<> {
               if (auto written = write(tx, order); !written) return written;
               if (fails) return Error{"declined", "no"};
               return {};
             });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.reserve").parked == 1; })) << lines_.all();
  EXPECT_TRUE(done().empty());
  fails = false;
  auto letters = DeadLetters::read(*broker_, "test.reserve").or_throw();
  letters.publish({}, "").or_throw();
  ASSERT_TRUE(eventually([&] { return done().size() == 1; })) << lines_.all();
}

TEST_P(EffectsTest, ABatchIsOneTransactionAndABadOneIsAlone) {
  auto& service = make_with_store();
  std::atomic<int> calls = 0;
  service.on("store", {.retry = {.immediate = 0, .delayed = 0}},
             [&](Batch<Order>& orders, Transaction& tx) -> Result<> {
               ++calls;
               for (const auto& item : orders) {
                 if (auto written = write(tx, item.event); !written) return written;
                 if (item.event.id == "bad") return Error{"declined", "no"};
                 if (auto published = item.context.publish(Confirmed{item.event.id, "yes"}); !published)
                   return published;
               }
               return {};
             });
  for (int number = 0; number < 20; ++number) publish(Order{number == 7 ? "bad" : std::to_string(number), number});
  const auto running = start();
  ASSERT_TRUE(eventually([&] {
    const auto info = group("orders", "test.store");
    return info.handled == 19 && info.parked == 1;
  })) << lines_.all();
  EXPECT_EQ(done().size(), 19U);
  EXPECT_EQ(std::ranges::count(done(), "bad"), 0);
  ASSERT_TRUE(came("mails", 19));
  EXPECT_EQ(read("mails").size(), 19U);
}

TEST_P(EffectsTest, InABatchWhatWasHandledBeforeIsLeftOut) {
  auto& service = make_with_store();
  Record<std::size_t> sizes;
  service.on("store", {}, [&](Batch<Order>& orders, Transaction& tx) -> Result<> {
    sizes.add(orders.size());
    for (const auto& item : orders)
      if (auto written = write(tx, item.event); !written) return written;
    return {};
  });
  const auto envelope = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  for (int times = 0; times < 5; ++times) publish_raw("orders", envelope);
  publish(Order{"b", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.store").handled == 6; })) << lines_.all();
  EXPECT_EQ(done(), (std::vector<std::string>{"a", "b"}));
}

TEST_P(EffectsTest, WhatCannotBeDecodedIsParkedAndItsBatchGoesOn) {
  auto& service = make_with_store();
  service.on("store", {}, [&](Batch<Order>& orders, Transaction& tx) -> Result<> {
    for (const auto& item : orders)
      if (auto written = write(tx, item.event); !written) return written;
    return {};
  });
  publish(Order{"a", 1});
  auto broken = make_envelope(Order{"b", 1}, {.source = "elsewhere"}).or_throw();
  broken.payload = "{";
  publish_raw("orders", broken);
  publish(Order{"c", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] {
    const auto info = group("orders", "test.store");
    return info.handled == 2 && info.parked == 1;
  })) << lines_.all();
  EXPECT_EQ(done(), (std::vector<std::string>{"a", "c"}));
}

TEST_P(EffectsTest, WhatIsDueLaterLeavesWithTheTransactionToo) {
  auto& service = make_with_store();
  std::atomic<int> calls = 0;
  service.on("reserve", {.retry = {.immediate = 3, .delayed = 0}},
             [&](const Order& order, Context& context, Transaction& tx) -> Result<> {
               if (auto written = write(tx, order); !written) return written;
               if (auto later = context.publish_after(Confirmed{order.id, "later"}, 50ms); !later) return later;
               return ++calls == 1 ? Result<>(Error{"not_yet", "later", Retry::same_call}) : Result<>{};
             });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(came("mails", 1)) << lines_.all();
  EXPECT_EQ(read("mails").size(), 1U);
  EXPECT_FALSE(read("mails").front().headers.get(due_header));
}

/// Its database is away for a while: nothing counts as an attempt.
TEST_P(EffectsTest, AStoreThatIsAwayIsWaitedFor) {
  class Away final : public Store {
   public:
    explicit Away(Store& store) : store_(store) {}
    [[nodiscard]] SqlDialect dialect() const override { return store_.dialect(); }
    Result<std::unique_ptr<OpenTransaction>> begin(Duration wait_max) override {
      if (is_away) return Error{"unavailable", "the database is away", Retry::same_call};
      return store_.begin(wait_max);
    }
    Result<> close(Duration wait_max) override { return store_.close(wait_max); }
    std::atomic<bool> is_away = true;

   private:
    Store& store_;
  };
  Away away(*store_);
  ServiceOptions options;
  options.store = &away;
  auto& service = make(std::move(options));
  const Backoff retry{.immediate = 0, .delayed = 0, .first = 1ms, .longest = 5ms};
  service.on("reserve", {.retry = retry}, [&](const Order& order, Context& context, Transaction& tx) -> Result<> {
    if (auto written = write(tx, order); !written) return written;
    return context.publish(Confirmed{order.id, "yes"});
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("could not have its effects committed") > 0; })) << lines_.all();
  away.is_away = false;
  ASSERT_TRUE(eventually([&] { return group("orders", "test.reserve").handled == 1; })) << lines_.all();
  EXPECT_EQ(service.stats("reserve").or_throw().failed, 0U);
  EXPECT_EQ(done().size(), 1U);
  ASSERT_TRUE(came("mails", 1));
}

/// What a handler calls so is its own business, and parked as it says; so is a second transaction, which waits for the
/// first on SQLite.
TEST_P(EffectsTest, AHandlersOwnErrorIsNotTheStores) {
  auto& service = make_with_store();
  service.on("reserve", {.retry = {.immediate = 0, .delayed = 0}},
             [&](const Order& order, Transaction& tx) -> Result<> {
               if (auto written = write(tx, order); !written) return written;
               if (order.id == "a") return Error{"conflict", "there is such an order already"};
               if (order.id == "b") return Error{"unavailable", "the payment service is away", Retry::same_call};
               return {};
             });
  for (const auto* const id : {"a", "b", "c"}) publish(Order{id, 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] {
    const auto info = group("orders", "test.reserve");
    return info.handled == 1 && info.parked == 2;
  })) << lines_.all();
  EXPECT_EQ(done(), std::vector<std::string>{"c"});
  EXPECT_EQ(lines_.count("effects committed"), 0U) << lines_.all();
}

TEST_P(EffectsTest, AHandlerOfAnythingMayHaveOneToo) {
  auto& service = make_with_store();
  service.on_any("archive", {"orders"}, {}, [](const EnvelopeView& event, Context&, Transaction& tx) -> Result<> {
    return write(tx, {std::string(event.id), 0});
  });
  const auto envelope = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  for (int times = 0; times < 3; ++times) publish_raw("orders", envelope);
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.archive").handled == 3; })) << lines_.all();
  EXPECT_EQ(done(), std::vector<std::string>{envelope.id});
}

TEST_P(EffectsTest, AMemberFunctionMayHaveOneToo) {
  struct Stock {
    Result<> on(const Order& order, Transaction& tx) { return write(tx, order); }
  };
  Stock stock;
  auto& service = make_with_store();
  service.on("reserve", {}, &Stock::on, &stock);
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.reserve").handled == 1; })) << lines_.all();
  EXPECT_EQ(done(), std::vector<std::string>{"a"});
}

/// Nothing would tell the effects of one process from those of another.
TEST_P(EffectsTest, WhatEveryProcessGetsWantsAName) {
  for (const bool named : {false, true}) {
    ServiceOptions options;
    if (named) options.settings = {{"instance", "one"}};
    auto& service = make_with_store(std::move(options));
    service.on("cache", {.instances = Instances::each},
               [](const Order& order, Transaction& tx) { return write(tx, order); });
    if (!named) {
      EXPECT_EQ(service.run(), 1);
      EXPECT_EQ(lines_.count("handler 'cache' takes a transaction, and every process gets every event"), 1U);
      continue;
    }
    const auto running = start();
    publish(Order{"a", 1});
    ASSERT_TRUE(eventually([&] { return done().size() == 1; })) << lines_.all();
  }
}

TEST_P(EffectsTest, WithoutAStoreItDoesNotStart) {
  auto& service = make();
  service.on("reserve", {}, [&](const Order&, Transaction&) {});
  EXPECT_EQ(service.run(), 1);
  EXPECT_EQ(lines_.count("handler 'reserve' takes a transaction, and the service has no store"), 1U) << lines_.all();
}

TEST_P(EffectsTest, MiddlewareSeesTheCommitAndMayTryAgain) {
  auto& service = make_with_store();
  std::atomic<int> calls = 0;
  service.use("twice", [&](DeliveryCall& call) -> Result<> {
    if (auto done = call.next(); done) return done;
    return call.next();
  });
  service.on("reserve", {}, [&](const Order& order, Context& context, Transaction& tx) -> Result<> {
    if (auto written = write(tx, order); !written) return written;
    if (auto published = context.publish(Confirmed{order.id, "yes"}); !published) return published;
    return ++calls == 1 ? Result<>(Error{"not_yet", "later", Retry::same_call}) : Result<>{};
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("orders", "test.reserve").handled == 1; })) << lines_.all();
  EXPECT_EQ(service.stats("reserve").or_throw().failed, 0U);
  EXPECT_EQ(done().size(), 1U);
  ASSERT_TRUE(came("mails", 1));
  EXPECT_EQ(read("mails").size(), 1U);
}

}  // namespace
}  // namespace tidings::service
