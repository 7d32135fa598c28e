// orders: takes what the till submits, says which orders were placed and which lines make no order, and brings each
// order to its end: the saga of checkout.hpp.
//
// An order's row, what is said of it, and that its submission is handled are one transaction, and so is each step of a
// checkout: killed at any moment, it has happened whole or not at all, and what comes again is known.
#include "orders.hpp"

#include <cstdio>
#include <cstdlib>

#include "checkout.hpp"
#include "pace.hpp"
#include "tables.hpp"

using namespace shop;

namespace {

constexpr auto wait_max = std::chrono::hours{24};

/// Ends the program, as wrong settings do, where it is none.
tidings::Duration parse_wait(const char* setting, std::string_view text) {
  const auto wait = tidings::parse_duration(text);
  if (wait && *wait > tidings::Duration::zero() && *wait <= wait_max) return *wait;
  std::fprintf(stderr, "orders: --%s is a time above nothing, as 500ms or 30s, and 24h at most\n", setting);
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args(
      "orders", argc, argv,
      {{"stock-timeout", "until the inventory is asked again, and again, and then gone without", "30s"},
       {"payment-timeout", "the same for payments", "30s"},
       {"pace", "submissions a second at most; 0: as fast as it goes", "0"}});
  const CheckoutTimes times{.stock = parse_wait("stock-timeout", service.setting("stock-timeout")),
                            .payment = parse_wait("payment-timeout", service.setting("payment-timeout"))};
  if (auto made = make_tables(service, order_tables); !made) {
    service.log().write(tidings::LogLevel::error, "orders: " + to_string(made.error()));
    return 1;
  }
  auto pace = Pace::from_setting(service.setting("pace"));
  // An order may have hundreds of lines, and SQLite has one writer: what is in hand at once stays small.
  service.on("take-orders", {.concurrency = 1, .in_flight_max = 50, .batch_max = 25},
             [&](const tidings::Batch<OrderSubmitted, CancellationSubmitted>& batch, tidings::Transaction& tx) {
               pace.take(batch.size());
               return take_orders(batch, tx);
             });
  service.saga(checkout(times), {.concurrency = 2, .in_flight_max = 50, .batch_max = 25});
  service.on("settle-orders", {.concurrency = 1, .in_flight_max = 50, .batch_max = 25}, settle_orders);
  service.publishes<OrderPlaced, OrderReturned, LineRejected, CancellationRequested, CancellationRejected>(
      "take-orders");
  service.publishes<CancellationRejected>("settle-orders");
  return service.run();
}
