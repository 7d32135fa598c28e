#include "orders.hpp"

#include "testing.hpp"

namespace shop {
namespace {

using Told = std::vector<std::string>;

class OrdersTest : public ShopTest {
 protected:
  void run_orders() {
    auto service = make("orders");
    service.on<OrderSubmitted, CancellationSubmitted>("take-orders", {.concurrency = 1}, TakeOrders{});
    run(std::move(service), "take-orders", "submissions");
  }
  static SubmittedLine line(std::uint64_t number, const std::string& quantity, const std::string& price) {
    return {number, "1,mug,MUG," + quantity + ",2010-12-01T08:26:00Z," + price + ",c,UK", {}};
  }
  /// `LINE: reason` of what was parked.
  Told rejected() {
    Told lines;
    for (const auto& envelope : read("orders.rejected")) {
      const auto event = tidings::decode_event<LineRejected>(envelope.view()).or_throw();
      lines.push_back(std::to_string(event.number) + ": " + event.reason);
    }
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
  publish(CancellationSubmitted{"1", {line(2, "2", "1.50")}});
  run_orders();
  EXPECT_EQ(told("orders"), (Told{"shop.order-placed 1", "shop.order-cancelled C2", "shop.order-cancelled 1"}));
  EXPECT_EQ(total_of(0), 300);
  EXPECT_EQ(rejected(),
            (Told{"3: its quantity is not above 0, and it is no return", "4: its quantity 'many' is no whole number",
                  "5: its price '1.505' is no amount of pounds and pence up to 1000000000.00",
                  "6: it has 2 fields, not 8", "7: it is not UTF-8", "8: its quantity is not below 0, in a return"}));
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
