// A service of a user: bills what was ordered, and stops after the first.
#include <cstdint>
#include <cstdio>
#include <string>

#include "tidings/service/service.hpp"

namespace shop {
struct OrderPlaced {
  std::string order_id;
  std::int64_t total_minor = 0;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
}  // namespace shop

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("billing", argc, argv);
  service.on("issue-invoice", {}, [&service](const shop::OrderPlaced& order) {
    std::printf("billed %s: %lld\n", order.order_id.c_str(), static_cast<long long>(order.total_minor));
    service.stop();
  });
  if (const auto published = service.publish(shop::OrderPlaced{"7", 995}); !published) {
    std::fprintf(stderr, "%s\n", published.error().message.c_str());
    return 1;
  }
  return service.run();
}
