// A service that keeps a projection, a saga and a handler, for the tests of `--rebuild` and `--describe`: in version 2
// it makes another column of its orders. The setting `slow` makes each event take so many milliseconds.
#include <chrono>
#include <thread>

#include "tidings/aggregate/projection.hpp"
#include "tidings/saga/define.hpp"
#include "tidings/service/service.hpp"

namespace shop {

enum class Channel { web, phone };
struct OrderLine {
  std::string item;
  std::int32_t count = 1;
};
struct OrderPlaced {
  std::string order_id;
  std::int64_t total = 0;
  std::vector<OrderLine> lines;
  std::optional<std::string> note;
  Channel channel = Channel::web;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
struct ReserveStock {
  std::string order_id;
  static constexpr tidings::traits<ReserveStock> event{
      .name = "shop.reserve-stock", .topic = "stock", .key = &ReserveStock::order_id};
};
struct ReleaseStock {
  std::string order_id;
  static constexpr tidings::traits<ReleaseStock> event{
      .name = "shop.release-stock", .topic = "stock", .key = &ReleaseStock::order_id};
};
struct StockReserved {
  std::string order_id;
  static constexpr tidings::traits<StockReserved> event{
      .name = "shop.stock-reserved", .topic = "stock-answers", .key = &StockReserved::order_id};
};
struct StockRejected {
  std::string order_id;
  static constexpr tidings::traits<StockRejected> event{
      .name = "shop.stock-rejected", .topic = "stock-answers", .key = &StockRejected::order_id};
};

struct Checkout {
  std::string order_id;
  void begin(const OrderPlaced& placed) { order_id = placed.order_id; }
  [[nodiscard]] ReserveStock reserve() const { return {order_id}; }
  [[nodiscard]] ReleaseStock release() const { return {order_id}; }
};

}  // namespace shop

namespace {

using shop::Checkout;
using shop::OrderPlaced;
namespace saga = tidings::saga;

auto order_totals(std::uint32_t version, std::chrono::milliseconds slow) {
  return tidings::projection<OrderPlaced>(
      "order-totals",
      {.tables = {{"order_totals", std::string("order_id text primary key, total bigint not null") +
                                       (version == 2 ? ", doubled bigint not null" : "")}},
       .version = version},
      [=](const OrderPlaced& order, tidings::ReadModel& model) -> tidings::Result<> {
        std::this_thread::sleep_for(slow);
        auto done = version == 2
                        ? model.execute("insert into {order_totals} values ($1, $2, $3)", order.order_id, order.total,
                                        order.total * 2)
                        : model.execute("insert into {order_totals} values ($1, $2)", order.order_id, order.total);
        return done ? tidings::Result<>{} : done.error();
      });
}

}  // namespace

int main(int argc, char** argv) {
  auto service =
      tidings::Service::from_args("shop", argc, argv, {{"model", "of the projection", "1"}, {"slow", "ms", "0"}});
  service.projection(order_totals(service.setting("model") == "2" ? 2 : 1,
                                  std::chrono::milliseconds(std::stoi(std::string(service.setting("slow"))))),
                     {.concurrency = 4});
  service.saga(saga::define<Checkout>(
      "checkout", {.version = 3}, saga::starts(&Checkout::begin),
      saga::step("reserve stock", saga::send(&Checkout::reserve), saga::done<shop::StockReserved>(),
                 saga::failed<shop::StockRejected>(), saga::undo(&Checkout::release),
                 saga::within(std::chrono::seconds{30}), saga::retries(2))));
  service.on("stock", {.concurrency = 2}, [](const shop::ReserveStock&) {});
  service.publishes<shop::StockReserved>().enqueues<shop::StockRejected>();
  return service.run();
}
