// orders: takes what the till submits, and says which orders were placed, which cancelled, and which lines make no
// order.
//
// An order's row, what is said of it, and that its submission is handled are one transaction: killed at any moment, it
// has happened whole or not at all, and what comes again is known.
#include "orders.hpp"

#include "pace.hpp"
#include "tables.hpp"

using namespace shop;

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("orders", argc, argv,
                                             {{"pace", "events a second at most; 0: as fast as it goes", "0"}});
  if (auto made = make_tables(service, order_tables); !made) {
    service.log().write(tidings::LogLevel::error, "orders: " + to_string(made.error()));
    return 1;
  }
  auto pace = Pace::from_setting(service.setting("pace"));
  service.on("take-orders", {},
             [&](const tidings::Batch<OrderSubmitted, CancellationSubmitted>& batch, tidings::Transaction& tx) {
               pace.take(batch.size());
               return take_orders(batch, tx);
             });
  return service.run();
}
