// inventory: reserves stock for what was ordered, takes back what was cancelled, and says how that went.
//
// It works on batches: decide for all of them, save the state once, and only then let the outcomes leave. Killed before
// the save, nothing was decided; killed after it, the events come again and get the outcome that stands in the state,
// never a new one.
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "events.hpp"
#include "state.hpp"
#include "tidings/service/service.hpp"

namespace {

using namespace shop;
using tidings::Context;
using tidings::Result;

class Inventory {
 public:
  Inventory(std::string path, InventoryState state)
      : path_(std::move(path)), state_(std::move(state)), recent_(std::move(state_.recent)) {}

  Result<> on(const tidings::Batch<OrderPlaced, OrderCancelled>& batch) {
    for (const auto& [event, context] : batch) {
      auto published = std::visit([&, &where = context](const auto& order) { return decide(order, where); }, event);
      if (!published) return published;
      if (!covers(state_.positions, context)) cover(state_.positions, context);
    }
    state_.recent = recent_.entries();
    return save_state(path_, state_);
  }

 private:
  Result<> decide(const OrderPlaced& order, Context& context) {
    auto outcome = recent_.find(order.order_id) != nullptr ? *recent_.find(order.order_id) : std::string{};
    if (outcome.empty()) {
      outcome = reserve(order);
      recent_.add(order.order_id, outcome);
    }
    if (outcome == "reserved")
      return context.publish(StockReserved{order.order_id, order.customer_id, order.lines, order.total_minor});
    return context.publish(StockRejected{order.order_id, order.customer_id, outcome});
  }

  Result<> decide(const OrderCancelled& order, Context& context) {
    const auto name = order.order_id + " cancelled";
    if (recent_.find(name) == nullptr) {
      // What was never reserved is not given back. An order that is no longer remembered was reserved long ago, or is a
      // return.
      const auto* const placed = recent_.find(order.order_id);
      if (placed == nullptr || *placed == "reserved")
        for (const auto& line : order.lines) state_.products[line.product].returned += line.quantity;
      recent_.add(name, "released");
    }
    return context.publish(StockReleased{order.order_id});
  }

  /// All lines or none. "reserved", or the reason why not.
  std::string reserve(const OrderPlaced& order) {
    std::map<std::string, std::int64_t> wanted;  // a product may stand in several lines
    for (const auto& line : order.lines) wanted[line.product] += line.quantity;
    if (state_.stock_each >= 0)
      for (const auto& [product, quantity] : wanted) {
        const auto& known = state_.products[product];
        const auto left = state_.stock_each + known.returned - known.reserved;
        if (left < quantity) {
          ++state_.orders_rejected;
          return "of " + product + " there are " + std::to_string(left) + ", not " + std::to_string(quantity);
        }
      }
    for (const auto& [product, quantity] : wanted) state_.products[product].reserved += quantity;
    ++state_.orders_reserved;
    return "reserved";
  }

  std::string path_;
  InventoryState state_;
  Recent recent_;
};

/// A whole number, or -1 for `unlimited`.
std::int64_t parse_stock(std::string_view text) {
  std::int64_t stock = -1;
  if (text == "unlimited") return stock;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), stock);
  if (error != std::errc{} || end != text.data() + text.size() || stock < 0) {
    std::fprintf(stderr, "inventory: --stock is a whole number of each product, or 'unlimited'\n");
    std::exit(2);
  }
  return stock;
}

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args(
      "inventory", argc, argv,
      {{"state", "folder of the state file", "."}, {"stock", "of each product at the start", "unlimited"}});
  const auto path = std::string(service.setting("state")) + "/inventory.json";
  const auto stock = parse_stock(service.setting("stock"));
  auto state = load_state<InventoryState>(path);
  if (!state) {
    service.log().write(tidings::LogLevel::error, to_string(state.error()));
    return 1;
  }
  state->stock_each = stock;
  Inventory inventory(path, std::move(*state));
  service.on("reserve-stock", {},
             [&](const tidings::Batch<OrderPlaced, OrderCancelled>& batch) { return inventory.on(batch); });
  return service.run();
}
