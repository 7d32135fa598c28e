// Sagas: what they do a second and what that costs beside a workflow by hand; a million that sleep; one that everybody
// wants.
#include <array>
#include <iostream>

#include "bench.hpp"
#include "saga_load.hpp"
#include "testing/servers/postgres_server.hpp"

namespace bench::sagas {
namespace {

constexpr std::array databases{std::pair{Database::sqlite, "sqlite"}, std::pair{Database::postgres, "postgres"}};

std::int64_t many() {
  return options().quick ? 2'000 : 1'000'000;
}

template <class F>
void add(const std::string& name, F function) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [function](benchmark::State& state) {
                                 try {
                                   function(state);
                                 } catch (const std::exception& thrown) {
                                   state.SkipWithError(thrown.what());
                                 }
                               })
      ->Iterations(1)
      ->UseManualTime();
}

void add_benchmarks(Stage& stage) {
  for (const auto& [kind, name] : databases) {
    const std::string over = std::string(", ") + name;
    add("service" + over, [&stage, kind](auto& state) { through_a_service(state, stage, kind); });
    add("coordinator" + over, [&stage, kind](auto& state) { through_the_coordinator(state, stage, kind); });
    add("by hand" + over, [&stage, kind](auto& state) { by_hand(state, stage, kind); });
    add("hot" + over, [&stage, kind](auto& state) { hot_instance(state, stage, kind); });
    add("beside none" + over, [&stage, kind](auto& state) { sleeping(state, stage, kind, 0); });
    add("beside many" + over, [&stage, kind](auto& state) { sleeping(state, stage, kind, many()); });
  }
}

std::vector<Table> tables() {
  std::vector<Table> all;
  for (const auto& [kind, name] : databases) {
    const std::string over = std::string(", ") + name;
    const std::string called = kind == Database::sqlite ? "SQLite" : "PostgreSQL";
    const Source by_hand{"by hand" + over, "transitions"};
    all.push_back(
        {.title = "Sagas, " + called,
         .rows = {{.label = "a whole service, transitions a second",
                   .ours = {"service" + over, "transitions"},
                   .peers = {{"by hand", by_hand}},
                   .goals = {at_least(1, "by hand")},
                   .unit = Unit::rate},
                  {.label = "the coordinator alone, a transaction each",
                   .ours = {"coordinator" + over, "transitions"},
                   .peers = {{"by hand", by_hand}},
                   .unit = Unit::rate},
                  {.label = "16 answers for one instance at once, until all are taken",
                   .ours = {"hot" + over, "nanoseconds"},
                   .unit = Unit::time},
                  {.label = "transactions that took, with those that were made again",
                   .ours = {"hot" + over, "transactions"},
                   .goals = {at_most(32)},
                   .unit = Unit::count}},
         .note = "A saga of two steps, each with a time-out, is three transitions; 20,000 of them over `log:` with "
                 "four partitions, from the start of the service until the last is completed, its commands in the "
                 "outbox and relayed meanwhile. By hand: a row of JSON for each, read, changed and written in a "
                 "transaction for each event, over the same store, one after another; nothing is sent, and there is "
                 "neither inbox nor history nor time-out."});
    const auto beside = [&](std::string label, const std::string& counter, Unit unit, std::vector<Goal> goals) {
      return Row{.label = std::move(label),
                 .ours = {"beside many" + over, counter},
                 .peers = {{"beside none", {"beside none" + over, counter}}},
                 .goals = std::move(goals),
                 .unit = unit};
    };
    all.push_back(
        {.title = "A service beside 1,000,000 sagas that sleep, " + called,
         .rows = {beside("its memory", "memory", Unit::bytes, {at_most(1.2, "beside none")}),
                  beside("from its start to the first transition", "ready", Unit::time, {at_most(500e6)}),
                  beside("a time-out, late by, p50", "late_p50", Unit::time, {at_most(20e6)}),
                  beside("a time-out, late by, p99", "late_p99", Unit::time, {at_most(100e6)}),
                  beside("bytes on the disk", "disk", Unit::bytes, {})},
         .note = "Each sleeps until a time-out in a month: rows that the engine made for one, copied under other "
                 "names. The service is a process of its own; 200 sagas begin while it runs, 5 ms apart, and time "
                 "out after 500 ms."});
  }
  return all;
}

}  // namespace
}  // namespace bench::sagas

int main(int argc, char** argv) {
  using namespace bench;
  if (argc > 1 && argv[1] == sagas::sleeper_word) return sagas::sleeper(argc, argv);
  if (tidings::testing::missing_servers_are_allowed())
    if (const auto there = tidings::testing::postgres_is_there(); !there)
      return std::cout << to_string(there.error()) << "\n", 0;
  outbox::Stage stage;
  const auto status = run(
      argc, argv, {.name = "saga", .add_benchmarks = [&] { sagas::add_benchmarks(stage); }, .tables = sagas::tables()});
  stage.end();
  return status;
}
