// Queued subscribers: events handed from one thread to a handler on another, through a bound.
//
// Every contender takes a handler, which a thread of the contender's own runs, and events from one publisher.
#include <concurrentqueue/blockingconcurrentqueue.h>
#include <concurrentqueue/concurrentqueue.h>
#include <readerwriterqueue/readerwriterqueue.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench.hpp"
#include "pace.hpp"
#include "tick.hpp"
#include "tidings/bus/bus.hpp"

namespace {

using bench::Tick;

constexpr std::size_t bound = 1024;
constexpr std::size_t apart = 128;  // two lines, since processors fetch them in pairs

/// Waits for another thread that is about to act: at first by spinning, then by giving the processor away.
class Patience {
 public:
  /// `pauses`: from one look to the next.
  explicit Patience(int pauses) : pauses_(pauses) {}
  void wait() {
    if (waited_ > 4000) return std::this_thread::yield();
    for (int i = 0; i < pauses_; ++i) __builtin_ia32_pause();
    waited_ += pauses_;
  }

 private:
  int pauses_;
  int waited_ = 0;
};
/// For an event: at once.
constexpr int eager = 1;
/// For room in a full queue: each look takes lines from the thread that makes the room. moodycamel's with tokens is
/// five times as fast for it on two near cores, the others do not mind.
constexpr int considerate = 40;

/// A thread that pops from a queue without waiting, and hands to the handler.
template <class Queue, class Handler>
class Polled {
 public:
  explicit Polled(Handler handler)
      : handler_(std::move(handler)), thread_([this](const std::stop_token& stop) { run(stop); }) {}
  void publish(const Tick& tick) {
    Patience patience(considerate);
    while (!queue_.push(tick)) patience.wait();
  }

 private:
  void run(const std::stop_token& stop) {
    Tick tick;
    Patience patience(eager);
    while (!stop.stop_requested())
      if (queue_.pop(tick)) {
        handler_(tick);
        patience = Patience(eager);
      } else {
        patience.wait();
      }
  }

  alignas(apart) Queue queue_;
  alignas(apart) Handler handler_;
  alignas(apart) std::jthread thread_;  // last: it goes first
};

/// The limit: a ring between two threads and nothing else. Each side keeps the other's place as it saw it last.
class RingQueue {
 public:
  bool push(const Tick& tick) {
    const auto at = tail_.load(std::memory_order_relaxed);
    if (at - head_seen_ == bound) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (at - head_seen_ == bound) return false;
    }
    slots_[at % bound] = tick;
    tail_.store(at + 1, std::memory_order_release);
    return true;
  }
  bool pop(Tick& tick) {
    const auto at = head_.load(std::memory_order_relaxed);
    if (at == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (at == tail_seen_) return false;
    }
    tick = slots_[at % bound];
    head_.store(at + 1, std::memory_order_release);
    return true;
  }

 private:
  alignas(64) std::atomic<std::uint64_t> head_ = 0;
  std::uint64_t tail_seen_ = 0;
  alignas(64) std::atomic<std::uint64_t> tail_ = 0;
  std::uint64_t head_seen_ = 0;
  alignas(64) std::array<Tick, bound> slots_{};
};
template <class Handler>
using Ring = Polled<RingQueue, Handler>;

/// With tokens, bounded: `try_enqueue` never allocates. Implicit producers have no block but those of the constructor.
class ConcurrentQueue {
 public:
  bool push(const Tick& tick) { return queue_.try_enqueue(producer_, tick); }
  bool pop(Tick& tick) { return queue_.try_dequeue(consumer_, tick); }
  std::size_t pop_bulk(Tick* ticks, std::size_t max) { return queue_.try_dequeue_bulk(consumer_, ticks, max); }

 private:
  moodycamel::ConcurrentQueue<Tick> queue_{bound, 1, 0};
  alignas(apart) moodycamel::ProducerToken producer_{queue_};
  alignas(apart) moodycamel::ConsumerToken consumer_{queue_};
};
template <class Handler>
using Concurrent = Polled<ConcurrentQueue, Handler>;

/// The same, taken out by the thirty-two, so that the indices are shared less often. An event in hand is none that
/// waits.
class BulkQueue : public ConcurrentQueue {
 public:
  bool pop(Tick& tick) {
    if (taken_ == count_) {
      taken_ = 0;
      count_ = pop_bulk(ticks_.data(), ticks_.size());
      if (count_ == 0) return false;
    }
    tick = ticks_[taken_++];
    return true;
  }

 private:
  alignas(apart) std::array<Tick, 32> ticks_;
  std::size_t count_ = 0;
  std::size_t taken_ = 0;
};
template <class Handler>
using Bulk = Polled<BulkQueue, Handler>;

class ReaderWriterQueue {
 public:
  bool push(const Tick& tick) { return queue_.try_enqueue(tick); }
  bool pop(Tick& tick) { return queue_.try_dequeue(tick); }

 private:
  moodycamel::ReaderWriterQueue<Tick> queue_{bound};
};
template <class Handler>
using ReaderWriter = Polled<ReaderWriterQueue, Handler>;

/// moodycamel's that parks: it spins for a while, then waits on a semaphore.
template <class Handler>
class Parking {
 public:
  explicit Parking(Handler handler) : handler_(std::move(handler)), thread_([this] { run(); }) {}
  ~Parking() { publish({.sequence = over}); }
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;
  void publish(const Tick& tick) {
    Patience patience(considerate);
    while (!queue_.try_enqueue(producer_, tick)) patience.wait();
  }

 private:
  static constexpr auto over = ~std::uint64_t{0};

  void run() {
    Tick tick;
    while (true) {
      queue_.wait_dequeue(consumer_, tick);
      if (tick.sequence == over) return;
      handler_(tick);
    }
  }

  moodycamel::BlockingConcurrentQueue<Tick> queue_{bound, 1, 0};
  alignas(apart) moodycamel::ProducerToken producer_{queue_};
  alignas(apart) moodycamel::ConsumerToken consumer_{queue_};
  Handler handler_;
  std::jthread thread_;
};

/// As textbooks have it.
template <class Handler>
class Locked {
 public:
  explicit Locked(Handler handler) : handler_(std::move(handler)), thread_([this] { run(); }) {}
  ~Locked() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    not_empty_.notify_one();
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  void publish(const Tick& tick) {
    {
      std::unique_lock lock(mutex_);
      not_full_.wait(lock, [&] { return tail_ - head_ < bound; });
      slots_[tail_++ % bound] = tick;
    }
    not_empty_.notify_one();
  }

 private:
  void run() {
    while (true) {
      Tick tick;
      {
        std::unique_lock lock(mutex_);
        not_empty_.wait(lock, [&] { return over_ || head_ != tail_; });
        if (head_ == tail_) return;
        tick = slots_[head_++ % bound];
      }
      not_full_.notify_one();
      handler_(tick);
    }
  }

  std::mutex mutex_;
  std::condition_variable not_empty_;
  std::condition_variable not_full_;
  std::array<Tick, bound> slots_{};
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  bool over_ = false;
  Handler handler_;
  std::jthread thread_;
};

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
  std::atomic<bool> done = false;
  std::atomic<bool> over = false;
  Contender<Handler>* way_back = nullptr;
  bench::Pace pace(64);
  std::uint64_t returned = 0;
  std::uint64_t misplaced = 0;
  Contender<Handler> forth([&](const Tick& tick) { way_back->publish({.sequence = tick.sequence + 1}); });
  Contender<Handler> back([&](const Tick& tick) {
    pace.pass();
    misplaced += tick.sequence == ++returned ? 0 : 1;
    if (over.load(std::memory_order_relaxed) && returned >= 256)
      done.store(true, std::memory_order_release);
    else
      forth.publish(tick);
  });
  way_back = &back;
  for (auto _ : state) {
    forth.publish({});
    // Asleep: the two threads that are measured have the processors.
    std::this_thread::sleep_for(duration());
    over.store(true, std::memory_order_relaxed);
    while (!done.load(std::memory_order_acquire)) std::this_thread::sleep_for(std::chrono::microseconds{100});
  }
  bench::expect(state, misplaced, 0, "events came back out of turn");
  state.counters["time"] = pace.nanoseconds();
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

/// Ours, with a bus of its own: a publish that finds the queue full waits.
template <class Handler>
class Tidings {
 public:
  explicit Tidings(Handler handler)
      : subscription_(bus_.subscribe_queued({.name = "bench", .capacity = bound, .wait_max = std::chrono::seconds{30}},
                                            std::move(handler))) {}
  void publish(const Tick& tick) {
    if (!bus_.publish(tick)) throw std::runtime_error("a publish failed");
  }

 private:
  tidings::Bus bus_;
  tidings::Subscription subscription_;
};

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
