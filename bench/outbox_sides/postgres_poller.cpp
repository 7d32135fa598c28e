#include <libpq-fe.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "outbox_sides/side.hpp"

namespace bench::outbox {
namespace {

using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

class Connection {
 public:
  explicit Connection(const std::string& url) : connection_(PQconnectdb(url.c_str()), &PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  }
  Answer run(const std::string& sql) { return checked(PQexec(connection_.get(), sql.c_str())); }
  void prepare(const char* name, const std::string& sql) {
    checked(PQprepare(connection_.get(), name, sql.c_str(), 0, nullptr));
  }
  template <class... Texts>
  Answer run_prepared(const char* name, const Texts&... texts) {
    const std::array<const char*, sizeof...(Texts)> values{texts.c_str()...};
    return checked(PQexecPrepared(connection_.get(), name, sizeof...(Texts), values.data(), nullptr, nullptr, 0));
  }

 private:
  Answer checked(PGresult* result) {
    Answer answer(result, &PQclear);
    const auto status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    return answer;
  }
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

class PostgresCommitter final : public Committer {
 public:
  explicit PostgresCommitter(const std::string& url) : connection_(url) {
    connection_.prepare("order", std::string(insert_order));
    connection_.prepare("event",
                        "insert into outbox(message_id, topic, key, type, payload) values ($1, $2, $3, $4, $5)");
  }
  void commit(const OrderPlaced& order) override {
    connection_.run("BEGIN");
    connection_.run_prepared("order", std::to_string(order.number), order.order_id, order.customer_id,
                             std::to_string(order.total_minor));
    const auto event = tidings::make_envelope(order, {.source = "bench"}).or_throw();
    connection_.run_prepared("event", event.id, std::string(tidings::event_topic<OrderPlaced>()), event.key, event.type,
                             event.payload);
    connection_.run("COMMIT");
  }

 private:
  Connection connection_;
};

class PostgresPoller final : public Side {
 public:
  explicit PostgresPoller(std::string url) : url_(std::move(url)), own_(url_) {
    own_.run(
        "create table outbox(id bigint generated always as identity primary key, message_id text not null, topic text "
        "not null, key text not null, type text not null, payload text not null, created_at timestamptz not null "
        "default now())");
  }
  ~PostgresPoller() override { is_over_ = true; }

  std::unique_ptr<Committer> committer() override { return std::make_unique<PostgresCommitter>(url_); }

  void fill(std::uint64_t count) override {
    own_.run(
        "insert into outbox(message_id, topic, key, type, payload) select gen_random_uuid()::text, 'orders', (100000 + "
        "n % 10000)::text, 'bench.order-placed', " +
        payload_sql("n") + " from generate_series(1, " + std::to_string(count) + ") s(n)");
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
    return std::stoull(PQgetvalue(own_.run("select count(*) from outbox").get(), 0, 0));
  }

 private:
  void relay(tidings::Broker& broker) {
    Connection connection(url_);
    connection.prepare("next", "select id, message_id, topic, key, type, payload from outbox order by id limit " +
                                   std::to_string(polled_at_once) + " for update skip locked");
    connection.prepare("gone", "delete from outbox where id = any($1::bigint[])");
    while (!is_over_) {
      connection.run("BEGIN");
      const auto rows = connection.run_prepared("next");
      const int count = PQntuples(rows.get());
      std::vector<tidings::EnvelopeView> events;
      std::string ids;
      for (int row = 0; row < count; ++row) {
        const auto text = [&](int column) {
          return std::string_view(PQgetvalue(rows.get(), row, column),
                                  static_cast<std::size_t>(PQgetlength(rows.get(), row, column)));
        };
        (ids += ids.empty() ? "{" : ",") += text(0);
        events.push_back({.id = text(1), .type = text(4), .source = "bench", .key = text(3), .payload = text(5)});
        events.back().time = tidings::system_clock().now();
        events.back().data_content_type = "application/json";
      }
      if (count > 0) {
        broker.publish(PQgetvalue(rows.get(), 0, 2), events).or_throw();
        connection.run_prepared("gone", ids + "}");
      }
      connection.run("COMMIT");
      if (count == 0) std::this_thread::sleep_for(polled_every);
    }
  }

  const std::string url_;
  Connection own_;
  std::atomic<bool> is_over_ = false;
  std::jthread relay_;
};

}  // namespace

std::unique_ptr<Side> postgres_poller(const std::string& url) {
  return std::make_unique<PostgresPoller>(url);
}

}  // namespace bench::outbox
