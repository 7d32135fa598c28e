// A service for the tests of `tidings dead-letters`: its handler fails on the events that the setting `bad` names, as
// `KEY` or `KEY:NUMBER`, separated by commas, hangs on those of `hangs`, and prints what it handles, flushed at once.
#include <chrono>
#include <condition_variable>
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
  auto service = tidings::Service::from_args("shop", argc, argv,
                                             {{"bad", "what fails", ""},
                                              {"hangs", "what does not end", ""},
                                              {"delayed", "attempts after pauses of an hour", "0"}});
  const auto bad = "," + std::string(service.setting("bad")) + ",";
  const auto hangs = "," + std::string(service.setting("hangs")) + ",";
  const tidings::Backoff retry{.immediate = 1,
                               .delayed = std::atoi(std::string(service.setting("delayed")).c_str()),
                               .first = std::chrono::hours{1},
                               .longest = std::chrono::hours{1}};
  std::mutex mutex;
  service.on("take", {.retry = retry}, [&](const Order& order, tidings::Context& context) -> tidings::Result<> {
    const auto name = order.order_id + ":" + std::to_string(order.number);
    if (hangs.find("," + name + ",") != hangs.npos) {
      std::mutex own;
      std::unique_lock lock(own);
      std::condition_variable_any().wait(lock, context.stop(), [] { return false; });
      return tidings::Error{"stopping", "the service stops", tidings::Retry::same_call};
    }
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
