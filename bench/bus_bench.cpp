// A publish on the bus: one event of 32 bytes, handlers that read all of it and count.
#include <array>
#include <boost/signals2.hpp>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "bench.hpp"
#include "pace.hpp"
#include "tick.hpp"
#include "tidings/bus/bus.hpp"

namespace {

/// Of the calling thread. Initialised without a guard, so that counting costs an addition.
constinit thread_local std::uint64_t allocations = 0;

void* allocate(std::size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

using bench::Tick;

constexpr std::size_t subscribers_max = 10;
constexpr std::uint64_t step = 1024;  // publishes that are timed together

/// What the handlers of a thread saw.
struct Seen {
  std::uint64_t calls = 0;
  std::array<std::uint64_t, subscribers_max> sums{};
};
constinit thread_local Seen seen;

/// Each subscriber is a function of its own, as in programs.
template <std::size_t Subscriber>
void handle(const Tick& tick) {
  ++seen.calls;
  seen.sums[Subscriber] += tick.sequence + static_cast<std::uint64_t>(tick.price + tick.quantity) + tick.venue;
}
constexpr auto handlers = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::array<void (*)(const Tick&), sizeof...(I)>{&handle<I>...};
}(std::make_index_sequence<subscribers_max>{});

/// The limit: nothing but the calls.
class Pointers {
 public:
  explicit Pointers(std::size_t subscribers) : pointers_(handlers.begin(), handlers.begin() + subscribers) {}
  bool publish(const Tick& tick) {
    for (const auto pointer : pointers_) pointer(tick);
    return true;
  }

 private:
  std::vector<void (*)(const Tick&)> pointers_;
};

class Signals {
 public:
  explicit Signals(std::size_t subscribers) {
    for (std::size_t i = 0; i < subscribers; ++i) signal_.connect(handlers[i]);
  }
  bool publish(const Tick& tick) {
    signal_(tick);
    return true;
  }

 private:
  boost::signals2::signal<void(const Tick&)> signal_;
};

class Tidings {
 public:
  explicit Tidings(std::size_t subscribers) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((I < subscribers ? subscriptions_.push_back(bus_.subscribe([](const Tick& tick) { handle<I>(tick); })) : void()),
       ...);
    }(std::make_index_sequence<subscribers_max>{});
  }
  bool publish(const Tick& tick) { return bus_.publish(tick).ok(); }

 private:
  tidings::Bus bus_;
  std::vector<tidings::Subscription> subscriptions_;
};

template <class Contender>
void publish(benchmark::State& state, std::size_t subscribers) {
  static std::optional<Contender> contender;  // one for all threads of a run
  if (state.thread_index() == 0) {
    contender.emplace(subscribers);
    contender->publish({});  // what is made at the first publish is made
  }
  seen = {};
  std::uint64_t sequence = 0;
  std::uint64_t succeeded = 0;
  bench::Pace pace(step);
  const auto allocated_before = allocations;
  while (state.KeepRunningBatch(step)) {
    for (std::uint64_t i = 0; i < step; ++i) {
      Tick tick{.sequence = ++sequence, .price = 1, .quantity = 2, .venue = 3};
      benchmark::DoNotOptimize(tick);
      succeeded += contender->publish(tick) ? 1 : 0;
      benchmark::ClobberMemory();
    }
    pace.pass_step();
  }
  const auto allocated = allocations - allocated_before;
  const auto publishes = sequence;
  // Each thread's own; of several threads, their mean.
  const auto mean = [](double value) { return benchmark::Counter(value, benchmark::Counter::kAvgThreads); };
  state.counters["time"] = mean(pace.nanoseconds());
  state.counters["allocations"] = mean(static_cast<double>(allocated) / static_cast<double>(publishes));
  bench::expect(state, succeeded, publishes, "publishes succeeded");
  bench::expect(state, seen.calls, publishes * subscribers, "handlers were called");
  for (std::size_t i = 0; i < subscribers; ++i)
    bench::expect(state, seen.sums[i], publishes * (publishes + 1) / 2 + publishes * 6, "is the sum of what was seen");
  if (state.thread_index() == 0) contender.reset();
}

struct Case {
  std::string label;
  std::size_t subscribers;
  int threads;
};
const std::vector<Case> cases{
    {"1 subscriber", 1, 1}, {"3 subscribers", 3, 1}, {"10 subscribers", 10, 1}, {"3 subscribers, 2 threads", 3, 2}};

template <class Contender>
void add(const std::string& name, const Case& one) {
  benchmark::RegisterBenchmark((name + ", " + one.label).c_str(),
                               [one](benchmark::State& state) { publish<Contender>(state, one.subscribers); })
      ->Threads(one.threads)
      ->UseRealTime();
}

void add_benchmarks() {
  for (const auto& one : cases) {
    add<Pointers>("pointers", one);
    add<Signals>("signals2", one);
    add<Tidings>("tidings", one);
  }
}

bench::Row row(const std::string& label, std::vector<bench::Goal> goals) {
  return {.label = label,
          .ours = {"tidings, " + label, "time"},
          .peers = {{"function pointers", {"pointers, " + label, "time"}},
                    {"Boost.Signals2", {"signals2, " + label, "time"}}},
          .goals = std::move(goals)};
}

std::vector<bench::Table> tables() {
  using bench::at_most;
  return {{.title = "A publish on the bus, one event of 32 bytes",
           .rows = {row("1 subscriber", {at_most(1.5, "function pointers")}),
                    row("3 subscribers", {at_most(1.4, "function pointers")}),
                    row("10 subscribers", {at_most(1.3, "function pointers")}),
                    row("3 subscribers, 2 threads",
                        {at_most(1.5, "one thread", bench::Source{"tidings, 3 subscribers", "time"})}),
                    {.label = "allocations, 3 subscribers",
                     .ours = {"tidings, 3 subscribers", "allocations"},
                     .peers = {{"Boost.Signals2", {"signals2, 3 subscribers", "allocations"}}},
                     .goals = {at_most(0)},
                     .unit = bench::Unit::count}},
           .note =
               "Function pointers in an array are the limit: neither thread-safe nor reentrant, and without errors. "
               "With two threads, the time that one of them takes."}};
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, {.name = "bus", .add_benchmarks = add_benchmarks, .tables = tables()});
}
