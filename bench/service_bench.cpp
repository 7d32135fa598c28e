// A service: from its start to its first delivery, and how many events its handler takes.
#include <sys/resource.h>

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

/// An event of 128 bytes.
struct Reading {
  std::string sensor;
  std::int64_t at_ms = 0;
  std::int64_t value = 0;
  std::string text;
  static constexpr tidings::traits<Reading> event{
      .name = "bench.reading", .topic = "readings", .key = &Reading::sensor};
};
constexpr std::size_t reading_bytes = 128;

std::int64_t amount_of(const Order& order) {
  return order.total_minor;
}
std::int64_t amount_of(const Reading& reading) {
  return reading.value;
}

std::vector<Reading> make_readings(std::uint64_t seed, std::size_t count) {
  Random random(seed);
  std::vector<Reading> readings;
  while (readings.size() < count) {
    auto& one = readings.emplace_back(
        Reading{.sensor = "sensor-" + std::to_string(random.between(100, 9'999)),
                .at_ms = static_cast<std::int64_t>(1'764'000'000'000 + random.between(0, 999'999'999)),
                .value = static_cast<std::int64_t>(random.between(1, 99'999)),
                .text = {}});
    const auto bytes = tidings::make_envelope(one, {.source = "bench"}).or_throw().payload.size();
    one.text = random.letters(reading_bytes - bytes);
  }
  return readings;
}

template <class Event>
bool publish(tidings::Broker& broker, const std::vector<Event>& events) {
  std::vector<tidings::Envelope> envelopes;
  std::vector<tidings::EnvelopeView> views;
  for (const auto& event : events) envelopes.push_back(tidings::make_envelope(event, {.source = "bench"}).or_throw());
  for (const auto& envelope : envelopes) views.push_back(envelope.view());
  return broker.publish(std::string_view(Event::event.topic), views).has_value();
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
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

enum class Until { handled, committed };

/// From the start of `run` to the end of the last handler, or to that of `run`, over events that are there already.
template <class Event>
void handle(benchmark::State& state, const std::string& broker_name, const std::vector<Event>& events,
            std::int64_t times, const tidings::HandlerOptions& how, Until until, bool is_measured = true) {
  const Scratch scratch("handle");
  auto broker = tidings::open_broker(broker_name == "log" ? "log:" + scratch.path() : "memory:").or_throw();
  const auto count = static_cast<std::uint64_t>(often(times)) * events.size();
  std::int64_t wanted = 0;
  for (std::uint64_t published = 0; published < count; published += events.size()) {
    if (!publish(*broker, events)) return state.SkipWithError("a publish failed");
    for (const auto& event : events) wanted += amount_of(event);
  }
  std::atomic<std::uint64_t> handled = 0;
  std::atomic<std::int64_t> total = 0;
  std::atomic<Steady::rep> ended = 0;
  auto service = tidings::Service::create({.name = "bench",
                                           .broker = broker.get(),
                                           .settings = {{"metrics.measure", is_measured ? "true" : "false"}},
                                           .log = &tidings::stderr_log(tidings::LogLevel::warning)})
                     .or_throw();
  service.on("count", how, [&](const Event& event) {
    total.fetch_add(amount_of(event), std::memory_order_relaxed);
    if (handled.fetch_add(1, std::memory_order_relaxed) + 1 != count) return;
    ended = Steady::now().time_since_epoch().count();
    service.stop();
  });
  for (auto _ : state) {
    const auto begin = Steady::now().time_since_epoch().count();
    const auto busy_before = processor_seconds();
    expect(state, static_cast<std::uint64_t>(service.run()), 0, "is the service's exit status");
    state.counters["processor"] = (processor_seconds() - busy_before) / static_cast<double>(count) * 1e9;
    if (until == Until::committed) ended = Steady::now().time_since_epoch().count();
    state.SetIterationTime(std::chrono::duration<double>(Steady::duration{ended - begin}).count());
  }
  expect(state, handled, count, "events were handled");
  expect(state, static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(wanted), "is the sum of their totals");
  std::uint64_t committed = 0;
  for (const auto& group : broker->groups(std::string_view(Event::event.topic)).or_throw())
    for (const auto& partition : group.partitions) committed += partition.position.value;
  expect(state, committed, count, "events are before the group's position");
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

enum class Waiting { nothing, delayed, parked };

/// What a service over log: takes of one core while nothing comes: with nothing beside, with events in all levels of
/// what is published later, or with dead letters.
void idle(benchmark::State& state, Waiting waiting) {
  using namespace std::chrono_literals;
  constexpr std::uint64_t waiting_count = 100;
  const Scratch scratch("idle");
  auto broker = tidings::open_broker("log:" + scratch.path()).or_throw();
  auto service = tidings::Service::create(
                     {.name = "bench", .broker = broker.get(), .log = &tidings::stderr_log(tidings::LogLevel::error)})
                     .or_throw();
  std::atomic<std::uint64_t> handled = 0;
  service.on("count", {}, [&](const Order&) -> tidings::Result<> {
    ++handled;
    return tidings::Error{"bad", "it cannot be handled"};
  });
  for (auto _ : state) {
    std::jthread running([&] { expect(state, static_cast<std::uint64_t>(service.run()), 0, "is the exit status"); });
    if (waiting == Waiting::parked) {
      auto orders = make_orders(options().seed, waiting_count);
      for (std::size_t at = 0; at < orders.size(); ++at) orders[at].order_id = "bad-" + std::to_string(at);
      if (!publish(*broker, orders)) state.SkipWithError("a publish failed");
      for (int looked = 0; looked < 5'000 && parked_of(service) < waiting_count; ++looked)
        std::this_thread::sleep_for(1ms);
      expect(state, parked_of(service), waiting_count, "events were parked");
    }
    const auto order = make_orders(options().seed, 1).front();
    // None of them is due before this ends; the longest waits for a year.
    for (tidings::Duration wait = 2900ms; waiting == Waiting::delayed && wait < std::chrono::years{1}; wait *= 2)
      if (!service.publish_after(order, wait)) state.SkipWithError("a publish failed");
    std::this_thread::sleep_for(options().quick ? 20ms : 300ms);
    const auto before = processor_seconds();
    const auto begin = Steady::now();
    std::this_thread::sleep_for(options().quick ? 20ms : 1s);
    const auto lasted = std::chrono::duration<double>(Steady::now() - begin).count();
    state.counters["idle"] = (processor_seconds() - before) / lasted * 100;
    state.SetIterationTime(lasted);
    service.stop();
  }
  expect(state, handled > 0 ? 1 : 0, waiting == Waiting::parked ? 1 : 0, "says whether anything was handled");
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
  for (const std::string broker : {"memory", "log"})
    once(("handle, " + broker).c_str(), [broker](benchmark::State& state) {
      handle(state, broker, make_orders(options().seed, 1'000), 100, {}, Until::handled);
    })->UseManualTime();
  for (const bool is_measured : {true, false})
    once(is_measured ? "handle readings, log" : "handle readings, log, not measured", [is_measured](
                                                                                          benchmark::State& state) {
      handle(state, "log", make_readings(options().seed, 1'000), 1'000, {.concurrency = 8}, Until::committed,
             is_measured);
    })->UseManualTime();
  once("idle, nothing", [](benchmark::State& state) { idle(state, Waiting::nothing); })->UseManualTime();
  once("idle, delayed", [](benchmark::State& state) { idle(state, Waiting::delayed); })->UseManualTime();
  once("idle, parked", [](benchmark::State& state) { idle(state, Waiting::parked); })->UseManualTime();
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
  const auto idle_row = [](const char* label, const char* of, std::vector<Goal> goals) {
    return Row{
        .label = label, .ours = {std::string("idle, ") + of, "idle"}, .goals = std::move(goals), .unit = Unit::percent};
  };
  return {
      {.title = "Starting a service",
       .rows = {{.label = "to the first delivery over log:",
                 .ours = {"start, tidings", "time"},
                 .peers = {{"a bare process", {"start, process", "time"}}},
                 .goals = {at_most(20e6)}}},
       .note = "From before `exec` of a real process, over a log with one event, as a new group."},
      {.title = "A service's handler, orders of 3 lines, with what is there already",
       .rows = {handled("memory", {}), handled("log", {at_least(3e6)})},
       .note = "Four lanes, as handlers have unless told otherwise; positions settled, durable topics."},
      {.title = "A service's handler, over log:, events of 128 bytes, 8 lanes",
       .rows = {{.label = "decoded, handled and committed:",
                 .ours = {"handle readings, log", rate},
                 .peers = {{"not measured", {"handle readings, log, not measured", rate}}},
                 .goals = {at_least(1e6)},
                 .unit = Unit::rate},
                {.label = "processor time of each:",
                 .ours = {"handle readings, log", "processor"},
                 .peers = {{"not measured", {"handle readings, log, not measured", "processor"}}},
                 .goals = {at_most(1.03, "not measured")}}},
       .note =
           "From the start of `run` to its end: the group's position is then behind the last of them. The "
           "payload, JSON of four members, has 128 bytes. Not measured: with `metrics.measure = false`; what measuring "
           "costs is seen in the processor's time, since the rate depends on who waits for whom."},
      {.title = "A service over log: that has nothing to do, of one core",
       .rows = {idle_row("nothing waits:", "nothing", {at_most(1)}),
                idle_row("events wait for their time, three seconds to a year:", "delayed", {at_most(1)}),
                idle_row("100 dead letters:", "parked", {at_most(1)})},
       .note = "Over a second, with one handler. The first of those that wait are in levels that are looked at "
               "several times a second."},
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
