// The example of docs/services.md, as it stands there.
#include <gtest/gtest.h>

#include <charconv>
#include <mutex>

#include "tidings/service/service.hpp"

namespace example {

using namespace tidings;
using namespace std::chrono_literals;

struct OrderPlaced {
  std::string order_id;
  std::int64_t quantity = 0;
  static constexpr traits<OrderPlaced> event{.topic = "orders", .key = &OrderPlaced::order_id};
};
struct StockReserved {
  std::string order_id;
  static constexpr traits<StockReserved> event{.topic = "stock", .key = &StockReserved::order_id};
};
struct StockRejected {
  std::string order_id;
  std::string reason;
  static constexpr traits<StockRejected> event{.topic = "stock", .key = &StockRejected::order_id};
};

enum class Reservation { made, refused };

class Stock {
 public:
  explicit Stock(std::string_view items) { std::from_chars(items.data(), items.data() + items.size(), left_); }
  Result<Reservation> reserve(const OrderPlaced& order) {
    const std::scoped_lock lock(mutex_);
    if (order.quantity > left_) return Reservation::refused;
    left_ -= order.quantity;
    return Reservation::made;
  }

 private:
  std::mutex mutex_;
  std::int64_t left_ = 0;
};

// clang-format off
int run_inventory(int argc, char** argv) {
  auto service = Service::from_args("inventory", argc, argv, {{"stock", "items at the start", "100"}});
  Stock stock(service.setting("stock"));
  service.on("reserve-stock", {.concurrency = 8, .retry = {.immediate = 3, .longest = 1min}},
             [&](const OrderPlaced& order, Context& context) -> Result<> {
               auto outcome = stock.reserve(order);
               if (!outcome) return outcome.error();  // the disk is away: tried again
               if (*outcome == Reservation::refused) return context.publish(StockRejected{order.order_id, "not enough"});
               return context.publish(StockReserved{order.order_id});  // leaves once this has succeeded
             });
  return service.run();  // until SIGTERM
}
// clang-format on

TEST(ServicesPage, its_example_says_what_it_can) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto help = [] {
    std::string name = "inventory";
    std::string flag = "--stok=5";
    char* arguments[] = {name.data(), flag.data()};
    std::exit(run_inventory(2, arguments));
  };
  EXPECT_EXIT(help(), ::testing::ExitedWithCode(2), "there is no flag '--stok'; did you mean '--stock'");
}

}  // namespace example
