// What a row of the outbox costs when millions stand behind it, on PostgreSQL.
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include "bench.hpp"
#include "outbox_stage.hpp"
#include "testing/servers/postgres_server.hpp"

namespace bench::outbox {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::int64_t small = 50'000;
constexpr std::int64_t large = 5'000'000;
constexpr std::int64_t drained = 40'000;
constexpr int asked = 20;

double nanoseconds_since(Steady::time_point begin) {
  return std::chrono::duration<double, std::nano>(Steady::now() - begin).count();
}

/// An outbox that is filled once. Each repetition takes as many off it as it puts back behind the others.
struct Backlog {
  std::unique_ptr<Place> place;
  std::uint64_t published = 0;

  void fill(Stage& stage, std::int64_t count) {
    if (place) return;
    place = std::make_unique<Place>(stage, Who::tidings, Database::postgres, To::log, 2);
    place->side->fill(static_cast<std::uint64_t>(often(count)));
    stage.settle(Database::postgres);
  }
};

/// From the relay's start until the broker has so many; and what asking for the outbox's status costs.
void drain(benchmark::State& state, Stage& stage, Backlog& backlog, std::int64_t standing) {
  backlog.fill(stage, standing);
  auto& broker = backlog.place->broker;
  auto& side = backlog.place->side;
  const auto count = static_cast<std::uint64_t>(often(drained));
  for (auto _ : state) {
    std::vector<double> times;
    for (int i = 0; i < asked; ++i) {
      const auto begin = Steady::now();
      expect(state, side->waiting() > 0 ? 1 : 0, 1, "says whether events wait");
      times.push_back(nanoseconds_since(begin));
    }
    state.counters["status"] = figure_of(std::move(times)).median;
    const auto before = backlog.published;
    const auto begin = Steady::now();
    side->start_relay(*broker);
    while (backlog.published < before + count && Steady::now() < begin + 60s) {
      std::this_thread::sleep_for(1ms);
      backlog.published = broker->topic(tidings::event_topic<OrderPlaced>()).or_throw().partitions.at(0).end.value;
    }
    const auto passed = nanoseconds_since(begin);
    const auto came = backlog.published - before;
    side->stop_relay();
    backlog.published = broker->topic(tidings::event_topic<OrderPlaced>()).or_throw().partitions.at(0).end.value;
    state.SetIterationTime(passed / 1e9);
    state.counters["rate"] = static_cast<double>(came) / passed * 1e9;
    expect(state, came >= count ? 1 : 0, 1, "says whether enough was published");
    side->fill(backlog.published - before);
  }
}

}  // namespace
}  // namespace bench::outbox

int main(int argc, char** argv) {
  using namespace bench;
  using outbox::Backlog;
  if (tidings::testing::missing_servers_are_allowed())
    if (const auto there = tidings::testing::postgres_is_there(); !there)
      return std::cout << to_string(there.error()) << "\n", 0;
  outbox::Stage stage;
  Backlog few;
  Backlog many;
  const auto add = [&](const char* name, Backlog& backlog, std::int64_t standing) {
    benchmark::RegisterBenchmark(name,
                                 [&, standing](benchmark::State& state) {
                                   try {
                                     outbox::drain(state, stage, backlog, standing);
                                   } catch (const std::exception& thrown) {
                                     state.SkipWithError(thrown.what());
                                   }
                                 })
        ->Iterations(1)
        ->UseManualTime();
  };
  const auto row = [](const char* label, const char* counter, Goal goal, Unit unit) {
    return Row{.label = label,
               .ours = {"5,000,000", counter},
               .peers = {{"50,000 stand", {"50,000", counter}}},
               .goals = {std::move(goal)},
               .unit = unit};
  };
  const auto status = run(
      argc, argv,
      {.name = "backlog",
       .add_benchmarks =
           [&] {
             add("50,000", few, outbox::small);
             add("5,000,000", many, outbox::large);
           },
       .tables = {
           {.title = "A backlog of 5,000,000 in the outbox, PostgreSQL to log:",
            .rows = {row("the first 40,000 of it published, a second", "rate", at_least(0.9, "50,000 stand"),
                         Unit::rate),
                     row("its status", "status", at_most(1.5, "50,000 stand"), Unit::time)},
            .note = "Tidings on both sides: where so many stand, and where 50,000 do. From the relay's start; what was "
                    "published is put back behind the others before the next repetition."}}});
  few.place.reset();
  many.place.reset();
  stage.end();
  return status;
}
