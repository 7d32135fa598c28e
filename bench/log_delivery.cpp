#include "log_delivery.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

#include "bench.hpp"
#include "child.hpp"
#include "contenders/nats_log.hpp"
#include "contenders/redis_log.hpp"
#include "log_contenders.hpp"
#include "tidings/base/file_system.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/make_envelope.hpp"

namespace bench {
namespace {

struct Sent {
  std::int64_t at = 0;  ///< ns of the steady clock, which is one for all processes
  static constexpr tidings::traits<Sent> event{.name = "bench.sent", .topic = "sent", .key = tidings::unordered};
};

/// One way: the sender stores the time, then the number; the receiver waits for the number.
struct Words {
  std::atomic<std::uint32_t> number;
  std::atomic<std::int64_t> at;
};

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

tidings::Mapping shared_words(const std::string& folder) {
  auto directory = tidings::system_files().open(folder, true).or_throw();
  auto file = directory->file("words", tidings::Directory::Create::if_missing).or_throw();
  file->allocate(4096).or_throw();
  return file->map(4096, true).or_throw();
}

void futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

std::unique_ptr<tidings::Broker> open(const std::string& folder) {
  return tidings::open_broker("log:" + folder, {.topic_defaults = {.durability = tidings::Durability::memory}})
      .or_throw();
}

std::vector<std::int64_t> receive_by_log(const std::string& folder, std::size_t count) {
  auto broker = open(folder);
  auto consumer = broker->subscribe("sent", {.group = "receiver"}).or_throw();
  std::vector<std::int64_t> took;
  std::cout << "ready" << std::endl;
  while (took.size() < count) {
    auto deliveries = consumer->fetch(count, std::chrono::seconds{30}).or_throw();
    const auto received = now();
    if (deliveries.empty()) break;
    for (const auto& delivery : deliveries) {
      took.push_back(received - tidings::decode_event<Sent>(delivery.envelope).or_throw().at);
      consumer->settle(std::array{delivery.id}).or_throw();
    }
  }
  return took;
}

std::vector<std::int64_t> receive_by_word(const std::string& folder, std::size_t count, bool parks) {
  const auto mapping = shared_words(folder);
  auto& words = *reinterpret_cast<Words*>(mapping.data());
  std::vector<std::int64_t> took;
  std::cout << "ready" << std::endl;
  for (std::uint32_t seen = 0; took.size() < count; ++seen) {
    while (words.number.load(std::memory_order_acquire) == seen)
      if (parks) futex(words.number, FUTEX_WAIT, seen);
    took.push_back(now() - words.at.load(std::memory_order_relaxed));
  }
  return took;
}

/// Of records whose numbers are the times at which they were sent.
template <class Contender>
std::vector<std::int64_t> receive_records(const std::string& address, std::uint64_t count) {
  std::vector<std::int64_t> took;
  Contender::follow(address,
                    {.count = count,
                     .ready = [] { std::cout << "ready" << std::endl; },
                     .on = [&](std::uint64_t sent) { took.push_back(now() - static_cast<std::int64_t>(sent)); }});
  return took;
}

template <class Contender>
int follow(const std::string& address, std::uint64_t count) {
  std::uint64_t sum = 0;
  Contender::follow(address, {.count = count,
                              .ready = [] { std::cout << "ready" << std::endl; },
                              .on = [&](std::uint64_t number) { sum += number; }});
  std::cout << sum << std::endl;
  return 0;
}

/// Between two publishes. Where the receiver spins, the sender does: a processor that sleeps is slow when it wakes.
enum class Pause { sleep, spin };
void pause_for_a_millisecond(Pause how) {
  if (how == Pause::sleep) return std::this_thread::sleep_for(std::chrono::milliseconds{1});
  for (const auto end = now() + 1'000'000; now() < end;) {
  }
}

template <class Publish>
void deliver(benchmark::State& state, const std::string& how, const std::string& folder, Pause pause,
             const Publish& publish) {
  const auto count = static_cast<std::uint32_t>(often(500));
  Child receiver({own_path(), how, folder, std::to_string(count)});
  if (receiver.line() != "ready") return state.SkipWithError("the receiving process does not start");
  for (auto _ : state)
    for (std::uint32_t i = 0; i < count; ++i) {
      pause_for_a_millisecond(pause);
      if (!publish()) return state.SkipWithError("a publish failed");
    }
  const auto received = receiver.line();
  expect(state, received == std::to_string(count) ? count : 0, count, "events came");
  if (received.empty()) return;
  state.counters["p50"] = std::stod(receiver.line());
  state.counters["p99"] = std::stod(receiver.line());
}

template <class Contender>
void deliver_records(benchmark::State& state, Pause pause) {
  const Scratch scratch("delivery");
  Contender contender(scratch.path(), {});
  deliver(state, std::string("--receive-") + Contender::name, contender.address(), pause,
          [&] { return contender.append(static_cast<std::uint64_t>(now()), 1); });
}

template <class Contender>
void stream(benchmark::State& state, std::int64_t records, std::uint64_t batch) {
  const Scratch scratch("stream");
  Contender contender(scratch.path(), {.pipelined = true});
  const auto count = static_cast<std::uint64_t>(often(records)) / batch * batch;
  Child receiver({own_path(), std::string("--follow-") + Contender::name, contender.address(), std::to_string(count)});
  if (receiver.line() != "ready") return state.SkipWithError("the receiving process does not start");
  std::string sum;
  for (auto _ : state) {
    for (std::uint64_t number = 0; number < count; number += batch)
      if (!contender.append(number, batch)) return state.SkipWithError("an append failed");
    if constexpr (requires { contender.flush(); })
      if (!contender.flush()) return state.SkipWithError("an append failed");
    sum = receiver.line();
  }
  expect(state, sum.empty() ? 0 : std::stoull(sum), count * (count - 1) / 2, "is the sum of what was received");
  state.SetItemsProcessed(static_cast<std::int64_t>(count));
}

void deliver_by_words(benchmark::State& state, bool parks) {
  const Scratch scratch("delivery");
  const auto mapping = shared_words(scratch.path());
  auto& words = *reinterpret_cast<Words*>(mapping.data());
  deliver(state, parks ? "--receive-futex" : "--receive-word", scratch.path(), parks ? Pause::sleep : Pause::spin, [&] {
    words.at.store(now(), std::memory_order_relaxed);
    words.number.fetch_add(1, std::memory_order_release);
    if (parks) futex(words.number, FUTEX_WAKE, 1);
    return true;
  });
}

}  // namespace

void deliver_by_log(benchmark::State& state) {
  const Scratch scratch("delivery");
  auto broker = open(scratch.path());
  deliver(state, "--receive-log", scratch.path(), Pause::sleep, [&] {
    auto envelope = tidings::make_envelope(Sent{now()}, {.source = "bench"});
    const auto view = envelope ? envelope->view() : tidings::EnvelopeView{};
    return envelope && broker->publish("sent", {&view, 1});
  });
}

void deliver_by_futex(benchmark::State& state) {
  deliver_by_words(state, true);
}
void deliver_by_word(benchmark::State& state) {
  deliver_by_words(state, false);
}
void deliver_by_spinning_log(benchmark::State& state) {
  deliver_records<TidingsLog>(state, Pause::spin);
}
void deliver_by_redis(benchmark::State& state) {
  deliver_records<RedisLog>(state, Pause::sleep);
}
void deliver_by_nats(benchmark::State& state) {
  deliver_records<NatsLog>(state, Pause::sleep);
}
void stream_by_log(benchmark::State& state) {
  stream<TidingsLog>(state, 5'000'000, 100);
}
void stream_by_redis(benchmark::State& state) {
  stream<RedisLog>(state, 200'000, 1);
}
void stream_by_nats(benchmark::State& state) {
  stream<NatsLog>(state, 100'000, 1);
}

int receive(const std::string& how, const std::string& address, std::uint64_t count) {
  if (how == "--follow-tidings") return follow<TidingsLog>(address, count);
  if (how == "--follow-redis") return follow<RedisLog>(address, count);
  if (how == "--follow-nats") return follow<NatsLog>(address, count);
  auto took = how == "--receive-tidings" ? receive_records<TidingsLog>(address, count)
              : how == "--receive-redis" ? receive_records<RedisLog>(address, count)
              : how == "--receive-nats"  ? receive_records<NatsLog>(address, count)
              : how == "--receive-log"   ? receive_by_log(address, count)
                                         : receive_by_word(address, count, how == "--receive-futex");
  std::ranges::sort(took);
  if (took.empty()) return 1;
  std::cout << took.size() << "\n" << took[took.size() / 2] << "\n" << took[took.size() * 99 / 100] << std::endl;
  return 0;
}

}  // namespace bench
