#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tidings/broker/broker.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/event/traits.hpp"

// Who is measured by the outbox's benchmarks: ways from a database to a broker.
namespace bench::outbox {

struct OrderPlaced {
  std::string order_id;
  std::int64_t number = 0;
  std::string customer_id;
  std::int64_t total_minor = 0;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "bench.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
inline constexpr std::uint64_t keys = 10'000;

[[nodiscard]] OrderPlaced order_of(std::uint64_t number);
/// As the events of `order_of` read, in SQL, of a number `n`: for backlogs that the database itself makes.
[[nodiscard]] std::string payload_sql(std::string_view n);

/// A connection of one thread.
class Committer {
 public:
  virtual ~Committer() = default;
  /// A transaction: a row of the order, and its event. Throws where it fails.
  virtual void commit(const OrderPlaced& order) = 0;
};

/// Thread-safe but for what starts and ends. All of it throws where it fails.
class Side {
 public:
  virtual ~Side() = default;
  [[nodiscard]] virtual std::unique_ptr<Committer> committer() = 0;
  /// So many events stand in the outbox.
  virtual void fill(std::uint64_t count) = 0;
  virtual void start_relay(tidings::Broker& broker) = 0;
  /// After it the outbox has what was not published.
  virtual void stop_relay() = 0;
  [[nodiscard]] virtual std::uint64_t waiting() = 0;
};

/// Through the public interface, over a store with the table `orders`.
[[nodiscard]] std::unique_ptr<Side> tidings_side(const std::string& store_url, std::size_t connections);
/// As it is written by hand, with libpq: `SELECT … ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED`, publish, `DELETE`,
/// `COMMIT`, again at once while there is something, else after a millisecond.
[[nodiscard]] std::unique_ptr<Side> postgres_poller(const std::string& url);
/// The same with SQLite's C interface, in `BEGIN IMMEDIATE`, each connection with a busy timeout.
[[nodiscard]] std::unique_ptr<Side> sqlite_poller(const std::string& file);

/// What a handler by hand does over SQLite: for each event a transaction with a mark of it, and a row of the order or
/// an event. How many seconds it took.
[[nodiscard]] double handle_by_hand(const std::string& file, bool writes_rows, std::uint64_t count);

inline constexpr std::uint64_t polled_at_once = 100;
inline constexpr std::chrono::milliseconds polled_every{1};

/// `create table orders`, for every side.
inline constexpr std::string_view orders_table =
    "create table orders(number bigint primary key, order_id text not null, customer_id text not null, total_minor "
    "bigint not null)";
inline constexpr std::string_view insert_order =
    "insert into orders(number, order_id, customer_id, total_minor) values ($1, $2, $3, $4)";

}  // namespace bench::outbox
