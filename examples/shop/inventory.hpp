#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "events.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/saga/tombstones.hpp"
#include "tidings/service/batch.hpp"
#include "tidings/store/transaction.hpp"

namespace shop {

/// What is sold of a product, by its name.
using Quantities = std::map<std::string, std::int64_t>;

/// How much of each product is held by orders, and came back; and what became of each order, `reserved`, `rejected`
/// with the reason, or `released`, with what it holds as JSON (`Quantities`).
inline constexpr std::array<std::string_view, 2> inventory_tables{
    "create table if not exists products(id text primary key, reserved bigint not null, returned bigint not null)",
    "create table if not exists reservations(order_id text primary key, outcome text not null, reason text not null, "
    "held text not null)"};

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

/// Holds stock for orders, and gives it free again, as checkouts tell it to, and takes back what is returned: in one
/// transaction with what it answers, so that it counts once, however often it is killed and the events come again.
class Inventory {
 public:
  /// `stock_each`: of every product at the start; -1: unlimited.
  Inventory(std::int64_t stock_each, const tidings::Store& store) : stock_each_(stock_each), stones_(store) {}

  tidings::Result<> on(const tidings::Batch<ReserveStock, ReleaseStock, OrderReturned>& batch,
                       tidings::Transaction& tx) {
    Shelf shelf(tx);
    for (const auto& [event, context] : batch) {
      auto taken = std::visit([&, &where = context](const auto& told) { return take(told, where, tx, shelf); }, event);
      if (!taken) return taken;
    }
    return shelf.save();
  }

 private:
  struct Reservation {
    std::string outcome;
    std::string reason;
    std::string held;
  };
  static tidings::Result<std::optional<Reservation>> find(const std::string& order_id, tidings::Transaction& tx) {
    return tx.query_one<Reservation>("select outcome, reason, held from reservations where order_id = $1", order_id);
  }
  static tidings::Result<> note(const std::string& order_id, const Reservation& now, tidings::Transaction& tx) {
    auto written = tx.execute(
        "insert into reservations(order_id, outcome, reason, held) values ($1, $2, $3, $4) on conflict (order_id) do "
        "update set outcome = excluded.outcome, reason = excluded.reason, held = excluded.held",
        order_id, now.outcome, now.reason, now.held);
    return written ? tidings::Result<>{} : written.error();
  }

  tidings::Result<> take(const ReserveStock& command, tidings::Context& context, tidings::Transaction& tx,
                         Shelf& shelf) {
    const auto& id = command.order_id;
    const auto is_first = stones_.admit(tx, context.envelope().id);
    if (!is_first) return is_first.error();
    if (!*is_first) return answer_again(id, context, tx);
    Quantities wanted;  // a product may stand in several lines
    for (const auto& line : command.lines) wanted[line.product] += line.quantity;
    auto refusal = reserve(wanted, shelf);
    if (!refusal) return refusal.error();  // the database is away: it is tried again
    if (*refusal) {                        // an outcome
      if (auto noted = note(id, {"rejected", **refusal, "{}"}, tx); !noted) return noted;
      return context.publish(StockRejected{id, **refusal});
    }
    Reservation made{"reserved", "", ""};
    if (auto encoded = tidings::JsonCodec::encode(wanted, made.held); !encoded) return encoded;
    if (auto noted = note(id, made, tx); !noted) return noted;
    return context.publish(StockReserved{id});
  }

  /// For a command that was carried out before, or that its compensation has overtaken.
  static tidings::Result<> answer_again(const std::string& id, tidings::Context& context, tidings::Transaction& tx) {
    const auto known = find(id, tx);
    if (!known) return known.error();
    if (*known && (*known)->outcome == "reserved") return context.publish(StockReserved{id});
    return context.publish(
        StockRejected{id, *known && (*known)->outcome == "rejected" ? (*known)->reason : "it was released before"});
  }

  /// All lines or none. Why not, if not.
  [[nodiscard]] tidings::Result<std::optional<std::string>> reserve(const Quantities& wanted, Shelf& shelf) const {
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

  tidings::Result<> take(const ReleaseStock& command, tidings::Context& context, tidings::Transaction& tx,
                         Shelf& shelf) {
    const auto& id = command.order_id;
    const auto is_done = stones_.undo(tx, context.envelope().id);
    if (!is_done) return is_done.error();
    if (*is_done)
      if (auto released = release(id, tx, shelf); !released) return released;
    return context.publish(StockReleased{id});
  }

  static tidings::Result<> release(const std::string& id, tidings::Transaction& tx, Shelf& shelf) {
    const auto known = find(id, tx);
    if (!known) return known.error();
    if (!*known || (*known)->outcome != "reserved") return {};  // it was rejected, and holds nothing
    auto held = tidings::JsonCodec::decode<Quantities>((*known)->held);
    if (!held) return held.error();
    for (const auto& [name, quantity] : *held) {
      auto product = shelf.find(name);
      if (!product) return product.error();
      (*product)->reserved -= quantity;
    }
    return note(id, {"released", "", "{}"}, tx);
  }

  static tidings::Result<> take(const OrderReturned& goods, tidings::Context&, tidings::Transaction&, Shelf& shelf) {
    for (const auto& line : goods.lines) {
      auto product = shelf.find(line.product);
      if (!product) return product.error();
      (*product)->returned += line.quantity;
    }
    return {};
  }

  std::int64_t stock_each_;
  tidings::saga::Tombstones stones_;
};

}  // namespace shop
