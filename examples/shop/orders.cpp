// orders: takes what the till submits, and says which orders were placed, which cancelled, and which lines make no
// order.
//
// It keeps no state. What a handler publishes leaves when the handler has succeeded, before the submission is
// acknowledged: a crash in between makes it publish again, so those who listen must expect an order twice. What a line
// is good for is decided from its submission alone, so the second time says the same as the first.
#include "orders.hpp"

#include "tidings/service/service.hpp"

using namespace shop;

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("orders", argc, argv);
  service.on<OrderSubmitted, CancellationSubmitted>("take-orders", {.concurrency = 8}, TakeOrders{});
  return service.run();
}
