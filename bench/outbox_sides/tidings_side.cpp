#include <thread>

#include "outbox_sides/side.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/stores/open.hpp"

namespace bench::outbox {
namespace {

using namespace std::chrono_literals;
namespace lib = tidings::outbox;

constexpr tidings::Duration turn_wait = 30s;

class TidingsCommitter final : public Committer {
 public:
  explicit TidingsCommitter(tidings::Store& store) : store_(store) {}
  void commit(const OrderPlaced& order) override {
    const auto tx = store_.begin(turn_wait).or_throw();
    tx->execute(insert_order, order.number, order.order_id, order.customer_id, order.total_minor).or_throw();
    lib::enqueue(*tx, order, {.source = "bench"}).or_throw();
    tx->commit().or_throw();
  }

 private:
  tidings::Store& store_;
};

class TidingsSide final : public Side {
 public:
  TidingsSide(const std::string& url, std::size_t connections)
      : store_(tidings::open_store(url, {.connections = connections}).or_throw()) {
    lib::apply_schema(*store_).or_throw();
  }

  std::unique_ptr<Committer> committer() override { return std::make_unique<TidingsCommitter>(*store_); }

  /// One event as it is enqueued, and then as many of its kind as are wanted, behind all that is there.
  void fill(std::uint64_t count) override {
    const bool is_sqlite = store_->dialect() == tidings::SqlDialect::sqlite;
    const auto tx = store_->begin(turn_wait).or_throw();
    const auto first = tidings::make_envelope(order_of(0), {.source = "bench"}).or_throw();
    lib::enqueue_envelope(*tx, tidings::event_topic<OrderPlaced>(), first.view()).or_throw();
    tx->execute(
          "create table if not exists parts_of_keys(n integer primary key, key text not null, part integer not null)")
        .or_throw();
    for (std::uint64_t n = 0; n < keys; ++n) {
      const auto key = order_of(n).order_id;
      tx->execute("insert into parts_of_keys values ($1, $2, $3) on conflict do nothing", n, key, lib::part_of(key))
          .or_throw();
    }
    const std::string numbers = is_sqlite ? "(with recursive counted(n) as (select 1 union all select n + 1 from "
                                            "counted where n < $1) select n from counted)"
                                          : "generate_series(1, $1)";
    const std::string id = is_sqlite ? "lower(hex(randomblob(16)))" : "gen_random_uuid()::text";
    const auto payload =
        is_sqlite ? "cast(" + payload_sql("s.n") + " as blob)" : "convert_to(" + payload_sql("s.n") + ", 'UTF8')";
    tx->execute(
          "insert into tidings_outbox(part, message_id, topic, key, type, type_version, event_time, attributes, "
          "payload) select k.part, " +
              id + ", o.topic, k.key, o.type, o.type_version, o.event_time, o.attributes, " + payload + " from " +
              numbers + (is_sqlite ? " s" : " s(n)") +
              " join parts_of_keys k on k.n = s.n % 10000 cross join (select * from tidings_outbox order by id desc "
              "limit 1) o",
          count)
        .or_throw();
    tx->execute("delete from tidings_outbox where message_id = $1", first.id).or_throw();
    tx->commit().or_throw();
  }

  void start_relay(tidings::Broker& broker) override {
    relay_ = lib::Relay::start(*store_, broker, {.log = &tidings::stderr_log(tidings::LogLevel::warning)}).or_throw();
  }
  void stop_relay() override { relay_.reset(); }

  std::uint64_t waiting() override { return lib::status(*store_).or_throw().backlog; }

 private:
  const std::unique_ptr<tidings::Store> store_;
  std::unique_ptr<lib::Relay> relay_;
};

}  // namespace

std::unique_ptr<Side> tidings_side(const std::string& store_url, std::size_t connections) {
  return std::make_unique<TidingsSide>(store_url, connections);
}

}  // namespace bench::outbox
