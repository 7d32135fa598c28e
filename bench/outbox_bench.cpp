// The outbox and its relay, beside pollers as they are written by hand, over the same database and the same broker.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include "bench.hpp"
#include "outbox_handler.hpp"
#include "outbox_load.hpp"
#include "outbox_stage.hpp"
#include "testing/servers/nats_server.hpp"
#include "testing/servers/postgres_server.hpp"

namespace bench::outbox {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::size_t committing = 8;
constexpr std::int64_t standing = 50'000;

Steady::duration full_load() {
  return options().quick ? 200ms : 1s;
}

/// 8 connections that commit as fast as they can.
void sustain(benchmark::State& state, Stage& stage, Who who, To to) {
  Place place(stage, who, Database::postgres, to, committing + 1);
  stage.settle(Database::postgres);
  for (auto _ : state) {
    const auto carried = carry(*place.side, *place.broker, {.connections = committing, .lasts = full_load()});
    state.SetIterationTime(carried.seconds_delivered);
    state.counters["committed"] = static_cast<double>(carried.committed) / carried.seconds_committed;
    state.counters["sustained"] = static_cast<double>(carried.committed) / carried.seconds_delivered;
    state.counters["p50"] = carried.p50_nanoseconds;
  }
}

/// The same with nobody who relays.
void commit_alone(benchmark::State& state, Stage& stage, Who who) {
  Place place(stage, who, Database::postgres, To::log, committing + 1);
  stage.settle(Database::postgres);
  for (auto _ : state) {
    const auto carried =
        carry(*place.side, *place.broker, {.connections = committing, .lasts = full_load(), .is_relayed = false});
    state.SetIterationTime(carried.seconds_committed);
    state.counters["committed"] = static_cast<double>(carried.committed) / carried.seconds_committed;
  }
}

/// A commit each 5 ms.
void deliver(benchmark::State& state, Stage& stage, Who who, Database kind, To to) {
  Place place(stage, who, kind, to, 2);
  stage.settle(kind);
  for (auto _ : state) {
    const auto carried =
        carry(*place.side, *place.broker, {.connections = 1, .lasts = options().quick ? 100ms : 1s, .apart = 5ms});
    state.SetIterationTime(carried.seconds_delivered);
    state.counters["p50"] = carried.p50_nanoseconds;
  }
}

/// From the relay's start until the broker has all of it.
void drain(benchmark::State& state, Stage& stage, Who who, Database kind, To to) {
  Place place(stage, who, kind, to, 2);
  const auto count = static_cast<std::uint64_t>(often(standing));
  place.side->fill(count);
  stage.settle(kind);
  for (auto _ : state) {
    const auto begin = Steady::now();
    place.side->start_relay(*place.broker);
    const auto until = begin + 60s;
    std::uint64_t there = 0;
    while (there < count && Steady::now() < until) {
      std::this_thread::sleep_for(1ms);
      there = place.broker->topic(tidings::event_topic<OrderPlaced>()).or_throw().partitions.at(0).end.value;
    }
    state.SetIterationTime(std::chrono::duration<double>(Steady::now() - begin).count());
    place.side->stop_relay();
    expect(state, there, count, "events were published");
  }
  expect(state, place.side->waiting(), 0, "events are in the outbox");
  state.SetItemsProcessed(static_cast<std::int64_t>(count));
}

/// One writer that commits as fast as it can, with a relay beside it and without.
void write(benchmark::State& state, Stage& stage, Who who, bool is_relayed) {
  Place place(stage, who, Database::sqlite, To::log, 1);
  for (auto _ : state) {
    const auto carried =
        carry(*place.side, *place.broker, {.connections = 1, .lasts = full_load(), .is_relayed = is_relayed});
    state.SetIterationTime(carried.seconds_delivered);
    state.counters["committed"] = static_cast<double>(carried.committed) / carried.seconds_committed;
    // None at all would look like a figure that is missing.
    state.counters["relayed"] =
        static_cast<double>(std::max<std::uint64_t>(carried.relayed, 1)) / carried.seconds_committed;
    state.counters["p50"] = carried.p50_nanoseconds;
  }
}

std::string name_of(const std::string& what, Who who) {
  return what + (who == Who::tidings ? ", tidings" : ", poller");
}

template <class F>
void add(const std::string& what, F function) {
  for (const auto who : {Who::tidings, Who::poller})
    benchmark::RegisterBenchmark(name_of(what, who).c_str(),
                                 [function, who](benchmark::State& state) {
                                   try {
                                     function(state, who);
                                   } catch (const std::exception& thrown) {
                                     state.SkipWithError(thrown.what());
                                   }
                                 })
        ->Iterations(1)
        ->UseManualTime();
}

constexpr std::array brokers{std::pair{To::log, "log"}, std::pair{To::nats, "nats"}};

void add_benchmarks(Stage& stage) {
  for (const auto& [to, name] : brokers) {
    const std::string over = std::string(", ") + name;
    add("sustain" + over, [&stage, to](auto& state, Who who) { sustain(state, stage, who, to); });
    add("deliver" + over, [&stage, to](auto& state, Who who) { deliver(state, stage, who, Database::postgres, to); });
    add("drain" + over, [&stage, to](auto& state, Who who) { drain(state, stage, who, Database::postgres, to); });
  }
  add("commit alone", [&stage](auto& state, Who who) { commit_alone(state, stage, who); });
  add("write", [&stage](auto& state, Who who) { write(state, stage, who, true); });
  add("write alone", [&stage](auto& state, Who who) { write(state, stage, who, false); });
  add("deliver, sqlite", [&stage](auto& state, Who who) { deliver(state, stage, who, Database::sqlite, To::log); });
  add("drain, sqlite", [&stage](auto& state, Who who) { drain(state, stage, who, Database::sqlite, To::log); });
  add("handle, a row", [&stage](auto& state, Who who) { handle(state, stage, who, Effect::row); });
  add("handle, a publication", [&stage](auto& state, Who who) { handle(state, stage, who, Effect::publication); });
}

Row row(std::string label, const std::string& what, const std::string& counter, std::vector<Goal> goals, Unit unit,
        const std::string& peer = "poller") {
  return {.label = std::move(label),
          .ours = {name_of(what, Who::tidings), counter},
          .peers = {{peer, {name_of(what, Who::poller), counter}}},
          .goals = std::move(goals),
          .unit = unit};
}

std::vector<Table> tables() {
  const std::string rate = "items_per_second";
  std::vector<Table> all;
  for (const auto& [to, name] : brokers) {
    const std::string over = std::string(", ") + name;
    const auto is_log = to == To::log;
    all.push_back(
        {.title = std::string("The outbox, PostgreSQL to ") + (is_log ? "log:" : "NATS JetStream"),
         .rows = {row("8 connections, committed and delivered, a second", "sustain" + over, "sustained",
                      {at_least(1.5, "poller")}, Unit::rate),
                  row("of these, committed, a second", "sustain" + over, "committed", {}, Unit::rate),
                  row("of these, commit to delivery, p50", "sustain" + over, "p50", {}, Unit::time),
                  row("a commit each 5 ms, commit to delivery, p50", "deliver" + over, "p50", {at_most(0.5, "poller")},
                      Unit::time),
                  row("a backlog of 50,000, published, a second", "drain" + over, rate, {at_least(3, "poller")},
                      Unit::rate)},
         .note =
             is_log
                 ? "A transaction has an order and its event; `fsync` and `synchronous_commit` are on, as PostgreSQL "
                   "comes. The poller: `SELECT … ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED`, publish, `DELETE`, "
                   "`COMMIT`, at once again while there is something, else after 1 ms; libpq, statements made "
                   "ready once, a table with one index, and no more of a relay than that. Both publish into the "
                   "same durable topic with one partition. Delivered: in the hands of one who reads the topic."
                 : "The same, to a real server on loopback, through the same broker of Tidings."});
  }
  auto& rows = all.front().rows;
  rows.insert(rows.begin() + 2,
              row("8 connections, committed without a relay, a second", "commit alone", "committed", {}, Unit::rate));
  all.push_back(
      {.title = "The outbox, SQLite to log:",
       .rows = {row("one writer, committed beside the relay, a second", "write", "committed",
                    {at_least(0.85, "without relay", Source{name_of("write alone", Who::tidings), "committed"})},
                    Unit::rate),
                row("meanwhile delivered, a second", "write", "relayed",
                    {at_least(0.95, "committed", Source{name_of("write", Who::tidings), "committed"})}, Unit::rate),
                row("commit to delivery, p50", "write", "p50", {at_most(1e6)}, Unit::time),
                row("committed without a relay, a second", "write alone", "committed", {}, Unit::rate),
                row("a commit each 5 ms, commit to delivery, p50", "deliver, sqlite", "p50", {}, Unit::time),
                row("a backlog of 50,000, published, a second", "drain, sqlite", rate, {}, Unit::rate)},
       .note =
           "WAL and `synchronous=FULL` on both sides, a transaction of an order and its event. The poller: as above in "
           "`BEGIN IMMEDIATE`, on a connection of its own with a busy timeout, as the writer has one."});
  all.push_back(
      {.title = "A handler with a transaction, SQLite, over log:",
       .rows = {row("a row each, handled, a second", "handle, a row", "handled", {at_least(1e5)}, Unit::rate,
                    "one by one"),
                row("a publication each, handled, a second", "handle, a publication", "handled", {at_least(1e5)},
                    Unit::rate, "one by one"),
                row("a publication each, published by the relay, a second", "handle, a publication", "relayed", {},
                    Unit::rate, "one by one")},
       .note = "Batches of 1,000 at most: the inbox's mark of each event, and a row or an event in the outbox, in one "
               "transaction; from the start of the service. One by one: a loop by hand over SQLite, a transaction for "
               "each event with a mark and a row or an event, and nothing that publishes."});
  return all;
}

}  // namespace
}  // namespace bench::outbox

int main(int argc, char** argv) {
  using namespace bench;
  if (tidings::testing::missing_servers_are_allowed())
    for (const auto& there : {tidings::testing::postgres_is_there(), tidings::testing::nats_server_is_there()})
      if (!there) return std::cout << to_string(there.error()) << "\n", 0;
  outbox::Stage stage;
  const auto status =
      run(argc, argv,
          {.name = "outbox", .add_benchmarks = [&] { outbox::add_benchmarks(stage); }, .tables = outbox::tables()});
  stage.end();
  return status;
}
