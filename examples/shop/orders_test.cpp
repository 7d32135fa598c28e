#include "orders.hpp"

#include "testing.hpp"

namespace shop {
namespace {

using Told = std::vector<std::string>;

class OrdersTest : public ShopTest {
 protected:
  void run_orders() {
    auto service = make_with("orders", order_tables);
    service.on("take-orders", {}, take_orders);
    run(std::move(service), "take-orders", "submissions");
  }
  void run_settling() {
    auto service = make_with("orders", order_tables);
    service.on("settle-orders", {}, settle_orders);
    run(std::move(service), "settle-orders", "orders");
  }
  Told standing() { return rows<std::string>("select id || ' ' || status || ' ' || reason from orders order by id"); }
  static SubmittedLine line(std::uint64_t number, const std::string& quantity, const std::string& price) {
    return {number, "1,mug,MUG," + quantity + ",2010-12-01T08:26:00Z," + price + ",c,UK", {}};
  }
  /// `LINE: reason` of what was parked, `ORDER: reason` of cancellations.
  Told rejected() {
    Told lines;
    for (const auto& envelope : read("orders.rejected")) {
      if (envelope.type == tidings::event_name<CancellationRejected>()) {
        const auto event = tidings::decode_event<CancellationRejected>(envelope.view()).or_throw();
        lines.push_back(event.order_id + ": " + event.reason);
        continue;
      }
      const auto event = tidings::decode_event<LineRejected>(envelope.view()).or_throw();
      lines.push_back(std::to_string(event.number) + ": " + event.reason);
    }
    std::ranges::sort(lines);
    return lines;
  }
  std::int64_t total_of(std::size_t order) {
    return tidings::decode_event<OrderPlaced>(read("orders").at(order).view()).or_throw().total_minor;
  }
};

TEST_F(OrdersTest, parks_each_line_that_makes_no_order_with_its_reason) {
  publish(OrderSubmitted{"1",
                         {line(2, "2", "1.50"),
                          line(3, "-1", "1.50"),
                          line(4, "many", "1.50"),
                          line(5, "1", "1.505"),
                          {6, "1,mug", {}},
                          {7, "1,mug", "it is not UTF-8"}}});
  publish(OrderSubmitted{"C2", {line(8, "1", "1"), line(9, "-3", "1")}});
  run_orders();
  EXPECT_EQ(told("orders"), (Told{"shop.order-placed 1", "shop.order-returned C2"}));
  EXPECT_EQ(total_of(0), 300);
  EXPECT_EQ(rejected(),
            (Told{"3: its quantity is not above 0, and it is no return", "4: its quantity 'many' is no whole number",
                  "5: its price '1.505' is no amount of pounds and pence up to 1000000000.00",
                  "6: it has 2 fields, not 8", "7: it is not UTF-8", "8: its quantity is not below 0, in a return"}));
}

TEST_F(OrdersTest, an_order_is_a_row_that_says_how_it_stands) {
  publish(OrderSubmitted{"1", {line(2, "2", "1.50"), line(3, "1", "1")}});
  publish(OrderSubmitted{"2", {line(4, "1", "9.99")}});
  publish(OrderSubmitted{"C3", {line(5, "-1", "1.50")}});
  publish(OrderSubmitted{"4", {line(6, "none", "1.50")}});
  run_orders();
  EXPECT_EQ(rows<std::string>("select id || ' ' || customer_id || ' ' || country || ' ' || placed_at || ' ' || status "
                              "|| ' ' || total_minor from orders order by id"),
            (Told{"1 c UK 2010-12-01T08:26:00Z placed 400", "2 c UK 2010-12-01T08:26:00Z placed 999",
                  "C3 c UK 2010-12-01T08:26:00Z returned 150"}));
  EXPECT_EQ(rows<std::string>("select lines from orders where id = '2'"),
            (Told{R"([{"product":"mug","description":"MUG","quantity":1,"price_minor":999}])"}));
}

TEST_F(OrdersTest, a_kill_before_it_acknowledged_changes_nothing) {
  publish(OrderSubmitted{"1", {line(2, "2", "1.50"), line(3, "none", "1")}});
  publish(CancellationSubmitted{"1"});
  run_orders();
  const auto told_once = told("orders");
  for (int kill = 0; kill < 2; ++kill) {
    give_again("submissions", "orders.take-orders");
    run_orders();
    EXPECT_EQ(told("orders"), told_once);
    EXPECT_EQ(rejected(), (Told{"3: its quantity 'none' is no whole number"}));
  }
  EXPECT_EQ(standing(), Told{"1 placed "});
}

TEST_F(OrdersTest, what_cannot_be_is_an_outcome_and_no_error) {
  publish(OrderSubmitted{"1", {line(2, "2", "1.50")}});
  publish(OrderSubmitted{"1", {line(3, "5", "1.50")}});  // the till was pressed twice
  publish(OrderSubmitted{"C2", {line(4, "-1", "1.50")}});
  publish(CancellationSubmitted{"2"});
  publish(CancellationSubmitted{"C2"});
  publish(CancellationSubmitted{"1"});
  publish(CancellationSubmitted{"1"});
  run_orders();
  EXPECT_EQ(told("orders"), (Told{"shop.order-placed 1", "shop.cancellation-requested 1", "shop.order-returned C2"}));
  EXPECT_EQ(rejected(), (Told{"1: it was asked for before", "2: there is no such order",
                              "3: its order was taken before", "C2: it names a return, which is not cancelled"}));
  EXPECT_EQ(rows<std::int64_t>("select total_minor from orders where id = '1'"), std::vector<std::int64_t>{300});
}

TEST_F(OrdersTest, the_end_of_an_order_stands_in_its_row) {
  for (const std::string id : {"1", "2", "3"}) publish(OrderSubmitted{id, {line(2, "2", "1.50")}});
  run_orders();
  publish(confirmed("1"));
  publish(OrderFailed{"2", "c", FailureReason::payment_declined, ""});
  run_settling();
  EXPECT_EQ(standing(), (Told{"1 confirmed ", "2 failed payment_declined", "3 placed "}));
  for (const std::string id : {"1", "2", "3"}) publish(CancellationSubmitted{id});
  run_orders();
  EXPECT_EQ(rejected(), (Told{"1: it comes too late: the order is confirmed",
                              "2: it comes too late: the order has failed, payment_declined"}));
}

TEST_F(OrdersTest, every_cancellation_is_answered_once) {
  for (const std::string id : {"1", "2", "3"}) {
    publish(OrderSubmitted{id, {line(2, "2", "1.50")}});
    publish(CancellationSubmitted{id});
  }
  run_orders();
  EXPECT_EQ(rejected(), Told{});
  publish(confirmed("1"));  // had come to its end before the saga was told
  publish(OrderFailed{"2", "c", FailureReason::out_of_stock, ""});
  publish(OrderFailed{"3", "c", FailureReason::cancelled, ""});
  run_settling();
  const Told answers{"1: it comes too late: the order is confirmed",
                     "2: it comes too late: the order has failed, out_of_stock"};
  EXPECT_EQ(rejected(), answers);
  EXPECT_EQ(standing(), (Told{"1 confirmed ", "2 failed out_of_stock", "3 failed cancelled"}));
  give_again("orders", "orders.settle-orders");
  run_settling();
  EXPECT_EQ(rejected(), answers);
}

TEST_F(OrdersTest, no_amount_overflows) {
  publish(OrderSubmitted{
      "1",
      {line(2, "9999999999", "999999999.99"), line(3, "9999999999", "1000000000.00"), line(4, "1", "1000000000.01"),
       line(5, "10", "99999999.99"), line(6, "1", "0.10"), line(7, "1", "0.01"), line(8, "9999999999", "0")}});
  run_orders();
  EXPECT_EQ(told("orders"), (Told{"shop.order-placed 1"}));
  EXPECT_EQ(total_of(0), amount_max_minor);
  EXPECT_EQ(rejected(), (Told{"2: with it its order comes to more than 1000000000.00",
                              "3: with it its order comes to more than 1000000000.00",
                              "4: its price '1000000000.01' is no amount of pounds and pence up to 1000000000.00",
                              "7: with it its order comes to more than 1000000000.00"}));
}

}  // namespace
}  // namespace shop
