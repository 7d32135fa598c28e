#include "outbox_stage.hpp"

#include <libpq-fe.h>

#include <stdexcept>

#include "testing/servers/nats_server.hpp"
#include "testing/servers/postgres_server.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/stores/open.hpp"

namespace bench::outbox {
namespace {

/// As PostgreSQL comes, where the tests' has less memory and no vacuum by itself.
constexpr std::string_view as_it_comes =
    "shared_buffers = 128MB\nautovacuum_naptime = 1min\ndeadlock_timeout = 1s\nmax_worker_processes = 8\n"
    "max_connections = 100\n";

void run(const std::string& url, const std::string& statement) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statement.c_str()), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
}

std::string database_url(const tidings::testing::ServerProcess& server, const std::string& name) {
  const auto url = tidings::testing::postgres_url(server);
  return url.substr(0, url.rfind('/') + 1) + name;
}

}  // namespace

std::string Stage::new_database(Database kind, const Scratch& scratch) {
  if (kind == Database::sqlite) {
    auto file = scratch.path() + "/data.db";
    const auto store = tidings::open_store("sqlite:" + file).or_throw();
    const auto tx = store->begin(std::chrono::seconds{10}).or_throw();
    tx->execute(orders_table).or_throw();
    tx->commit().or_throw();
    return file;
  }
  if (!postgres_) postgres_ = tidings::testing::start_postgres_server({.config = std::string(as_it_comes)}).or_throw();
  const auto server = database_url(*postgres_, "postgres");
  const auto name = "bench_" + std::to_string(++databases_);
  run(server, "create database " + name);
  auto url = database_url(*postgres_, name);
  run(url, std::string(orders_table));
  return url;
}

void Stage::drop(const std::string& database) {
  const auto name = database.substr(database.rfind('/') + 1);
  if (database.starts_with("postgres:"))
    run(database_url(*postgres_, "postgres"), "drop database " + name + " with (force)");
}

void Stage::settle(Database kind) {
  if (kind == Database::postgres) run(database_url(*postgres_, "postgres"), "checkpoint");
}

std::unique_ptr<tidings::Broker> Stage::new_broker(To to, const Scratch& scratch) {
  std::string url = "log:" + scratch.path() + "/log";
  if (to == To::nats) {
    nats_.reset();
    nats_ = tidings::testing::start_nats_server().or_throw();
    url = tidings::testing::nats_url(*nats_);
  }
  auto broker = tidings::open_broker(url, {.log = &tidings::stderr_log(tidings::LogLevel::error)}).or_throw();
  broker->create_topic(tidings::event_topic<OrderPlaced>(), {.partitions = 1}).or_throw();
  return broker;
}

void Stage::end() {
  postgres_.reset();
  nats_.reset();
}

Place::Place(Stage& of, Who who, Database kind, To to, std::size_t connections)
    : stage(of), database(of.new_database(kind, scratch)), broker(of.new_broker(to, scratch)) {
  if (who == Who::tidings)
    side = tidings_side(kind == Database::sqlite ? "sqlite:" + database : database, connections);
  else
    side = kind == Database::sqlite ? sqlite_poller(database) : postgres_poller(database);
}

Place::~Place() {
  side.reset();
  broker.reset();
  stage.drop(database);
}

}  // namespace bench::outbox
