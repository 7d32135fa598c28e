// A service for the tests of `tidings dead-letters`: its handler fails on the events that the setting `bad` names, as
// `KEY` or `KEY:NUMBER`, separated by commas, and prints what it handles, flushed at once.
#include <cstdio>
#include <mutex>
#include <string>

#include "tidings/service/service.hpp"

namespace {

struct Order {
  std::string order_id;
  std::int64_t number = 0;
  static constexpr tidings::traits<Order> event{.name = "shop.order", .topic = "orders", .key = &Order::order_id};
};

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("shop", argc, argv, {{"bad", "what fails", ""}});
  const auto bad = "," + std::string(service.setting("bad")) + ",";
  std::mutex mutex;
  service.on("take", {.retry = {.immediate = 1, .delayed = 0}}, [&](const Order& order) -> tidings::Result<> {
    const auto name = order.order_id + ":" + std::to_string(order.number);
    if (bad.find("," + order.order_id + ",") != bad.npos) return tidings::Error{"refused", "no order of \x1b[1mours\n"};
    if (bad.find("," + name + ",") != bad.npos)
      return tidings::Error{"away", "the stock is away", tidings::Retry::same_call};
    const std::scoped_lock lock(mutex);
    std::printf("%s\n", name.c_str());
    std::fflush(stdout);
    return {};
  });
  return service.run();
}
