// Queued subscribers: events handed from one thread to a handler on another, through a bound.
//
// Every contender takes a handler, which a thread of the contender's own runs, and events from one publisher.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "bench.hpp"
#include "pace.hpp"
#include "queue_contenders.hpp"

namespace {

using namespace bench::queues;
using bench::Tick;

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/// How long a repetition goes on.
std::chrono::milliseconds duration() {
  return std::chrono::milliseconds{bench::options().quick ? 10 : 300};
}

constexpr std::int64_t last = -1;  // as a quantity: the publisher's last

/// What a handler writes, on lines that the publisher's thread does not touch: two threads' data on one line cost both
/// of them a transfer an event, whatever queue is between them.
struct alignas(apart) Sink {
  std::uint64_t sum = 0;
  bench::Pace pace{8 * bound};
  std::atomic<bool> done = false;
};

/// From a publisher to a handler that reads all and adds it up.
template <template <class> class Contender>
void throughput(benchmark::State& state) {
  const auto sink = std::make_unique<Sink>();
  auto handler = [&seen = *sink](const Tick& tick) {
    seen.sum += tick.sequence + static_cast<std::uint64_t>(tick.price) + tick.venue;
    seen.pace.pass();
    if (tick.quantity == last) seen.done.store(true, std::memory_order_release);
  };
  Contender<decltype(handler)> contender(handler);
  std::uint64_t published = 0;
  for (auto _ : state) {
    const auto until = std::chrono::steady_clock::now() + duration();
    while (published % bound != 0 || published < 32 * bound || std::chrono::steady_clock::now() < until)
      contender.publish({.sequence = published++, .price = 1, .quantity = 2, .venue = 3});
    contender.publish({.sequence = published++, .price = 1, .quantity = last, .venue = 3});
    while (!sink->done.load(std::memory_order_acquire)) std::this_thread::sleep_for(std::chrono::microseconds{100});
  }
  bench::expect(state, sink->pace.passed(), published, "events were handled");
  bench::expect(state, sink->sum, published * (published - 1) / 2 + published * 4, "is the sum of what was handled");
  state.counters["rate"] = 1e9 / sink->pace.nanoseconds();
}

/// Two contenders hand one event to and fro: a handler of each publishes to the other.
template <template <class> class Contender>
void round_trip(benchmark::State& state) {
  using Handler = std::function<void(const Tick&)>;
  struct alignas(apart) Returned {
    bench::Pace pace{64};
    std::uint64_t count = 0;
    std::uint64_t misplaced = 0;
    alignas(apart) std::atomic<bool> done = false;
    alignas(apart) std::atomic<bool> over = false;
    Contender<Handler>* way_back = nullptr;
  };
  const auto returned = std::make_unique<Returned>();
  Contender<Handler> forth(
      [&way = *returned](const Tick& tick) { way.way_back->publish({.sequence = tick.sequence + 1}); });
  Contender<Handler> back([&forth, &way = *returned](const Tick& tick) {
    way.pace.pass();
    way.misplaced += tick.sequence == ++way.count ? 0 : 1;
    if (way.over.load(std::memory_order_relaxed) && way.count >= 256)
      way.done.store(true, std::memory_order_release);
    else
      forth.publish(tick);
  });
  returned->way_back = &back;
  for (auto _ : state) {
    forth.publish({});
    // Asleep: the two threads that are measured have the processors.
    std::this_thread::sleep_for(duration());
    returned->over.store(true, std::memory_order_relaxed);
    while (!returned->done.load(std::memory_order_acquire)) std::this_thread::sleep_for(std::chrono::microseconds{100});
  }
  bench::expect(state, returned->misplaced, 0, "events came back out of turn");
  state.counters["time"] = returned->pace.nanoseconds();
}

/// The limit of a round trip: one line that two threads write in turn. It is the machine's alone, and where that has
/// moved its processors far apart no queue is fast.
void line_to_and_fro(benchmark::State& state) {
  struct alignas(apart) Line {
    std::atomic<std::uint64_t> turn = 0;
  };
  const auto line = std::make_unique<Line>();
  const auto take_turns = [&line = *line](std::uint64_t own, std::uint64_t end, bench::Pace* pace) {
    for (auto turn = own; turn < end; turn += 2) {
      Patience patience(eager);
      while (line.turn.load(std::memory_order_acquire) != turn) patience.wait();
      line.turn.store(turn + 1, std::memory_order_release);
      if (pace != nullptr) pace->pass();
    }
  };
  const std::uint64_t turns = bench::options().quick ? 10'000 : 400'000;
  bench::Pace pace(64);
  for (auto _ : state) {
    std::jthread other([&] { take_turns(1, turns, nullptr); });
    take_turns(0, turns, &pace);
  }
  state.counters["time"] = pace.nanoseconds();
}

/// What it costs to have a subscriber to whom nothing is published, as a part of one processor.
template <template <class> class Contender>
void idle(benchmark::State& state) {
  const auto handler = [](const Tick&) {};
  Contender<decltype(handler)> contender(handler);
  contender.publish({});
  std::this_thread::sleep_for(std::chrono::milliseconds{20});
  const auto before = processor_seconds();
  const auto begin = std::chrono::steady_clock::now();
  for (auto _ : state) std::this_thread::sleep_for(std::chrono::milliseconds{bench::options().quick ? 5 : 100});
  const auto passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  state.counters["percent"] = 100 * (processor_seconds() - before) / passed;
}

template <template <class> class Contender>
void add(const std::string& name) {
  const auto once = [&](const std::string& what, auto function) {
    benchmark::RegisterBenchmark((what + ", " + name).c_str(), function)->Iterations(1)->UseRealTime();
  };
  once("throughput", throughput<Contender>);
  once("round trip", round_trip<Contender>);
  once("idle", idle<Contender>);
}

void add_benchmarks() {
  benchmark::RegisterBenchmark("round trip, line", line_to_and_fro)->Iterations(1)->UseRealTime();
  add<Tidings>("tidings");
  add<Ring>("ring");
  add<Concurrent>("concurrent");
  add<Bulk>("bulk");
  add<ReaderWriter>("reader-writer");
  add<Parking>("parking");
  add<Locked>("locked");
}

std::vector<bench::Table> tables() {
  const auto row = [](const std::string& what, const std::string& counter) {
    return bench::Row{.label = what,
                      .ours = {what + ", tidings", counter},
                      .peers = {{"a bare ring", {what + ", ring", counter}},
                                {"moodycamel, tokens", {what + ", concurrent", counter}},
                                {"moodycamel, tokens, bulk", {what + ", bulk", counter}},
                                {"moodycamel, two threads", {what + ", reader-writer", counter}},
                                {"moodycamel, parking", {what + ", parking", counter}},
                                {"mutex and condition", {what + ", locked", counter}}}};
  };
  auto throughput = row("throughput", "rate");
  throughput.unit = bench::Unit::rate;
  throughput.goals = {bench::at_least(1, "moodycamel, tokens")};
  auto round_trip = row("round trip", "time");
  round_trip.peers.insert(round_trip.peers.begin(), {"a line to and fro", {"round trip, line", "time"}});
  round_trip.goals = {bench::at_most(350)};
  auto idle = row("idle", "percent");
  idle.unit = bench::Unit::percent;
  idle.goals = {bench::at_most(1)};
  return {{.title = "A queued subscriber, one publisher, events of 32 bytes, at most 1024 of them waiting",
           .rows = {throughput, round_trip, idle},
           .note =
               "The ring and the first two of moodycamel's are polled, so they never wait for a wake-up, and keep a "
               "processor busy when nothing comes."}};
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, {.name = "queue", .add_benchmarks = add_benchmarks, .tables = tables()});
}
