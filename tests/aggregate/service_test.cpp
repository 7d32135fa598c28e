// Aggregates and projections in a service: payments come in, orders change by them, and what is read follows, also
// while it is rebuilt.
#include "tidings/service/service.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <thread>

#include "testing/servers/eventually.hpp"
#include "testing/servers/kept_log.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/aggregate/projection.hpp"
#include "tidings/aggregate/rebuild.hpp"
#include "tidings/aggregate/repository.hpp"
#include "tidings/aggregate/schema.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/stores/open.hpp"

namespace shop {

struct PaymentReceived {
  std::string order_id;
  std::int64_t amount = 0;
  static constexpr tidings::traits<PaymentReceived> event{
      .name = "shop.payment-received", .topic = "payments", .key = &PaymentReceived::order_id};
};
struct OrderPlaced {
  std::string order_id;
  std::int64_t total = 0;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
struct OrderPaid {
  std::string order_id;
  std::int64_t amount = 0;
  static constexpr tidings::traits<OrderPaid> event{
      .name = "shop.order-paid", .topic = "orders", .key = &OrderPaid::order_id};
};
struct OrderState {
  std::string id;
  std::int64_t open = 0;
  void apply(const OrderPlaced& placed) {
    id = placed.order_id;
    open = placed.total;
  }
  void apply(const OrderPaid& paid) { open -= paid.amount; }
};
class Order : public tidings::Aggregate<OrderState, OrderPlaced, OrderPaid> {
 public:
  void place(std::string id, std::int64_t total) { raise(OrderPlaced{std::move(id), total}); }
  tidings::Result<> pay(std::int64_t amount) {
    if (amount > state().open) return tidings::Error{"too_much", "more than is open"};
    raise(OrderPaid{state().id, amount});
    return {};
  }
};

}  // namespace shop

namespace tidings {
namespace {

using namespace std::chrono_literals;

using shop::Order;
using shop::OrderPaid;
using shop::OrderPlaced;
using shop::PaymentReceived;
using tidings::testing::eventually;

auto order_totals() {
  return projection<OrderPlaced, OrderPaid>(
      "order-totals",
      {.tables = {{"order_totals", "order_id text primary key, total bigint not null, paid bigint not null"}}},
      overloaded{[](const OrderPlaced& placed, ReadModel& model) -> Result<> {
                   auto done =
                       model.execute("insert into {order_totals} values ($1, $2, 0)", placed.order_id, placed.total);
                   return done ? Result<>{} : done.error();
                 },
                 [](const OrderPaid& paid, ReadModel& model) -> Result<> {
                   auto done = model.execute("update {order_totals} set paid = paid + $2 where order_id = $1",
                                             paid.order_id, paid.amount);
                   return done ? Result<>{} : done.error();
                 }});
}

class AggregatesInAService : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto url = "sqlite:" + folder_.path() + "/shop.db";
    if (GetParam() == "postgres") {
      TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
      auto& postgres = tidings::testing::SharedPostgres::get();
      ASSERT_TRUE(postgres.ready()) << to_string(postgres.ready().error());
      url = tidings::testing::postgres_url(postgres.server());
      const auto store = open_store(url).or_throw();
      auto tx = store->begin(10s).or_throw();
      static int number = 0;
      const auto schema = "in_a_service_" + std::to_string(number++);
      tx->execute("create schema " + schema).or_throw();
      tx->commit().or_throw();
      url += "?options=-csearch_path%3D" + schema;
    }
    store_ = open_store(url, {.connections = 6}).or_throw();
    outbox::apply_schema(*store_).or_throw();
    aggregate::apply_schema(*store_).or_throw();
    broker_ = open_broker("memory:").or_throw();
  }
  template <class Event>
  void publish(const Event& event) {
    const auto envelope = make_envelope(event, {.source = "bank"}).or_throw();
    const auto view = envelope.view();
    broker_->publish(event_topic<Event>(), std::span(&view, 1)).or_throw();
  }
  struct Row {
    std::string order_id;
    std::int64_t total = 0;
    std::int64_t paid = 0;
  };
  std::vector<Row> rows() {
    auto tx = store_->begin(30s).or_throw();
    return tx->query<Row>("select order_id, total, paid from order_totals order by order_id").or_throw();
  }

  tidings::testing::TemporaryFolder folder_ = tidings::testing::TemporaryFolder::make("aggregates").or_throw();
  tidings::testing::KeptLog log_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Broker> broker_;
};
INSTANTIATE_TEST_SUITE_P(Stores, AggregatesInAService, ::testing::Values("sqlite", "postgres"));

TEST_P(AggregatesInAService, OrdersChangeByPaymentsAndWhatIsReadFollows) {
  constexpr int order_count = 10;
  constexpr std::int64_t payments = 8;
  const auto orders = event_sourced<Order>({.source = "shop", .snapshot_every = 5});
  auto service =
      Service::create({.name = "shop", .broker = broker_.get(), .store = store_.get(), .log = &log_}).or_throw();
  service.on("take-payment", {.concurrency = 4},
             [&](const PaymentReceived& payment, Context& context, Transaction& tx) -> Result<> {
               auto order = orders.load(tx, payment.order_id);
               if (!order) return order.error();
               if (auto paid = order->pay(payment.amount); !paid) return {};  // refused: the bank has it back
               return orders.save(tx, *order, context);
             });
  const auto totals = order_totals();
  service.projection(totals, {.concurrency = 4});

  for (int one = 0; one < order_count; ++one) {
    Order order;
    order.place("o-" + std::to_string(one), payments);
    orders.save(*store_, order).or_throw();
  }
  int status = -1;
  std::jthread running([&] { status = service.run(); });
  std::jthread rebuilding([&](const std::stop_token& stop) {
    std::uint64_t handled = 0;
    while (!stop.stop_requested()) {
      // Once more has been handled by what serves.
      const auto stats = service.stats("order-totals");
      if (!stats || stats->handled == std::exchange(handled, stats->handled)) {
        std::this_thread::sleep_for(1ms);
        continue;
      }
      const auto rebuilt = rebuild(*store_, *broker_, totals, {.batch_max = 7});
      EXPECT_TRUE(rebuilt || rebuilt.error().retry == Retry::same_call) << to_string(rebuilt.error());
    }
  });
  for (std::int64_t payment = 0; payment < payments + 2; ++payment)  // the last ones are too much
    for (int one = 0; one < order_count; ++one) publish(PaymentReceived{"o-" + std::to_string(one), 1});
  const auto all_is_paid = [&] {
    if (const auto stats = service.stats("order-totals"); !stats || stats->handled == 0) return false;
    const auto all = rows();
    if (all.size() != order_count) return false;
    for (const auto& row : all)
      if (row.paid != payments) return false;
    return true;
  };
  EXPECT_TRUE(eventually(all_is_paid)) << log_.text();
  rebuilding.request_stop();
  rebuilding.join();
  EXPECT_TRUE(eventually([&] {  // what is still to come must not be there twice
    return service.stats("take-payment").or_throw().handled == (payments + 2) * order_count &&
           service.stats("order-totals").or_throw().handled >= (payments + 1) * order_count;
  })) << log_.text();
  service.stop();
  running.join();
  EXPECT_EQ(status, 0) << log_.text();
  EXPECT_EQ(service.stats("take-payment").or_throw().parked, 0U) << log_.text();
  EXPECT_EQ(service.stats("order-totals").or_throw().parked, 0U) << log_.text();
  for (const auto& row : rows()) {
    EXPECT_EQ(row.total, payments);
    EXPECT_EQ(row.paid, payments) << row.order_id;
  }
  auto tx = store_->begin(10s).or_throw();
  for (int one = 0; one < order_count; ++one) {
    const auto order = orders.load(*tx, "o-" + std::to_string(one)).or_throw();
    EXPECT_EQ(order.state().open, 0);
    EXPECT_EQ(order.version(), 1 + payments);
  }
  // What a handler raised is caused by what it handled.
  const auto caused = tx->query_one<std::int64_t>(
                            "select count(*) from tidings_aggregate_events where event_type = 'shop.order-paid' and "
                            "source = 'shop' and causation_id <> '' and correlation_id <> message_id")
                          .or_throw();
  EXPECT_EQ(caused, order_count * payments);
}

}  // namespace
}  // namespace tidings
