// Sagas of a service over the embedded log and SQLite, with participants that answer, refuse, or never answer.
#include "tidings/service/service.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <utility>

#include "saga/testing.hpp"
#include "testing/servers/eventually.hpp"
#include "testing/servers/kept_log.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/saga/stuck.hpp"
#include "tidings/saga/tombstones.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::saga {
namespace {

using namespace shop;

struct Courier {
  std::string order_id;
  static constexpr tidings::traits<Courier> event{
      .name = "shop.book-courier", .topic = "courier-commands", .key = &Courier::order_id};
};
struct CourierBooked {
  std::string order_id;
  static constexpr tidings::traits<CourierBooked> event{
      .name = "shop.courier-booked", .topic = "couriers", .key = &CourierBooked::order_id};
};

struct Fulfilment {
  std::string order_id;
  std::string reason;
  void begin(const OrderPlaced& order) { order_id = order.order_id; }
  [[nodiscard]] ReserveStock reserve() const { return {order_id}; }
  [[nodiscard]] ReleaseStock release() const { return {order_id}; }
  [[nodiscard]] ChargePayment charge() const { return {order_id}; }
  [[nodiscard]] RefundPayment refund() const { return {order_id}; }
  [[nodiscard]] Courier book() const { return {order_id}; }
  void declined(const PaymentDeclined&) { reason = "declined"; }
  [[nodiscard]] OrderConfirmed confirmed() const { return {order_id}; }
  [[nodiscard]] OrderFailed given_up() const { return {order_id, reason}; }
};

Definition fulfilment(Duration patience = 1500ms, int version = 1) {
  return define<Fulfilment>(
      "fulfilment", {.version = version}, starts(&Fulfilment::begin),
      parallel(step("stock", send(&Fulfilment::reserve), done<StockReserved>(), failed<StockRejected>(),
                    undo(&Fulfilment::release, done<StockReleased>(), within(10s), retries(5))),
               step("payment", send(&Fulfilment::charge), done<PaymentCharged>(by(&PaymentCharged::order_id)),
                    failed(&Fulfilment::declined), undo(&Fulfilment::refund, done<PaymentRefunded>()))),
      step("courier", send(&Fulfilment::book), done<CourierBooked>(), within(patience), retries(1), no_undo()),
      completes(&Fulfilment::confirmed), fails(&Fulfilment::given_up));
}

template <class F>
[[nodiscard]] bool eventually(F&& done, Duration wait_max = 30s) {
  return tidings::testing::eventually(std::forward<F>(done), wait_max);
}

class SagaServiceTest : public ::testing::Test {
 protected:
  ~SagaServiceTest() override { stop(); }

  Service make(const std::string& name, std::vector<SettingValue> settings = {}, Clock* clock = &system_clock()) {
    return Service::create({.name = name,
                            .broker_url = "log:" + folder_.path() + "/log",
                            .store_url = "sqlite:" + folder_.path() + "/" + name + ".db",
                            .settings = std::move(settings),
                            .clock = clock,
                            .log = &log_})
        .or_throw();
  }
  void run(Service service) {
    running_.push_back(std::make_unique<Service>(std::move(service)));
    threads_.emplace_back([at = running_.back().get()] { at->run(); });
  }
  void stop() {
    for (auto& one : running_) one->stop();
    threads_.clear();
    running_.clear();
  }

  /// Stock is kept once for each order; payments are declined where the order says so; the courier never answers some.
  void run_participants() {
    auto stock = make("inventory");
    auto& stones = *stones_.emplace_back(std::make_unique<Tombstones>(*stock.store()));
    saga::apply_schema(*stock.store()).or_throw();
    stock.on("reserve", {}, [&](const ReserveStock& order, Context& context, Transaction& tx) -> Result<> {
      const auto first = stones.admit(tx, context.envelope().id);
      if (!first) return first.error();
      if (!*first) return {};
      ++reserved_;
      return context.publish(StockReserved{order.order_id});
    });
    stock.on("release", {}, [&](const ReleaseStock& order, Context& context, Transaction& tx) -> Result<> {
      const auto is_there = stones.undo(tx, context.envelope().id);
      if (!is_there) return is_there.error();
      if (*is_there) ++released_;
      return context.publish(StockReleased{order.order_id});
    });
    run(std::move(stock));
    auto payments = make("payments");
    payments.on("charge", {}, [&](const ChargePayment& order, Context& context) -> Result<> {
      if (order.order_id.starts_with("poor")) return context.publish(PaymentDeclined{order.order_id});
      return context.publish(PaymentCharged{"p" + order.order_id, order.order_id});
    });
    payments.on("refund", {}, [&](const RefundPayment& order, Context& context) {
      ++refunded_;
      return context.publish(PaymentRefunded{order.order_id});
    });
    payments.on("courier", {}, [&](const Courier& order, Context& context) -> Result<> {
      if (order.order_id.starts_with("lost")) return {};
      return context.publish(CourierBooked{order.order_id});
    });
    run(std::move(payments));
  }
  template <class Event>
  void publish(const Event& event) {
    auto broker = open_broker("log:" + folder_.path() + "/log", {.log = &log_}).or_throw();
    const auto envelope = make_envelope(event, {.source = "web"}).or_throw();
    const std::array views{envelope.view()};
    broker->publish(event_topic<Event>(), views).or_throw();
  }
  std::size_t count_of(std::string_view type) {
    auto broker = open_broker("log:" + folder_.path() + "/log", {.log = &log_}).or_throw();
    if (!broker->topic("orders")) return 0;
    auto reader = broker->subscribe("orders", {.group = ""}).or_throw();
    std::size_t count = 0;
    while (true) {
      const auto got = reader->fetch(1000, 20ms).or_throw();
      if (got.empty()) return count;
      for (const auto& one : got) count += one.envelope.type == type ? 1 : 0;
    }
  }
  std::vector<Instance> all(std::optional<Status> status = {}) {
    auto store = open_store("sqlite:" + folder_.path() + "/orders.db", {.log = &log_}).or_throw();
    saga::apply_schema(*store).or_throw();  // before the service comes to it
    return list(*store, {.status = status, .limit = 1'000}).or_throw();
  }

  testing::TemporaryFolder folder_ = testing::TemporaryFolder::make("saga-service").or_throw();
  tidings::testing::KeptLog log_;
  ManualClock clock_;
  std::atomic<int> reserved_ = 0;
  std::atomic<int> released_ = 0;
  std::atomic<int> refunded_ = 0;
  std::vector<std::unique_ptr<Tombstones>> stones_;
  std::vector<std::unique_ptr<Service>> running_;
  std::vector<std::jthread> threads_;
};

TEST_F(SagaServiceTest, OrdersComeToTheirEndWhateverParticipantsSay) {
  constexpr int of_each = 5;
  auto orders = make("orders");
  orders.saga(fulfilment());
  run(std::move(orders));
  run_participants();
  for (int at = 0; at < of_each; ++at)
    for (const auto* const kind : {"fine", "poor", "lost"}) publish(OrderPlaced{kind + std::to_string(at), 100, false});
  ASSERT_TRUE(eventually([&] {
    return count_of("shop.order-confirmed") + count_of("shop.order-failed") >= 3 * of_each;
  })) << log_.text();
  stop();
  const auto sagas = all();
  ASSERT_EQ(sagas.size(), 3U * of_each);
  for (const auto& one : sagas)
    EXPECT_EQ(one.status, one.id.starts_with("fine") ? Status::completed : Status::failed) << one.id << " " << one.why;
  EXPECT_EQ(count_of("shop.order-confirmed"), of_each);
  EXPECT_EQ(count_of("shop.order-failed"), 2U * of_each);
  EXPECT_EQ(reserved_ - released_, of_each) << "stock is kept for those that were confirmed";
  EXPECT_EQ(refunded_, of_each) << "the declined were not charged";
  const auto store = open_store("sqlite:" + folder_.path() + "/orders.db").or_throw();
  const auto lost = show(*store, "fulfilment", "lost0").or_throw();
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->instance.why, "step 'courier' has no answer after 2 attempts");
}

/// An older process that holds the partition must not park what an instance of a newer version waits for.
TEST_F(SagaServiceTest, AnAnswerWaitsForAProcessThatHasTheVersion) {
  const auto versions = [](bool with_newer) {
    std::vector<Definition> all{fulfilment()};
    if (with_newer) all.push_back(fulfilment(100h, 2));
    return all;
  };
  auto newer = make("orders");
  newer.saga(versions(true));
  run(std::move(newer));
  publish(OrderPlaced{"7", 100, false});
  ASSERT_TRUE(eventually([&] { return all(Status::running).size() == 1; })) << log_.text();
  stop();

  auto older =
      make("orders", {{"handlers.saga-fulfilment.retry.immediate", "0"},
                      {"handlers.saga-fulfilment.retry.delayed", "0"}});  // one attempt, and it would be parked
  older.saga(versions(false));
  run(std::move(older));
  run_participants();
  ASSERT_TRUE(eventually([&] { return log_.text().find("unknown_definition") != log_.text().npos; })) << log_.text();
  stop();
  EXPECT_EQ(all(Status::running).size(), 1U);

  auto both = make("orders");
  both.saga(versions(true));
  run(std::move(both));
  run_participants();
  EXPECT_TRUE(eventually([&] { return all(Status::completed).size() == 1; })) << log_.text();
}

/// What is due while no process runs is fired by the next.
TEST_F(SagaServiceTest, TimersAreKeptWhileNobodyRuns) {
  auto& clock = clock_;
  const auto run_orders = [&] {
    auto orders = make("orders", {}, &clock);
    orders.saga(fulfilment(1h));
    run(std::move(orders));
  };
  const auto courier_was_asked = [&](int times) {
    const auto sagas = all(Status::running);
    return sagas.size() == 1 && sagas.front().steps[2].attempts == times;
  };
  run_orders();
  run_participants();
  publish(OrderPlaced{"lost", 100, false});
  ASSERT_TRUE(eventually([&] { return courier_was_asked(1); })) << log_.text();
  stop();
  stones_.clear();
  clock.advance(1h);
  ASSERT_TRUE(courier_was_asked(1)) << "nobody runs";
  run_orders();
  run_participants();
  ASSERT_TRUE(eventually([&] { return courier_was_asked(2); })) << log_.text();
  clock.advance(1h);
  ASSERT_TRUE(eventually([&] { return all(Status::failed).size() == 1; })) << log_.text();
}

TEST_F(SagaServiceTest, WhatAToolAsksForIsDoneWithinASecondOrSo) {
  auto orders = make("orders");
  orders.saga(fulfilment(1h));
  run(std::move(orders));
  publish(OrderPlaced{"o1", 100, false});
  ASSERT_TRUE(eventually([&] { return all(Status::running).size() == 1; })) << log_.text();
  request(*open_store("sqlite:" + folder_.path() + "/orders.db").or_throw(), "fulfilment", "o1", Steering::abandon)
      .or_throw();
  ASSERT_TRUE(eventually([&] { return all(Status::abandoned).size() == 1; }, 5s)) << log_.text();
}

/// Sagas that many share a transaction with: one of them cannot go on yet.
struct Fragile {
  std::string order_id;
  static std::atomic<bool> is_broken;
  static std::atomic<int> refused;
  Result<> begin(const OrderPlaced& order) {
    order_id = order.order_id;
    if (order_id != "o7" || !is_broken) return {};
    ++refused;
    return Error{"not_yet", "try again", Retry::same_call};
  }
  [[nodiscard]] Courier book() const { return {order_id}; }
  [[nodiscard]] OrderConfirmed confirmed() const { return {order_id}; }
};
std::atomic<bool> Fragile::is_broken = true;
std::atomic<int> Fragile::refused = 0;

TEST_F(SagaServiceTest, OneThatFailsHoldsUpNoOther) {
  constexpr std::size_t sagas = 50;
  for (std::size_t at = 0; at < sagas; ++at) {
    publish(OrderPlaced{"o" + std::to_string(at), 100, false});
    publish(CourierBooked{"o" + std::to_string(at)});  // ignored where it comes before its saga
  }
  auto orders = make("orders");
  orders.saga(define<Fragile>("fragile", {}, starts(&Fragile::begin),
                              step("courier", send(&Fragile::book), done<CourierBooked>(), no_undo()),
                              completes(&Fragile::confirmed)),
              {.retry = {.immediate = 1'000, .delayed = 1'000, .first = 20ms, .longest = 20ms}});
  run(std::move(orders));
  EXPECT_TRUE(eventually([&] { return all().size() == sagas - 1; })) << log_.text();
  EXPECT_TRUE(eventually([] { return Fragile::refused > 3; }));
  Fragile::is_broken = false;
  ASSERT_TRUE(eventually([&] { return all().size() == sagas; })) << log_.text();
  for (std::size_t at = 0; at < sagas; ++at) publish(CourierBooked{"o" + std::to_string(at)});
  EXPECT_TRUE(eventually([&] { return all(Status::completed).size() == sagas; })) << log_.text();
}

TEST_F(SagaServiceTest, OneThatIsStuckIsToldToWhoSubscribes) {
  std::mutex mutex;
  std::vector<Stuck> told;
  auto orders = make("orders");
  orders.saga(define<Fulfilment>("fulfilment", {}, starts(&Fulfilment::begin), pivot(),
                                 step("courier", send(&Fulfilment::book), done<CourierBooked>(), within(1ms))));
  orders.on("page", {}, [&](const Stuck& stuck) {
    const std::scoped_lock lock(mutex);
    told.push_back(stuck);
  });
  run(std::move(orders));
  publish(OrderPlaced{"o1", 100, false});
  ASSERT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex);
    return !told.empty();
  })) << log_.text();
  const std::scoped_lock lock(mutex);
  EXPECT_EQ(told[0].saga, "fulfilment");
  EXPECT_EQ(told[0].id, "o1");
  EXPECT_EQ(told[0].step, "courier");
  EXPECT_EQ(told[0].reason, "step 'courier' has no answer after 1 attempt");
  EXPECT_FALSE(told[0].backward);
}

TEST_F(SagaServiceTest, NobodyIsToldWhereAlertsAreOff) {
  auto orders = make("orders", {{"sagas.alerts", "false"}});
  orders.saga(define<Fulfilment>("fulfilment", {}, starts(&Fulfilment::begin), pivot(),
                                 step("courier", send(&Fulfilment::book), done<CourierBooked>(), within(1ms))));
  run(std::move(orders));
  publish(OrderPlaced{"o1", 100, false});
  ASSERT_TRUE(eventually([&] { return all(Status::stuck).size() == 1; })) << log_.text();
  stop();
  EXPECT_FALSE(open_broker("log:" + folder_.path() + "/log", {.log = &log_}).or_throw()->topic("tidings.saga-alerts"));
}

TEST_F(SagaServiceTest, WhatHasLongBeenOverIsForgotten) {
  auto& clock = clock_;
  auto orders = make("orders", {{"sagas.keep", "1h"}, {"sagas.keep_commands", "3h"}, {"audit.every", "1s"}}, &clock);
  orders.saga(fulfilment(100h));
  run(std::move(orders));
  publish(OrderPlaced{"over", 100, false});
  publish(OrderPlaced{"sleeping", 100, false});
  ASSERT_TRUE(eventually([&] { return all(Status::running).size() == 2; })) << log_.text();
  const auto store = open_store("sqlite:" + folder_.path() + "/orders.db").or_throw();
  {
    auto tx = store->begin(10s).or_throw();
    EXPECT_TRUE(Tombstones(*store, default_tables(), clock).admit(*tx, "saga/other/1/step/do").or_throw());
    tx->commit().or_throw();
  }
  request(*store, "fulfilment", "over", Steering::abandon).or_throw();
  ASSERT_TRUE(eventually([&] { return all(Status::abandoned).size() == 1; })) << log_.text();
  const auto commands = [&] {
    auto tx = store->begin(10s).or_throw();
    return tx->query_one<std::int64_t>("select count(*) from tidings_saga_commands").or_throw().value_or(-1);
  };
  clock.advance(59min);
  // It has looked at sagas where it forgot a command that came after it had looked before: of two, at the second.
  ManualClock long_ago(clock.now() - 4h);
  for (const auto* const id : {"saga/other/2/step/do", "saga/other/3/step/do"}) {
    auto tx = store->begin(10s).or_throw();
    EXPECT_TRUE(Tombstones(*store, default_tables(), long_ago).admit(*tx, id).or_throw());
    tx->commit().or_throw();
    ASSERT_TRUE(eventually([&] { return commands() == 1; })) << log_.text();
  }
  EXPECT_EQ(all().size(), 2U);
  clock.advance(2min);
  ASSERT_TRUE(eventually([&] { return all().size() == 1; })) << "it is over for an hour";
  EXPECT_EQ(all()[0].id, "sleeping");
  EXPECT_EQ(commands(), 1);
  clock.advance(2h);
  ASSERT_TRUE(eventually([&] { return commands() == 0; }));
  EXPECT_EQ(all().size(), 1U) << "one that runs is never forgotten";
}

/// Else its tables would grow, and nobody would know.
TEST_F(SagaServiceTest, ThatNothingCanBeForgottenIsToldOnce) {
  auto stock = make("inventory", {{"sagas.keep_commands", "1h"}, {"audit.every", "1s"}}, &clock_);
  auto& store = *stock.store();
  saga::apply_schema(store).or_throw();
  const auto execute = [&](std::string_view statement) {
    auto tx = store.begin(10s).or_throw();
    tx->execute(statement).or_throw();
    tx->commit().or_throw();
  };
  {
    auto tx = store.begin(10s).or_throw();
    EXPECT_TRUE(Tombstones(store, default_tables(), clock_).admit(*tx, "saga/other/1/step/do").or_throw());
    tx->commit().or_throw();
  }
  execute("create trigger hold before delete on tidings_saga_commands begin select raise(fail, 'held'); end");
  stock.on("reserve", {}, [](const ReserveStock&, Context&, Transaction&) -> Result<> { return {}; });
  run(std::move(stock));
  clock_.advance(2h);
  const auto count = [&](std::string_view what) {
    const auto text = log_.text();
    std::size_t found = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
  };
  ASSERT_TRUE(eventually([&] { return count("held") > 0; })) << log_.text();
  execute("drop trigger hold");
  ASSERT_TRUE(eventually([&] { return count("is forgotten again") > 0; })) << log_.text();
  EXPECT_EQ(count("held"), 1U) << log_.text();
}

TEST_F(SagaServiceTest, AParticipantForgetsCommandsToo) {
  auto& clock = clock_;
  auto stock = make("inventory", {{"sagas.keep_commands", "1h"}, {"audit.every", "1s"}}, &clock);
  auto& store = *stock.store();
  saga::apply_schema(store).or_throw();
  const auto commands = [&] {
    auto tx = store.begin(10s).or_throw();
    return tx->query_one<std::int64_t>("select count(*) from tidings_saga_commands").or_throw().value_or(-1);
  };
  {
    auto tx = store.begin(10s).or_throw();
    EXPECT_TRUE(Tombstones(store, default_tables(), clock).admit(*tx, "saga/other/1/step/do").or_throw());
    tx->commit().or_throw();
  }
  stock.on("reserve", {}, [](const ReserveStock&, Context&, Transaction&) -> Result<> { return {}; });
  run(std::move(stock));
  clock.advance(2h);
  EXPECT_TRUE(eventually([&] { return commands() == 0; }));
}

TEST_F(SagaServiceTest, AServiceDoesNotStartWithWhatCannotBeRun) {
  auto orders = make("orders");
  orders.saga(define<Fulfilment>("fulfilment", {}, starts(&Fulfilment::begin)));
  EXPECT_EQ(orders.run(), 1);
  EXPECT_NE(log_.text().find("saga 'fulfilment': it has no steps"), std::string::npos) << log_.text();
  auto without = Service::create({.name = "orders", .broker_url = "memory:", .log = &log_}).or_throw();
  without.saga(fulfilment());
  EXPECT_EQ(without.run(), 1);
  EXPECT_NE(log_.text().find("has no store"), std::string::npos) << log_.text();
}

TEST_F(SagaServiceTest, IsDescribedAsAHandler) {
  auto orders = make("orders");
  orders.saga({fulfilment(), checkout()});
  EXPECT_EQ(orders.run(), 1) << "two names are no versions of one";
  auto described = make("orders");
  described.saga(fulfilment());
  const auto told = described.describe();
  ASSERT_EQ(told.handlers.size(), 1U);
  EXPECT_EQ(told.handlers[0].name, "saga-fulfilment");
}

}  // namespace
}  // namespace tidings::saga
