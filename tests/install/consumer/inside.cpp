// A program with the bus alone.
#include <cstdio>
#include <string>

#include "tidings/bus/bus.hpp"

namespace shop {
struct OrderPlaced {
  std::string order_id;
};
}  // namespace shop

int main() {
  tidings::Bus bus;
  auto mail =
      bus.subscribe([](const shop::OrderPlaced& order) { std::printf("mail for %s\n", order.order_id.c_str()); });
  return bus.publish(shop::OrderPlaced{"7"}) ? 0 : 1;
}
