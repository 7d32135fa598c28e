// inventory: holds stock for orders, gives it free again where their checkout goes back, and takes back what is
// returned. See inventory.hpp for how it bears being killed.
#include "inventory.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "pace.hpp"
#include "tables.hpp"

namespace {

using namespace shop;

constexpr std::int64_t stock_max = 1'000'000'000'000'000;

/// A whole number, or -1 for `unlimited`.
std::int64_t parse_stock(std::string_view text) {
  std::int64_t stock = -1;
  if (text == "unlimited") return stock;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), stock);
  if (error != std::errc{} || end != text.data() + text.size() || stock < 0 || stock > stock_max) {
    std::fprintf(stderr, "inventory: --stock is a whole number of each product, at most 10^15, or 'unlimited'\n");
    std::exit(2);
  }
  return stock;
}

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("inventory", argc, argv,
                                             {{"stock", "of each product at the start", "unlimited"},
                                              {"pace", "events a second at most; 0: as fast as it goes", "0"}});
  const auto stock_each = parse_stock(service.setting("stock"));
  if (auto made = make_participant_tables(service, inventory_tables); !made) {
    service.log().write(tidings::LogLevel::error, "inventory: " + to_string(made.error()));
    return 1;
  }
  std::optional<Inventory> inventory;
  if (service.store() != nullptr) inventory.emplace(stock_each, *service.store());  // without one `run` says so
  auto pace = Pace::from_setting(service.setting("pace"));
  service.on("keep-stock", {},
             [&](const tidings::Batch<ReserveStock, ReleaseStock, OrderReturned>& batch, tidings::Transaction& tx) {
               pace.take(batch.size());
               return inventory->on(batch, tx);
             });
  service.publishes<StockReserved, StockRejected, StockReleased>("keep-stock");
  return service.run();
}
