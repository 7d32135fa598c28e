// Sagas of a service over the embedded log and SQLite, with participants that answer, refuse, or never answer.
#include "tidings/service/service.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "saga/testing.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/saga/inspect.hpp"
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

Definition fulfilment(Duration patience = 1500ms) {
  return define<Fulfilment>(
      "fulfilment", {}, starts(&Fulfilment::begin),
      parallel(step("stock", send(&Fulfilment::reserve), done<StockReserved>(), failed<StockRejected>(),
                    undo(&Fulfilment::release, done<StockReleased>(), within(10s), retries(5))),
               step("payment", send(&Fulfilment::charge), done<PaymentCharged>(by(&PaymentCharged::order_id)),
                    failed(&Fulfilment::declined), undo(&Fulfilment::refund, done<PaymentRefunded>()))),
      step("courier", send(&Fulfilment::book), done<CourierBooked>(), within(patience), retries(1), no_undo()),
      completes(&Fulfilment::confirmed), fails(&Fulfilment::given_up));
}

class Lines final : public LogSink {
 public:
  void write(LogLevel level, std::string_view line) override {
    const std::scoped_lock lock(mutex_);
    if (level != LogLevel::debug) text_ += std::string(line) + "\n";
  }
  std::string text() {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

template <class F>
bool eventually(F&& done, Duration wait_max = 30s) {
  const auto until = std::chrono::steady_clock::now() + wait_max;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

class SagaServiceTest : public ::testing::Test {
 protected:
  ~SagaServiceTest() override { stop(); }

  Service make(const std::string& name) {
    return Service::create({.name = name,
                            .broker_url = "log:" + folder_.path() + "/log",
                            .store_url = "sqlite:" + folder_.path() + "/" + name + ".db",
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
    return list(*store, {.status = status, .limit = 1'000}).or_throw();
  }

  testing::TemporaryFolder folder_ = testing::TemporaryFolder::make("saga-service").or_throw();
  Lines log_;
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

/// What is due while no process runs is fired by the next.
TEST_F(SagaServiceTest, TimersAreKeptWhileNobodyRuns) {
  {
    auto orders = make("orders");
    orders.saga(fulfilment(1s));
    run(std::move(orders));
    run_participants();
    publish(OrderPlaced{"lost", 100, false});
    ASSERT_TRUE(eventually([&] {
      const auto sagas = all(Status::running);
      return !sagas.empty() && sagas.front().stage == 1;
    })) << log_.text();
    stop();
    stones_.clear();
  }
  std::this_thread::sleep_for(1'100ms);
  auto orders = make("orders");
  orders.saga(fulfilment(1s));
  run(std::move(orders));
  run_participants();
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
