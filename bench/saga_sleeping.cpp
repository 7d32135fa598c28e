// A service beside sagas that sleep: what it takes of memory, when it is ready, and how late its timers are.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include "child.hpp"
#include "saga_load.hpp"
#include "saga_shop.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/saga/coordinator.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/service/service.hpp"
#include "tidings/stores/open.hpp"

namespace bench::sagas {

namespace {

using Steady = std::chrono::steady_clock;

constexpr auto patience = 500ms;  // of those whose time-outs are measured
constexpr std::int64_t waking = 200;
constexpr std::int64_t at_once = 20'000;  // that are made in one transaction

/// One that the engine itself has brought to sleep, as often as told under other names.
void fill(tidings::Store& store, std::int64_t others) {
  if (others == 0) return;
  const auto coordinator = tidings::saga::Coordinator::make(store, {checkout()}, {.source = "bench"}).or_throw();
  auto first = placed_of(0);
  first.order_id = "sleeping-0";
  coordinator->handle(tidings::make_envelope(first, {.source = "bench"}).or_throw().view()).or_throw();
  {
    auto tx = store.begin(10s).or_throw();
    tx->execute("delete from tidings_outbox").or_throw();  // its command has long been sent
    tx->commit().or_throw();
  }
  const bool is_sqlite = store.dialect() == tidings::SqlDialect::sqlite;
  const std::string numbers =
      is_sqlite ? "with recursive numbers(n) as (select $1 union all select n + 1 from numbers where n + 1 < $2) "
                : "with numbers(n) as (select generate_series($1::bigint, $2::bigint - 1)) ";
  const std::string named = "'sleeping-' || n";
  const auto renamed = [&](const std::string& column) {
    return "replace(" + column + ", 'sleeping-0', " + named + ")";
  };
  const std::string columns = "definition, status, revision";
  const std::array statements{
      "insert into tidings_sagas(type, id, " + columns + ", state, progress, correlation, started_at, updated_at) " +
          numbers + "select type, " + named + ", " + columns + ", " + renamed("state") + ", " + renamed("progress") +
          ", correlation, started_at, updated_at from numbers, tidings_sagas where id = 'sleeping-0'",
      "insert into tidings_saga_history(type, id, revision, part, at, what, step, cause_id, cause_type, note) " +
          numbers + "select type, " + named +
          ", revision, part, at, what, step, cause_id, cause_type, note from numbers, tidings_saga_history where id "
          "= 'sleeping-0'",
      "insert into tidings_saga_timers(type, id, step, kind, token, due_at) " + numbers + "select type, " + named +
          ", step, kind, token, due_at + n from numbers, tidings_saga_timers where id = 'sleeping-0'"};
  // In pieces, so that no log of one large transaction is left to be worked off.
  for (std::int64_t begin = 1; begin < others; begin += at_once) {
    auto tx = store.begin(10s).or_throw();
    for (const auto& statement : statements)
      tx->execute(statement, begin, std::min(others, begin + at_once)).or_throw();
    tx->commit().or_throw();
  }
}

void forget_those_that_woke(tidings::Store& store) {
  auto tx = store.begin(10s).or_throw();
  for (const auto* const table : {"tidings_sagas", "tidings_saga_history", "tidings_saga_timers"})
    tx->execute("delete from " + std::string(table) + " where type = 'checkout' and id between 'order-' and 'order.'")
        .or_throw();
  tx->commit().or_throw();
}

/// As a database that has been in use for a while.
void settle(tidings::Store& store) {
  if (store.dialect() != tidings::SqlDialect::postgres) return;
  auto tx = store.begin(10s).or_throw();
  tx->execute("analyze").or_throw();
  tx->commit().or_throw();
}

double bytes_of(Database kind, const std::string& database, tidings::Store& store) {
  if (kind == Database::sqlite) {
    double all = 0;
    for (const auto* const end : {"", "-wal"})
      if (std::filesystem::exists(database + end))
        all += static_cast<double>(std::filesystem::file_size(database + end));
    return all;
  }
  auto tx = store.begin(10s).or_throw();
  return static_cast<double>(
      tx->query_one<std::int64_t>("select pg_database_size(current_database())").or_throw().value_or(0));
}

double resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) * 1024;
  return 0;
}

/// By the key, so that looking does not keep the writer out. From when each was due until it was fired, in nanoseconds.
std::vector<double> lateness(tidings::Store& store) {
  struct Row {
    std::int64_t sent = 0;
    std::int64_t fired = 0;
  };
  auto tx = store.begin(10s).or_throw();
  const auto rows =
      tx->query<Row>(
            "select a.at as sent, b.at as fired from tidings_saga_history a join tidings_saga_history b on a.type = "
            "b.type and a.id = b.id where a.type = 'checkout' and a.id between 'order-' and 'order.' and a.what = "
            "'sent' and b.what = "
            "'timed out'")
          .or_throw();
  std::vector<double> late;
  for (const auto& row : rows)
    late.push_back(static_cast<double>(row.fired - row.sent - std::chrono::nanoseconds{patience}.count()));
  std::ranges::sort(late);
  return late;
}

}  // namespace

void sleeping(benchmark::State& state, Stage& stage, Database kind, std::int64_t others) {
  const Scratch scratch("sagas");
  // A million takes a while to make: those that woke go, and the others sleep on for the next repetition.
  struct Filled {
    Scratch scratch{"sleeping"};
    std::string database;
  };
  static std::map<std::pair<Database, std::int64_t>, Filled> all;
  auto& [where, database] = all[{kind, others}];
  const bool is_new = database.empty();
  if (is_new) database = stage.new_database(kind, where);
  const auto store = open_database(kind, database, 2);
  if (is_new) fill(*store, others);
  forget_those_that_woke(*store);
  settle(*store);
  stage.settle(kind);
  for (auto _ : state) {
    const auto begin = Steady::now();
    Child child({own_path(), std::string(sleeper_word), kind == Database::sqlite ? "sqlite:" + database : database,
                 scratch.path() + "/sagas"});
    std::istringstream said(child.line());
    double ready = 0, memory = 0, median = 0, longest = 0;
    if (!(said >> ready >> memory >> median >> longest)) state.SkipWithError("the service said nothing");
    expect(state, static_cast<std::uint64_t>(child.wait()), 0, "is the exit status");
    state.SetIterationTime(std::chrono::duration<double>(Steady::now() - begin).count());
    state.counters["ready"] = ready;
    state.counters["memory"] = memory;
    state.counters["late_p50"] = median;
    state.counters["late_p99"] = longest;
    state.counters["disk"] = bytes_of(kind, database, *store);
  }
}

int sleeper(int argc, char** argv) {
  const auto begin = Steady::now();
  if (argc != 4) return 2;
  const std::string store_url = argv[2];
  auto broker = tidings::open_broker(std::string("log:") + argv[3], {}).or_throw();
  const auto publish = [&](const Placed& order) {
    const auto envelope = tidings::make_envelope(order, {.source = "bench"}).or_throw();
    const std::array views{envelope.view()};
    broker->publish(topic, views).or_throw();
  };
  broker->create_topic(topic, {.partitions = 1}).or_throw();
  publish(placed_of(0));
  auto service = tidings::Service::create({.name = "bench",
                                           .broker = broker.get(),
                                           .store_url = store_url,
                                           .log = &tidings::stderr_log(tidings::LogLevel::warning)})
                     .or_throw();
  service.saga(checkout(patience));
  std::jthread running([&] { (void)service.run(); });
  // A look from outside, by the key.
  const auto store = tidings::open_store(store_url, {.connections = 1}).or_throw();
  const auto is_there = [&](std::int64_t number) {
    auto tx = store->begin(10s);
    if (!tx) return false;
    const auto found = (*tx)->query_one<std::int64_t>(
        "select count(*) from tidings_sagas where type = 'checkout' and id = $1", order_id_of(number));
    return found && found->value_or(0) > 0;
  };
  const auto until = begin + 60s;
  while (!is_there(0) && Steady::now() < until) std::this_thread::sleep_for(1ms);
  const auto ready = std::chrono::duration<double, std::nano>(Steady::now() - begin).count();
  for (std::int64_t number = 1; number < waking; ++number) {
    publish(placed_of(number));
    std::this_thread::sleep_for(5ms);
  }
  std::vector<double> late;
  while (late.size() < waking && Steady::now() < until) {
    std::this_thread::sleep_for(100ms);
    late = lateness(*store);
  }
  const auto memory = resident_bytes();
  service.stop();
  if (late.size() < waking) return 1;
  std::cout << std::fixed << ready << " " << memory << " " << late[late.size() / 2] << " "
            << late[late.size() * 99 / 100] << std::endl;
  return 0;
}

}  // namespace bench::sagas
