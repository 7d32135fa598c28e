// A service as users write it: at its first delivery it says when that was, and stops.
#include <chrono>
#include <iostream>

#include "order.hpp"
#include "tidings/service/service.hpp"

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("starting", argc, argv);
  service.on("first", {}, [&](const bench::Order& order) {
    std::cout << std::chrono::steady_clock::now().time_since_epoch().count() << "\n" << order.order_id << std::endl;
    service.stop();
  });
  return service.run();
}
