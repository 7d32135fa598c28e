// A service: from its start to its first delivery, and how many events its handler takes.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "bench.hpp"
#include "child.hpp"
#include "order.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/service/service.hpp"

namespace bench {
namespace {

using Steady = std::chrono::steady_clock;

bool publish(tidings::Broker& broker, std::span<const Order> orders) {
  std::vector<tidings::Envelope> envelopes;
  std::vector<tidings::EnvelopeView> views;
  for (const auto& order : orders) envelopes.push_back(tidings::make_envelope(order, {.source = "bench"}).or_throw());
  for (const auto& envelope : envelopes) views.push_back(envelope.view());
  return broker.publish("orders", views).has_value();
}

/// From before exec to what the process says. Several starts, of which the median counts.
void start(benchmark::State& state, bool as_service) {
  const auto orders = make_orders(options().seed, 1);
  std::vector<double> starts;
  for (auto _ : state)
    for (int i = 0; i < (options().quick ? 1 : 5); ++i) {
      const Scratch scratch("start");
      if (!publish(*tidings::open_broker("log:" + scratch.path()).or_throw(), orders))
        return state.SkipWithError("a publish failed");
      const auto begin = Steady::now();
      Child child(as_service ? std::vector<std::string>{path_beside("starting_service"), "--broker",
                                                        "log:" + scratch.path(), "--log-level=warning"}
                             : std::vector<std::string>{path_beside("starting_process")});
      const auto when = child.line();
      const auto what = child.line();
      expect(state, child.wait() == 0 && what == (as_service ? orders.front().order_id : "none") ? 1 : 0, 1,
             "process ran to its end");
      if (when.empty()) return;
      starts.push_back(static_cast<double>(std::stoll(when) - begin.time_since_epoch().count()));
    }
  state.counters["time"] = figure_of(starts).median;
}

/// From the start of `run` to the end of the last handler, over events that are there already.
void handle(benchmark::State& state, const std::string& broker_name) {
  const Scratch scratch("handle");
  auto broker = tidings::open_broker(broker_name == "log" ? "log:" + scratch.path() : "memory:").or_throw();
  const auto orders = make_orders(options().seed, 1'000);
  const auto count = static_cast<std::uint64_t>(often(100)) * orders.size();
  std::int64_t wanted = 0;
  for (std::uint64_t published = 0; published < count; published += orders.size()) {
    if (!publish(*broker, orders)) return state.SkipWithError("a publish failed");
    for (const auto& order : orders) wanted += order.total_minor;
  }
  std::atomic<std::uint64_t> handled = 0;
  std::atomic<std::int64_t> total = 0;
  std::atomic<Steady::rep> ended = 0;
  auto service = tidings::Service::create(
                     {.name = "bench", .broker = broker.get(), .log = &tidings::stderr_log(tidings::LogLevel::warning)})
                     .or_throw();
  service.on("count", {}, [&](const Order& order) {
    total.fetch_add(order.total_minor, std::memory_order_relaxed);
    if (handled.fetch_add(1, std::memory_order_relaxed) + 1 != count) return;
    ended = Steady::now().time_since_epoch().count();
    service.stop();
  });
  for (auto _ : state) {
    const auto begin = Steady::now().time_since_epoch().count();
    expect(state, static_cast<std::uint64_t>(service.run()), 0, "is the service's exit status");
    state.SetIterationTime(std::chrono::duration<double>(Steady::duration{ended - begin}).count());
  }
  expect(state, handled, count, "events were handled");
  expect(state, static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(wanted), "is the sum of their totals");
  state.SetItemsProcessed(static_cast<std::int64_t>(count));
}

std::uint64_t parked_of(const tidings::Service& service) {
  const auto stats = service.stats("count");
  return stats ? stats->parked : 0;
}

/// The same with as many events beside that cannot be handled, each of a key of its own: until the last good one is
/// handled, and, for the counter, until the last bad one is parked.
void handle_beside_poison(benchmark::State& state) {
  const Scratch scratch("poison");
  auto broker = tidings::open_broker("log:" + scratch.path()).or_throw();
  const auto orders = make_orders(options().seed, 1'000);
  const auto count = static_cast<std::uint64_t>(often(100)) * orders.size();
  auto bad = orders;
  std::uint64_t key = 0;
  for (std::uint64_t published = 0; published < count; published += orders.size()) {
    for (auto& order : bad) order.order_id = "bad-" + std::to_string(key++);
    std::vector<Order> mixed;
    for (std::size_t at = 0; at < orders.size(); ++at) mixed.push_back(orders[at]), mixed.push_back(bad[at]);
    if (!publish(*broker, mixed)) return state.SkipWithError("a publish failed");
  }
  std::atomic<std::uint64_t> handled = 0;
  std::atomic<Steady::rep> ended = 0;
  auto service = tidings::Service::create(
                     {.name = "bench", .broker = broker.get(), .log = &tidings::stderr_log(tidings::LogLevel::error)})
                     .or_throw();
  service.on("count", {}, [&](const Order& order) -> tidings::Result<> {
    if (order.order_id.starts_with("bad-")) return tidings::Error{"bad", "it cannot be handled"};
    if (handled.fetch_add(1, std::memory_order_relaxed) + 1 == count) ended = Steady::now().time_since_epoch().count();
    return {};
  });
  for (auto _ : state) {
    const auto begin = Steady::now().time_since_epoch().count();
    std::jthread running([&] { expect(state, static_cast<std::uint64_t>(service.run()), 0, "is the exit status"); });
    const auto until = Steady::now() + std::chrono::minutes{2};
    std::uint64_t parked = 0;
    while ((parked = parked_of(service)) < count && Steady::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    const auto all = Steady::now().time_since_epoch().count();
    service.stop();
    running.join();
    expect(state, parked, count, "events were parked");
    state.SetIterationTime(std::chrono::duration<double>(Steady::duration{ended - begin}).count());
    state.counters["parked"] =
        static_cast<double>(count) / std::chrono::duration<double>(Steady::duration{all - begin}).count();
  }
  expect(state, handled, count, "events were handled");
  state.SetItemsProcessed(static_cast<std::int64_t>(count));
}

/// The limit of handling: the payloads decoded one after another, from memory.
void decode(benchmark::State& state) {
  std::vector<tidings::Envelope> envelopes;
  for (const auto& order : make_orders(options().seed, 1'000))
    envelopes.push_back(tidings::make_envelope(order, {.source = "bench"}).or_throw());
  std::size_t next = 0;
  std::uint64_t decoded = 0;
  for (auto _ : state) decoded += tidings::decode_event<Order>(envelopes[next++ % envelopes.size()].view()) ? 1 : 0;
  expect(state, decoded, next, "events were decoded");
  state.SetItemsProcessed(state.iterations());
}

void add_benchmarks() {
  const auto once = [](const char* name, auto function) {
    return benchmark::RegisterBenchmark(name, function)->Iterations(1);
  };
  once("start, tidings", [](benchmark::State& state) { start(state, true); })->UseRealTime();
  once("start, process", [](benchmark::State& state) { start(state, false); })->UseRealTime();
  once("handle, memory", [](benchmark::State& state) { handle(state, "memory"); })->UseManualTime();
  once("handle, log", [](benchmark::State& state) { handle(state, "log"); })->UseManualTime();
  once("beside poison, log", handle_beside_poison)->UseManualTime();
  benchmark::RegisterBenchmark("decode", decode);
}

std::vector<Table> tables() {
  const std::string rate = "items_per_second";
  const auto handled = [&](const std::string& broker, std::vector<Goal> goals) {
    return Row{.label = "handled over " + broker + ":",
               .ours = {"handle, " + broker, rate},
               .peers = {{"decoding alone", {"decode", rate}}},
               .goals = std::move(goals),
               .unit = Unit::rate};
  };
  return {{.title = "Starting a service",
           .rows = {{.label = "to the first delivery over log:",
                     .ours = {"start, tidings", "time"},
                     .peers = {{"a bare process", {"start, process", "time"}}},
                     .goals = {at_most(20e6)}}},
           .note = "From before `exec` of a real process, over a log with one event, as a new group."},
          {.title = "A service's handler, orders of 3 lines, with what is there already",
           .rows = {handled("memory", {}), handled("log", {at_least(3e6)})},
           .note = "Four lanes, as handlers have unless told otherwise; positions settled, durable topics."},
          {.title = "A service's handler, over log:, with as many events beside that are parked",
           .rows = {{.label = "good ones handled:",
                     .ours = {"beside poison, log", rate},
                     .peers = {{"without bad ones", {"handle, log", rate}}},
                     .unit = Unit::rate},
                    {.label = "bad ones parked:", .ours = {"beside poison, log", "parked"}, .unit = Unit::rate}},
           .note = "100,000 of each, alternating, over the same durable topic; each bad one of a key of its own."}};
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  return bench::run(argc, argv,
                    {.name = "service", .add_benchmarks = bench::add_benchmarks, .tables = bench::tables()});
}
