#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "random.hpp"
#include "tidings/event/traits.hpp"

// The event that the benchmarks publish where a size is not theirs to choose: an order of three lines.
namespace bench {

struct OrderLine {
  std::string product;
  std::int64_t quantity = 0;
  std::int64_t price_minor = 0;

  friend bool operator==(const OrderLine&, const OrderLine&) = default;
};

struct Order {
  std::string order_id;
  std::string customer_id;
  std::vector<OrderLine> lines;
  std::int64_t total_minor = 0;
  static constexpr tidings::traits<Order> event{.name = "bench.order", .topic = "orders", .key = &Order::order_id};

  friend bool operator==(const Order&, const Order&) = default;
};

inline Order make_order(Random& random) {
  Order order{.order_id = std::to_string(random.between(100'000, 999'999)),
              .customer_id = "customer-" + std::to_string(random.between(1'000, 99'999))};
  for (int line = 0; line < 3; ++line) {
    auto& one =
        order.lines.emplace_back(OrderLine{.product = random.letters(random.between(5, 12)),
                                           .quantity = static_cast<std::int64_t>(random.between(1, 48)),
                                           .price_minor = static_cast<std::int64_t>(random.between(19, 99'999))});
    order.total_minor += one.quantity * one.price_minor;
  }
  return order;
}

/// Enough different ones that no processor learns them by heart.
inline std::vector<Order> make_orders(std::uint64_t seed, std::size_t count = 256) {
  Random random(seed);
  std::vector<Order> orders;
  while (orders.size() < count) orders.push_back(make_order(random));
  return orders;
}

}  // namespace bench
