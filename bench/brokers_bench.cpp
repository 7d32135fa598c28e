// Tidings over NATS and over Kafka, beside the bare C client of the same server in the same run.
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <map>
#include <thread>

#include "bench.hpp"
#include "broker_clients/contender.hpp"
#include "testing/servers/kafka_server.hpp"
#include "testing/servers/nats_server.hpp"
#include "tidings/brokers/open.hpp"

namespace bench {
namespace {

using namespace std::chrono_literals;
using brokers::Contender;
using brokers::Events;
using Steady = std::chrono::steady_clock;

constexpr std::array<std::size_t, 2> sizes{128, 1024};
constexpr std::size_t taken_at_once = 500;

/// What is measured of a broker, and how often: a server of its own, and two clients of it.
struct Scale {
  std::uint64_t published;
  std::size_t window;
  std::uint64_t one_by_one;
  std::uint64_t consumed;
  std::uint64_t received;
  Steady::duration apart;  ///< from one of those to the next
};

class Stage {
 public:
  Stage(std::string name, const Scale& scale) : name_(std::move(name)), scale_(scale) {}

  [[nodiscard]] const Scale& scale() const { return scale_; }
  [[nodiscard]] Contender& contender(bool is_tidings) { return is_tidings ? *tidings_ : *bare_; }
  [[nodiscard]] std::uint64_t consumed() const { return static_cast<std::uint64_t>(often(scale_.consumed / 2)) * 2; }
  [[nodiscard]] std::string new_group() { return "group-" + std::to_string(++groups_); }
  [[nodiscard]] std::uint64_t end(const std::string& topic) {
    return looking_->topic(topic).or_throw().partitions.at(0).end.value;
  }
  static std::string topic(const char* of, std::size_t bytes) { return std::string(of) + "-" + std::to_string(bytes); }

  /// The first that asks starts it: a part of the benchmarks needs not both servers.
  void start() {
    if (looking_) return;
    std::string url;
    if (name_ == "nats") {
      server_ = tidings::testing::start_nats_server().or_throw();
      url = tidings::testing::nats_url(*server_);
      bare_ = brokers::bare_nats(url);
    } else {
      server_ = tidings::testing::start_kafka_server().or_throw();
      url = "kafka://" + tidings::testing::kafka_address(*server_);
      bare_ = brokers::bare_kafka(tidings::testing::kafka_address(*server_));
    }
    looking_ = tidings::open_broker(url, {.log = &tidings::stderr_log(tidings::LogLevel::error)}).or_throw();
    tidings_ = brokers::tidings_contender(url);
    for (const auto bytes : sizes) {
      for (const auto* of : {"published", "one", "read", "received"})
        looking_->create_topic(topic(of, bytes), {.partitions = 1}).or_throw();
      fill(topic("read", bytes), bytes);
    }
  }

  void end() {
    tidings_.reset();
    bare_.reset();
    looking_.reset();
    server_.reset();
  }

 private:
  /// Half of it by each, and all of it must read the same.
  void fill(const std::string& name, std::size_t bytes) {
    Events events(bytes, options().seed);
    const auto half = consumed() / 2;
    for (auto* by : {tidings_.get(), bare_.get()})
      if (by->publish(name, events, half, scale_.window) != half) throw std::runtime_error("a topic was not filled");
    auto reader = looking_->subscribe(name, {}).or_throw();
    for (std::uint64_t left = 2 * half; left > 0;) {
      const auto deliveries = reader->fetch(taken_at_once, 10s).or_throw();
      if (deliveries.empty()) throw std::runtime_error("events are missing in " + name);
      for (const auto& delivery : deliveries)
        if (!events.is_one(delivery.envelope)) throw std::runtime_error("the contenders publish different events");
      left -= deliveries.size();
    }
  }

  const std::string name_;
  const Scale scale_;
  std::unique_ptr<tidings::testing::ServerProcess> server_;
  std::unique_ptr<tidings::Broker> looking_;
  std::unique_ptr<Contender> tidings_;
  std::unique_ptr<Contender> bare_;
  int groups_ = 0;
};

void took(benchmark::State& state, Steady::time_point begin, std::uint64_t count) {
  state.SetIterationTime(std::chrono::duration<double>(Steady::now() - begin).count());
  state.SetItemsProcessed(static_cast<std::int64_t>(count));
}

void publish(benchmark::State& state, Stage& stage, bool is_tidings, std::size_t bytes) {
  const auto topic = Stage::topic("published", bytes);
  Events events(bytes, options().seed);
  const auto count = static_cast<std::uint64_t>(often(static_cast<std::int64_t>(stage.scale().published)));
  const auto before = stage.end(topic);
  std::uint64_t acknowledged = 0;
  for (auto _ : state) {
    const auto begin = Steady::now();
    acknowledged = stage.contender(is_tidings).publish(topic, events, count, stage.scale().window);
    took(state, begin, count);
  }
  expect(state, acknowledged, count, "events were acknowledged");
  expect(state, stage.end(topic) - before, count, "events are in the topic");
}

void acknowledge(benchmark::State& state, Stage& stage, bool is_tidings, std::size_t bytes) {
  const auto topic = Stage::topic("one", bytes);
  Events events(bytes, options().seed);
  const auto count = static_cast<std::uint64_t>(often(static_cast<std::int64_t>(stage.scale().one_by_one)));
  auto& contender = stage.contender(is_tidings);
  const auto before = stage.end(topic);
  std::vector<double> times;
  for (auto _ : state) {
    const auto begin = Steady::now();
    for (std::uint64_t number = 0; number < count; ++number) {
      const auto& event = events.next(number);
      const auto from = Steady::now();
      if (contender.publish_one(topic, event))
        times.push_back(std::chrono::duration<double, std::nano>(Steady::now() - from).count());
    }
    took(state, begin, count);
  }
  expect(state, times.size(), count, "events were acknowledged");
  expect(state, stage.end(topic) - before, count, "events are in the topic");
  state.counters["p50"] = figure_of(std::move(times)).median;
}

/// From the first event that comes to the settlement of the last.
void consume(benchmark::State& state, Stage& stage, bool is_tidings, std::size_t bytes) {
  const auto count = stage.consumed();
  const auto half = count / 2;
  const auto receiver = stage.contender(is_tidings).receive(Stage::topic("read", bytes), stage.new_group(), false);
  std::uint64_t settled = 0;
  std::uint64_t sum = 0;
  Steady::time_point begin;
  for (auto _ : state) {
    const brokers::Came came = [&](std::uint64_t number) {
      if (sum == 0 && number == 0 && settled == 0) begin = Steady::now();
      sum += number;
    };
    while (settled < count) {
      const auto taken = receiver->take(taken_at_once, came);
      if (taken == 0) break;
      settled += taken;
    }
    took(state, begin, count);
  }
  expect(state, settled, count, "events were settled");
  expect(state, sum, half * (half - 1), "is the sum of their numbers");
}

/// An event now and then, to a member that waits for it.
void receive(benchmark::State& state, Stage& stage, bool is_tidings, std::size_t bytes) {
  const auto topic = Stage::topic("received", bytes);
  Events events(bytes, options().seed);
  const auto count = static_cast<std::uint64_t>(often(static_cast<std::int64_t>(stage.scale().received)));
  const auto before = stage.end(topic);
  auto& contender = stage.contender(is_tidings);
  const auto receiver = contender.receive(topic, stage.new_group(), true);
  std::vector<std::atomic<Steady::rep>> sent(count);
  std::vector<double> times;
  std::uint64_t passed = 0;
  const brokers::Came pass = [&](std::uint64_t) { ++passed; };
  bool is_there = true;
  while (passed < before && is_there) is_there = receiver->take(taken_at_once, pass) > 0;
  for (auto _ : state) {
    const auto begin = Steady::now();
    std::jthread publishing([&] {
      auto due = begin;
      for (std::uint64_t number = 0; number < count; ++number) {
        std::this_thread::sleep_until(due += stage.scale().apart);
        sent[number] = Steady::now().time_since_epoch().count();
        if (!contender.publish_one(topic, events.next(number))) return;
      }
    });
    const brokers::Came came = [&](std::uint64_t number) {
      if (number >= count) return;
      times.push_back(static_cast<double>(Steady::now().time_since_epoch().count() - sent[number]));
    };
    while (times.size() < count && is_there) is_there = receiver->take(taken_at_once, came) > 0;
    took(state, begin, count);
  }
  expect(state, times.size(), count, "events were received");
  state.counters["p50"] = figure_of(std::move(times)).median;
}

using Measured = void (*)(benchmark::State&, Stage&, bool, std::size_t);

struct Kind {
  const char* label;
  Measured function;
  const char* counter;  ///< a time; null: the rate
};
constexpr std::array kinds{
    Kind{"published, a second", publish, nullptr}, Kind{"publish to acknowledged, p50", acknowledge, "p50"},
    Kind{"consumed and settled, a second", consume, nullptr}, Kind{"publish to receive, p50", receive, "p50"}};

std::string name_of(const std::string& broker, const Kind& kind, std::size_t bytes, const std::string& who) {
  return broker + ", " + kind.label + ", " + std::to_string(bytes) + ", " + who;
}

void add_benchmarks(std::map<std::string, Stage>& stages) {
  for (auto& [broker, stage] : stages)
    for (const auto& kind : kinds)
      for (const auto bytes : sizes)
        for (const bool is_tidings : {true, false})
          benchmark::RegisterBenchmark(name_of(broker, kind, bytes, is_tidings ? "tidings" : "bare").c_str(),
                                       [&stage = stage, &kind, bytes, is_tidings](benchmark::State& state) {
                                         try {
                                           stage.start();
                                           kind.function(state, stage, is_tidings, bytes);
                                         } catch (const std::exception& thrown) {
                                           state.SkipWithError(thrown.what());
                                         }
                                       })
              ->Iterations(1)
              ->UseManualTime();
}

Table table(const std::string& broker, const std::string& title, const std::string& client, std::string note) {
  Table made{.title = title, .rows = {}, .note = std::move(note)};
  for (const auto bytes : sizes)
    for (const auto& kind : kinds) {
      const std::string counter = kind.counter == nullptr ? "items_per_second" : kind.counter;
      made.rows.push_back(
          {.label = (bytes == 1024 ? std::string("1 KiB") : std::to_string(bytes) + " B") + ", " + kind.label,
           .ours = {name_of(broker, kind, bytes, "tidings"), counter},
           .peers = {{client, {name_of(broker, kind, bytes, "bare"), counter}}},
           .goals = {kind.counter == nullptr ? at_least(0.9, client) : at_most(1.1, client)},
           .unit = kind.counter == nullptr ? Unit::rate : Unit::time});
    }
  return made;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  if (tidings::testing::missing_servers_are_allowed())
    for (const auto& there : {tidings::testing::nats_server_is_there(), tidings::testing::kafka_is_there()})
      if (!there) return std::cout << to_string(there.error()) << "\n", 0;
  std::map<std::string, Stage> stages;
  stages.try_emplace("nats", "nats", Scale{30'000, 256, 2'000, 50'000, 200, 2ms});
  stages.try_emplace("kafka", "kafka", Scale{100'000, 10'000, 400, 200'000, 80, 5ms});
  const std::string same =
      "Each against one real server on loopback, with file storage as it comes; one partition; the same bytes, headers "
      "and message ids; a topic that "
      "Tidings created. Both consume in a group, up to 500 at a time, whose position is at the server before the next "
      "are taken. ";
  const auto status = run(
      argc, argv,
      {.name = "brokers",
       .add_benchmarks = [&] { add_benchmarks(stages); },
       .tables = {
           table("nats", "Over NATS JetStream", "libnats",
                 same + "libnats: `js_PublishMsgAsync` with the id of the one before (`Nats-Expected-Last-Msg-Id`), "
                        "without which events overtake one "
                        "another when one fails, 256 in flight; `js_PublishMsg` for one at a time; a durable pull "
                        "consumer that acknowledges all up to "
                        "the last of a fetch by `natsMsg_AckSync`. An event each 2 ms to be received."),
           table("kafka", "Over Kafka", "librdkafka",
                 same + "librdkafka: `rd_kafka_producev`, idempotent, `acks=all`, `linger.ms=0`, 10,000 in flight; "
                        "`rd_kafka_consumer_poll`, offsets "
                        "stored, and committed at the end of what was taken. An event each 5 ms to be received.")}});
  for (auto& [name, stage] : stages) stage.end();
  return status;
}
