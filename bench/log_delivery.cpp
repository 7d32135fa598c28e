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

std::vector<std::int64_t> receive_by_futex(const std::string& folder, std::size_t count) {
  const auto mapping = shared_words(folder);
  auto& words = *reinterpret_cast<Words*>(mapping.data());
  std::vector<std::int64_t> took;
  std::cout << "ready" << std::endl;
  for (std::uint32_t seen = 0; took.size() < count; ++seen) {
    while (words.number.load(std::memory_order_acquire) == seen) futex(words.number, FUTEX_WAIT, seen);
    took.push_back(now() - words.at.load(std::memory_order_relaxed));
  }
  return took;
}

template <class Publish>
void deliver(benchmark::State& state, const std::string& how, const std::string& folder, const Publish& publish) {
  const auto count = static_cast<std::uint32_t>(often(500));
  Child receiver({own_path(), how, folder, std::to_string(count)});
  if (receiver.line() != "ready") return state.SkipWithError("the receiving process does not start");
  for (auto _ : state)
    for (std::uint32_t i = 0; i < count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      if (!publish()) return state.SkipWithError("a publish failed");
    }
  const auto received = receiver.line();
  expect(state, received == std::to_string(count) ? count : 0, count, "events came");
  if (received.empty()) return;
  state.counters["p50"] = std::stod(receiver.line());
  state.counters["p99"] = std::stod(receiver.line());
}

}  // namespace

void deliver_by_log(benchmark::State& state) {
  const Scratch scratch("delivery");
  auto broker = open(scratch.path());
  deliver(state, "--receive-log", scratch.path(), [&] {
    auto envelope = tidings::make_envelope(Sent{now()}, {.source = "bench"});
    const auto view = envelope ? envelope->view() : tidings::EnvelopeView{};
    return envelope && broker->publish("sent", {&view, 1});
  });
}

void deliver_by_futex(benchmark::State& state) {
  const Scratch scratch("delivery");
  const auto mapping = shared_words(scratch.path());
  auto& words = *reinterpret_cast<Words*>(mapping.data());
  deliver(state, "--receive-futex", scratch.path(), [&] {
    words.at.store(now(), std::memory_order_relaxed);
    words.number.fetch_add(1, std::memory_order_release);
    futex(words.number, FUTEX_WAKE, 1);
    return true;
  });
}

int receive(const std::string& how, const std::string& folder, int count) {
  auto took = how == "--receive-log" ? receive_by_log(folder, static_cast<std::size_t>(count))
                                     : receive_by_futex(folder, static_cast<std::size_t>(count));
  std::ranges::sort(took);
  if (took.empty()) return 1;
  std::cout << took.size() << "\n" << took[took.size() / 2] << "\n" << took[took.size() * 99 / 100] << std::endl;
  return 0;
}

}  // namespace bench
