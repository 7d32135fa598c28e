#pragma once

#include "events.hpp"
#include "state.hpp"
#include "tidings/service/batch.hpp"

namespace shop {

/// Reserves stock for what was ordered, takes back what was cancelled, and says how that went.
///
/// It works on batches: decide for all of them on a copy of the state, save that once, and only then let the outcomes
/// leave. Killed before the save, nothing was decided; killed after it, the events come again and get the outcome that
/// stands in the state, never a new one. Where the save fails, the copy is forgotten: an event that is parked then was
/// decided nowhere.
class Inventory {
 public:
  Inventory(std::string path, InventoryState state) : path_(std::move(path)), books_{std::move(state), {}} {
    books_.recent = Recent(std::move(books_.state.recent));
  }

  tidings::Result<> on(const tidings::Batch<OrderPlaced, OrderCancelled>& batch) {
    auto books = books_;
    for (const auto& [event, context] : batch) {
      auto published = std::visit([&, &where = context](const auto& order) { return books.take(order, where); }, event);
      if (!published) return published;
      if (!covers(books.state.positions, context)) cover(books.state.positions, context);
    }
    books.state.recent = books.recent.entries();
    if (auto saved = save_state(path_, books.state); !saved) return saved;
    books_ = std::move(books);
    return {};
  }

 private:
  struct Books {
    InventoryState state;
    Recent recent;

    tidings::Result<> take(const OrderPlaced& order, tidings::Context& context) {
      const auto* outcome = recent.find(order.order_id);
      if (outcome == nullptr) {
        if (covers(state.positions, context)) return {};  // decided, and told, longer ago than we remember
        outcome = &recent.add(order.order_id, reserve(order));
      }
      if (*outcome == "reserved")
        return context.publish(StockReserved{order.order_id, order.customer_id, order.lines, order.total_minor});
      return context.publish(StockRejected{order.order_id, order.customer_id, *outcome});
    }

    tidings::Result<> take(const OrderCancelled& order, tidings::Context& context) {
      const auto name = order.order_id + " cancelled";
      const auto* outcome = recent.find(name);
      if (outcome == nullptr) {
        if (covers(state.positions, context)) return {};
        outcome = &recent.add(name, release(order));
      }
      if (*outcome == "released") return context.publish(StockReleased{order.order_id});
      return {};
    }

    /// All lines or none. "reserved", or the reason why not.
    std::string reserve(const OrderPlaced& order) {
      std::map<std::string, std::int64_t> wanted;  // a product may stand in several lines
      for (const auto& line : order.lines) wanted[line.product] += line.quantity;
      if (state.stock_each >= 0)
        for (const auto& [product, quantity] : wanted) {
          const auto& known = state.products[product];
          const auto left = state.stock_each + known.returned - known.reserved;
          if (left < quantity) {
            ++state.orders_rejected;
            return "of " + product + " there are " + std::to_string(left) + ", not " + std::to_string(quantity);
          }
        }
      for (const auto& [product, quantity] : wanted) state.products[product].reserved += quantity;
      ++state.orders_reserved;
      return "reserved";
    }

    /// "released", or "nothing": what was never reserved is not given back. An order that is no longer remembered was
    /// reserved long ago, or is a return.
    std::string release(const OrderCancelled& order) {
      const auto* const placed = recent.find(order.order_id);
      if (placed != nullptr && *placed != "reserved") return "nothing";
      for (const auto& line : order.lines) state.products[line.product].returned += line.quantity;
      return "released";
    }
  };

  std::string path_;
  Books books_;
};

}  // namespace shop
