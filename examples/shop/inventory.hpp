#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "events.hpp"
#include "tidings/service/batch.hpp"
#include "tidings/store/transaction.hpp"

namespace shop {

/// How much of each product was reserved and came back, and what became of each order: `reserved` or `rejected`.
inline constexpr std::array<std::string_view, 2> inventory_tables{
    "create table if not exists products(id text primary key, reserved bigint not null, returned bigint not null)",
    "create table if not exists reservations(order_id text primary key, outcome text not null)"};

/// The products that a transaction has to do with: each is read once and written once, however many orders want it.
class Shelf {
 public:
  struct Product {
    std::int64_t reserved = 0;
    std::int64_t returned = 0;
  };

  explicit Shelf(tidings::Transaction& tx) : tx_(tx) {}

  /// To be read and changed; good as long as the shelf.
  tidings::Result<Product*> find(const std::string& id) {
    if (const auto known = products_.find(id); known != products_.end()) return &known->second;
    auto row = tx_.query_one<Product>("select reserved, returned from products where id = $1", id);
    if (!row) return row.error();
    return &products_.emplace(id, row->value_or(Product{})).first->second;
  }

  /// In the order of their ids, so that no two transactions wait for each other in a circle.
  tidings::Result<> save() {
    for (const auto& [id, product] : products_) {
      auto written = tx_.execute(
          "insert into products(id, reserved, returned) values ($1, $2, $3) "
          "on conflict (id) do update set reserved = excluded.reserved, returned = excluded.returned",
          id, product.reserved, product.returned);
      if (!written) return written.error();
    }
    return {};
  }

 private:
  tidings::Transaction& tx_;
  std::map<std::string, Product> products_;
};

/// Reserves stock for what was ordered, takes back what was cancelled, and says how that went: in one transaction, so
/// that it counts once, however often it is killed and the events come again.
class Inventory {
 public:
  /// `stock_each`: of every product at the start; -1: unlimited.
  explicit Inventory(std::int64_t stock_each) : stock_each_(stock_each) {}

  tidings::Result<> on(const tidings::Batch<OrderPlaced, OrderCancelled>& batch, tidings::Transaction& tx) const {
    Shelf shelf(tx);
    for (const auto& [event, context] : batch) {
      auto taken =
          std::visit([&, &where = context](const auto& order) { return take(order, where, tx, shelf); }, event);
      if (!taken) return taken;
    }
    return shelf.save();
  }

 private:
  tidings::Result<> take(const OrderPlaced& order, tidings::Context& context, tidings::Transaction& tx,
                         Shelf& shelf) const {
    auto refusal = reserve(order, shelf);
    if (!refusal) return refusal.error();  // the database is away: it is tried again
    auto noted = tx.execute("insert into reservations(order_id, outcome) values ($1, $2)", order.order_id,
                            *refusal ? "rejected" : "reserved");
    if (!noted) return noted.error();
    if (*refusal) return context.publish(StockRejected{order.order_id, order.customer_id, **refusal});  // an outcome
    return context.publish(StockReserved{order.order_id, order.customer_id, order.lines, order.total_minor});
  }

  /// All lines or none. Why not, if not.
  [[nodiscard]] tidings::Result<std::optional<std::string>> reserve(const OrderPlaced& order, Shelf& shelf) const {
    std::map<std::string, std::int64_t> wanted;  // a product may stand in several lines
    for (const auto& line : order.lines) wanted[line.product] += line.quantity;
    for (const auto& [id, quantity] : wanted) {
      auto product = shelf.find(id);
      if (!product) return product.error();
      const auto left = stock_each_ + (*product)->returned - (*product)->reserved;
      if (stock_each_ >= 0 && left < quantity)
        return std::optional("of " + id + " there are " + std::to_string(left) + ", not " + std::to_string(quantity));
    }
    for (const auto& [id, quantity] : wanted) {
      auto product = shelf.find(id);
      if (!product) return product.error();
      (*product)->reserved += quantity;
    }
    return std::optional<std::string>{};
  }

  /// What was refused is not given back. A return has a number of its own, and no reservation.
  static tidings::Result<> take(const OrderCancelled& order, tidings::Context& context, tidings::Transaction& tx,
                                Shelf& shelf) {
    auto outcome = tx.query_one<std::string>("select outcome from reservations where order_id = $1", order.order_id);
    if (!outcome) return outcome.error();
    if (*outcome == "rejected") return {};
    for (const auto& line : order.lines) {
      auto product = shelf.find(line.product);
      if (!product) return product.error();
      (*product)->returned += line.quantity;
    }
    return context.publish(StockReleased{order.order_id});
  }

  std::int64_t stock_each_;
};

}  // namespace shop
