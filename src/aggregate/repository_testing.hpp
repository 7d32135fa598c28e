#pragma once

#include <thread>
#include <tuple>

#include "aggregate/testing.hpp"

namespace tidings::aggregate {

using shop::Order;
using shop::OrderId;

/// The same orders in a table of the program's own.
struct OrderRow {
  std::string id;
  std::int64_t cancelled = 0;
  std::int64_t total = 0;
  std::string items;
  std::uint64_t version = 0;
};
inline std::string joined(const std::vector<std::string>& items) {
  std::string all;
  for (const auto& item : items) all += item + ";";
  return all;
}
inline StateMapper<shop::OrderState> own_table(const std::string& table) {
  using shop::OrderState;
  return {.load = [=](Transaction& tx, std::string_view id) -> Result<std::optional<StateMapper<OrderState>::Loaded>> {
            auto row = tx.query_one<OrderRow>(
                "select id, cancelled, total, items, version from " + table + " where id = $1", id);
            if (!row) return row.error();
            if (!*row) return std::optional<StateMapper<OrderState>::Loaded>{};
            OrderState state{.id = {(*row)->id},
                             .status = (*row)->cancelled != 0 ? shop::Status::cancelled : shop::Status::open,
                             .total = (*row)->total};
            for (std::string_view items = (*row)->items; !items.empty(); items.remove_prefix(items.find(';') + 1))
              state.items.emplace_back(items.substr(0, items.find(';')));
            return std::optional(StateMapper<OrderState>::Loaded{std::move(state), (*row)->version});
          },
          .insert =
              [=](Transaction& tx, const OrderState& state, std::uint64_t version) {
                return tx.execute("insert into " + table +
                                      "(id, cancelled, total, items, version) values ($1, $2, $3, $4, $5) "
                                      "on conflict do nothing",
                                  state.id.value, static_cast<int>(state.status), state.total, joined(state.items),
                                  version);
              },
          .update =
              [=](Transaction& tx, const OrderState& state, VersionStep version) {
                return tx.execute("update " + table +
                                      " set cancelled = $2, total = $3, items = $4, version = $6 where id = $1 and "
                                      "version = $5",
                                  state.id.value, static_cast<int>(state.status), state.total, joined(state.items),
                                  version.was, version.becomes);
              },
          .remove =
              [=](Transaction& tx, std::string_view id, std::uint64_t version) {
                return tx.execute("delete from " + table + " where id = $1 and version = $2", id, version);
              }};
}

/// Every way to keep an order, on every store.
class RepositoryTest : public StoreTest, public ::testing::WithParamInterface<std::tuple<std::string, std::string>> {
 protected:
  void SetUp() override {
    open(std::get<0>(GetParam()));
    if (!store_) return;
    if (kind() == "own")
      run("create table " + tables_.name("own") +
          "(id text primary key, cancelled integer not null, "
          "total bigint not null, items text not null, version bigint not null)");
  }
  static const std::string& kind() { return std::get<1>(GetParam()); }
  [[nodiscard]] Repository<Order> orders() const {
    RepositoryOptions options{.source = "shop", .tables = tables_, .snapshot_every = 10};
    if (kind() == "own") return state_stored<Order>(own_table(tables_.name("own")), options);
    return kind() == "state" ? state_stored<Order>(options) : event_sourced<Order>(options);
  }
  void place(const std::string& id, std::int64_t total = 0) {
    auto order = Order::place({id}, total);
    orders().save(*store_, order).or_throw();
  }
  Order loaded(const std::string& id) {
    auto tx = store_->begin(10s).or_throw();
    return orders().load(*tx, {id}).or_throw();
  }
  std::string found(const std::string& id) {
    auto tx = store_->begin(10s).or_throw();
    return code(orders().load(*tx, {id}));
  }
};

}  // namespace tidings::aggregate
