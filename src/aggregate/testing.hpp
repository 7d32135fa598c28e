#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/aggregate/id.hpp"
#include "tidings/aggregate/repository.hpp"
#include "tidings/aggregate/schema.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/stores/open.hpp"

/// What the aggregates' tests share: a shop's orders, and a database.
namespace shop {

using OrderId = tidings::Id<class Order>;

struct OrderPlaced {
  OrderId order_id;
  std::int64_t total = 0;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "shop.order-placed", .topic = "orders", .key = tidings::key<&OrderPlaced::order_id>};
};
struct LineAdded {
  OrderId order_id;
  std::string item;
  std::int64_t price = 0;
  static constexpr tidings::traits<LineAdded> event{
      .name = "shop.line-added", .topic = "orders", .key = tidings::key<&LineAdded::order_id>};
};
struct OrderCancelled {
  OrderId order_id;
  std::string reason;
  static constexpr tidings::traits<OrderCancelled> event{
      .name = "shop.order-cancelled", .topic = "orders", .key = tidings::key<&OrderCancelled::order_id>};
};

enum class Status { open, cancelled };
struct OrderState {
  OrderId id;
  Status status{};
  std::int64_t total = 0;
  std::vector<std::string> items{};
  void apply(const OrderPlaced& event) {
    id = event.order_id;
    total = event.total;
  }
  void apply(const LineAdded& event) {
    items.push_back(event.item);
    total += event.price;
  }
  void apply(const OrderCancelled&) { status = Status::cancelled; }
  friend bool operator==(const OrderState&, const OrderState&) = default;
};

class Order : public tidings::Aggregate<OrderState, OrderPlaced, LineAdded, OrderCancelled> {
 public:
  static Order place(OrderId id, std::int64_t total = 0) {
    Order order;
    order.raise(OrderPlaced{std::move(id), total});
    return order;
  }
  tidings::Result<> add(std::string item, std::int64_t price = 1) {
    if (state().status == Status::cancelled)
      return tidings::Error{"cancelled", "nothing is added to what is cancelled"};
    raise(LineAdded{state().id, std::move(item), price});
    return {};
  }
  tidings::Result<> cancel(std::string reason) {
    if (state().status == Status::cancelled) return tidings::Error{"cancelled", "it is cancelled already"};
    raise(OrderCancelled{state().id, std::move(reason)});
    return {};
  }
  void say(const OrderPlaced& wrong) { raise(wrong); }
};

}  // namespace shop

namespace tidings::aggregate {

using namespace std::chrono_literals;

/// A database with the tables of aggregates and an outbox.
class StoreTest : public ::testing::Test {
 protected:
  /// `sqlite`, `postgres`, or `committed`: PostgreSQL where what others commit meanwhile is seen, so that nothing but
  /// the versions keeps changes apart.
  void open(const std::string& kind) {
    is_sqlite_ = kind == "sqlite";
    if (is_sqlite_) {
      folder_.emplace(tidings::testing::TemporaryFolder::make("aggregate").or_throw());
      url_ = "sqlite:" + folder_->path() + "/data.db";
    } else {
      TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
      auto& postgres = tidings::testing::SharedPostgres::get();
      ASSERT_TRUE(postgres.ready()) << to_string(postgres.ready().error());
      url_ = tidings::testing::postgres_url(postgres.server());
      if (kind == "committed") url_ += "?isolation=read-committed";
      static std::atomic<int> number = 0;
      tables_ = outbox::Tables::named("aggregate_" + std::to_string(number++)).or_throw();
    }
    store_ = open_store(url_, {.connections = 8}).or_throw();
    outbox::apply_schema(*store_, tables_).or_throw();
    aggregate::apply_schema(*store_, tables_).or_throw();
  }

  struct Sent {
    std::string topic;
    std::string key;
    std::string type;
    std::string data;
  };
  /// What stands in the outbox, in order.
  std::vector<Sent> sent() {
    auto tx = store_->begin(10s).or_throw();
    const std::string payload = is_sqlite_ ? "cast(payload as text)" : "convert_from(payload, 'UTF8')";
    return tx
        ->query<Sent>("select topic, key, type, " + payload + " as data from " + tables_.name("outbox") +
                      " order by id")
        .or_throw();
  }
  std::int64_t count(const std::string& table) {
    auto tx = store_->begin(10s).or_throw();
    return tx->query_one<std::int64_t>("select count(*) from " + tables_.name(table)).or_throw().value_or(-1);
  }
  void run(const std::string& sql) {
    auto tx = store_->begin(10s).or_throw();
    tx->execute(sql).or_throw();
    tx->commit().or_throw();
  }

  bool is_sqlite_ = true;
  std::string url_;
  std::optional<tidings::testing::TemporaryFolder> folder_;
  outbox::Tables tables_;
  std::unique_ptr<Store> store_;
};

template <class T>
std::string code(const Result<T>& result) {
  return result ? "" : result.error().code;
}

}  // namespace tidings::aggregate
