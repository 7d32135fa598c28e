// orders: takes what the till submits, and says which orders were placed, which cancelled, and which lines make no
// order.
//
// It keeps no state. What a handler publishes leaves when the handler has succeeded, before the submission is
// acknowledged: a crash in between makes it publish again, so those who listen must expect an order twice. What a line
// is good for is decided from its submission alone, so the second time says the same as the first.
#include "orders.hpp"

#include "pace.hpp"
#include "tidings/service/service.hpp"

using namespace shop;

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("orders", argc, argv,
                                             {{"pace", "events a second at most; 0: as fast as it goes", "0"}});
  auto pace = Pace::from_setting(service.setting("pace"));
  service.on<OrderSubmitted, CancellationSubmitted>("take-orders", {.concurrency = 8},
                                                    [&](const auto& submitted, tidings::Context& context) {
                                                      pace.take(1);
                                                      return TakeOrders{}(submitted, context);
                                                    });
  return service.run();
}
