#include <sqlite3.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "outbox_sides/side.hpp"

namespace bench::outbox {
namespace {

class Connection {
 public:
  explicit Connection(const std::string& file) {
    if (sqlite3_open(file.c_str(), &database_) != SQLITE_OK) throw std::runtime_error("sqlite3_open");
    sqlite3_busy_timeout(database_, 30'000);
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
  }
  ~Connection() { sqlite3_close_v2(database_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void run(const char* sql) {
    if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }
  [[noreturn]] void fail() { throw std::runtime_error(sqlite3_errmsg(database_)); }
  [[nodiscard]] sqlite3* handle() { return database_; }

 private:
  sqlite3* database_ = nullptr;
};

class Statement {
 public:
  Statement(Connection& connection, std::string_view sql) : connection_(connection) {
    if (sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                           &statement_, nullptr) != SQLITE_OK)
      connection.fail();
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int at, std::string_view text) {
    sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    return *this;
  }
  Statement& bind(int at, std::int64_t number) {
    sqlite3_bind_int64(statement_, at, number);
    return *this;
  }
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    sqlite3_reset(statement_);
    if (code != SQLITE_DONE) connection_.fail();
    return false;
  }
  void run() {
    while (step()) {
    }
  }
  std::string text(int column) {
    return {reinterpret_cast<const char*>(sqlite3_column_text(statement_, column)),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  std::int64_t number(int column) { return sqlite3_column_int64(statement_, column); }

 private:
  Connection& connection_;
  sqlite3_stmt* statement_ = nullptr;
};

class SqliteCommitter final : public Committer {
 public:
  explicit SqliteCommitter(const std::string& file) : connection_(file) {}
  void commit(const OrderPlaced& order) override {
    begin();
    write(order);
    enqueue(order);
    end();
  }
  void begin() { begin_.run(); }
  void write(const OrderPlaced& order) {
    order_.bind(1, order.number).bind(2, order.order_id).bind(3, order.customer_id).bind(4, order.total_minor).run();
  }
  void enqueue(const OrderPlaced& order) {
    const auto event = tidings::make_envelope(order, {.source = "bench"}).or_throw();
    event_.bind(1, event.id).bind(2, tidings::event_topic<OrderPlaced>()).bind(3, event.key);
    event_.bind(4, event.type).bind(5, event.payload).run();
  }
  void end() { commit_.run(); }
  [[nodiscard]] Connection& connection() { return connection_; }

 private:
  Connection connection_;
  Statement begin_{connection_, "BEGIN IMMEDIATE"};
  Statement order_{connection_, insert_order};
  Statement event_{connection_,
                   "insert into outbox(message_id, topic, key, type, payload) values ($1, $2, $3, $4, $5)"};
  Statement commit_{connection_, "COMMIT"};
};

class SqlitePoller final : public Side {
 public:
  explicit SqlitePoller(std::string file) : file_(std::move(file)), own_(file_) {
    own_.run(
        "create table outbox(id integer primary key autoincrement, message_id text not null, topic text not null, key "
        "text not null, type text not null, payload text not null, created_at text not null default "
        "current_timestamp)");
  }
  ~SqlitePoller() override { is_over_ = true; }

  std::unique_ptr<Committer> committer() override { return std::make_unique<SqliteCommitter>(file_); }

  void fill(std::uint64_t count) override {
    own_.run(
        ("insert into outbox(message_id, topic, key, type, payload) with recursive counted(n) as (select 1 union "
         "all select n + 1 from counted where n < " +
         std::to_string(count) +
         ") select lower(hex(randomblob(16))), 'orders', cast(100000 + n % 10000 as text), 'bench.order-placed', " +
         payload_sql("n") + " from counted")
            .c_str());
  }

  void start_relay(tidings::Broker& broker) override {
    is_over_ = false;
    relay_ = std::jthread([this, &broker] { relay(broker); });
  }
  void stop_relay() override {
    is_over_ = true;
    if (relay_.joinable()) relay_.join();
  }

  std::uint64_t waiting() override {
    Statement counted(own_, "select count(*) from outbox");
    counted.step();
    return static_cast<std::uint64_t>(counted.number(0));
  }

 private:
  struct Row {
    std::int64_t id;
    std::array<std::string, 5> texts;
  };
  void relay(tidings::Broker& broker) {
    Connection connection(file_);
    Statement begin(connection, "BEGIN IMMEDIATE");
    Statement next(connection, "select id, message_id, topic, key, type, payload from outbox order by id limit " +
                                   std::to_string(polled_at_once));
    Statement gone(connection, "delete from outbox where id = $1");
    Statement commit(connection, "COMMIT");
    while (!is_over_) {
      begin.run();
      std::vector<Row> rows;
      while (next.step()) {
        auto& row = rows.emplace_back(Row{next.number(0), {}});
        for (int column = 1; column <= 5; ++column)
          row.texts.at(static_cast<std::size_t>(column - 1)) = next.text(column);
      }
      std::vector<tidings::EnvelopeView> events;
      for (const auto& row : rows) {
        const auto& [id, topic, key, type, payload] = row.texts;
        events.push_back({.id = id, .type = type, .source = "bench", .key = key, .payload = payload});
        events.back().time = tidings::system_clock().now();
        events.back().data_content_type = "application/json";
      }
      if (!rows.empty()) broker.publish(rows.front().texts[1], events).or_throw();
      for (const auto& row : rows) gone.bind(1, row.id).run();
      commit.run();
      if (rows.empty()) std::this_thread::sleep_for(polled_every);
    }
  }

  const std::string file_;
  Connection own_;
  std::atomic<bool> is_over_ = false;
  std::jthread relay_;
};

}  // namespace

double handle_by_hand(const std::string& file, bool writes_rows, std::uint64_t count) {
  const SqlitePoller tables(file);
  Connection connection(file);
  connection.run("create table handled(message_id text primary key) without rowid");
  SqliteCommitter committer(file);
  std::vector<std::pair<tidings::Envelope, OrderPlaced>> events;
  for (std::uint64_t number = 0; number < count; ++number)
    events.emplace_back(tidings::make_envelope(order_of(number), {.source = "bench"}).or_throw(), order_of(number));
  Statement mark(committer.connection(), "insert into handled values ($1) on conflict do nothing");
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& [event, order] : events) {
    committer.begin();
    mark.bind(1, event.id).run();
    if (writes_rows)
      committer.write(order);
    else
      committer.enqueue(order);
    committer.end();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::unique_ptr<Side> sqlite_poller(const std::string& file) {
  return std::make_unique<SqlitePoller>(file);
}

}  // namespace bench::outbox
