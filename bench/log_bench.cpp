// The embedded log: records of 128 bytes into one partition, and what a typed event costs on its way through the
// broker.
#include <memory>

#include "bench.hpp"
#include "log_contenders.hpp"
#include "log_delivery.hpp"
#include "order.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/make_envelope.hpp"

namespace bench {
namespace {

template <class Contender>
void append(benchmark::State& state, Synced synced, std::size_t batch) {
  static std::unique_ptr<Scratch> scratch;
  static std::unique_ptr<Contender> contender;
  if (state.thread_index() == 0) {
    scratch = std::make_unique<Scratch>("append");
    contender = std::make_unique<Contender>(scratch->path(), synced);
  }
  std::uint64_t number = 0;
  std::uint64_t failed = 0;
  for (auto _ : state) {
    failed += contender->append(number, batch) ? 0 : 1;
    number += batch;
  }
  expect(state, failed, 0, "appends failed");
  state.SetItemsProcessed(static_cast<std::int64_t>(number));
  if (state.thread_index() != 0) return;
  expect(state, contender->count(), number * static_cast<std::uint64_t>(state.threads()), "records are there");
  contender.reset();
  scratch.reset();
}

template <class Contender>
void read(benchmark::State& state) {
  const Scratch scratch("read");
  Contender contender(scratch.path(), Synced::no);
  const auto count = static_cast<std::uint64_t>(often(300'000));
  for (std::uint64_t number = 0; number < count; number += 100)
    if (!contender.append(number, std::min<std::uint64_t>(100, count - number)))
      return state.SkipWithError("an append failed");
  for (auto _ : state) expect(state, contender.read(), count * (count - 1) / 2, "is the sum of what was read");
  state.SetItemsProcessed(static_cast<std::int64_t>(count) * state.iterations());
}

/// What `Service::publish` does: an envelope with its ids and trace, JSON, the broker's checks and routing.
void publish_typed(benchmark::State& state) {
  const Scratch scratch("typed");
  auto broker =
      tidings::open_broker("log:" + scratch.path(), {.topic_defaults = {.durability = tidings::Durability::memory}})
          .or_throw();
  const auto orders = make_orders(options().seed);
  std::uint64_t published = 0;
  for (auto _ : state) {
    const auto envelope = tidings::make_envelope(orders[published % orders.size()], {.source = "bench"});
    const auto view = envelope ? envelope->view() : tidings::EnvelopeView{};
    if (!envelope || !broker->publish("orders", {&view, 1})) return state.SkipWithError("a publish failed");
    ++published;
  }
  expect(state, broker->topic("orders").or_throw().partitions.front().end.value, published, "events are there");
  state.SetItemsProcessed(state.iterations());
}

/// One writer that does not wait for each acknowledgement.
void publish_in_a_window(benchmark::State& state) {
  const Scratch scratch("window");
  auto broker =
      tidings::open_broker("log:" + scratch.path(), {.topic_defaults = {.durability = tidings::Durability::durable}})
          .or_throw();
  std::uint64_t acknowledged = 0;
  auto publisher = broker->publisher("records", {.window = 64}).or_throw();
  const tidings::EnvelopeView view{.id = "record-1", .type = "t", .payload = "payload"};
  for (auto _ : state) {
    const auto accepted = publisher->publish({&view, 1}, [&](const auto& places) { acknowledged += places ? 1 : 0; });
    if (!accepted) return state.SkipWithError("a publish failed");
  }
  publisher->flush().or_throw();
  expect(state, acknowledged, static_cast<std::uint64_t>(state.iterations()), "publishes were acknowledged");
  state.SetItemsProcessed(state.iterations());
}

struct Case {
  std::string label;
  Synced synced;
  std::size_t batch;
  std::int64_t appends;         ///< of Tidings and of the limit
  std::int64_t appends_sqlite;  ///< it is slower, and its ratio as good from fewer
  int threads = 1;
};
const std::vector<Case> cases{{"not synced, single", Synced::no, 1, 200'000, 10'000},
                              {"not synced, batches of 100", Synced::no, 100, 4'000, 300},
                              {"not synced, batches of 1000", Synced::no, 1'000, 400, 60},
                              {"synced, single", Synced::yes, 1, 500, 500},
                              {"synced, batches of 100", Synced::yes, 100, 300, 300},
                              {"synced, batches of 1000", Synced::yes, 1'000, 100, 100}};
const Case crowd{"synced, 16 blocking writers", Synced::yes, 1, 200, 0, 16};

template <class Contender>
void add(const std::string& name, const Case& one, std::int64_t appends) {
  benchmark::RegisterBenchmark((one.label + ", " + name).c_str(),
                               [one](benchmark::State& state) { append<Contender>(state, one.synced, one.batch); })
      ->Threads(one.threads)
      ->Iterations(often(appends))
      ->UseRealTime();
}

void add_benchmarks() {
  for (const auto& one : cases) {
    add<TidingsLog>("tidings", one, one.appends);
    add<SqliteLog>("sqlite", one, one.appends_sqlite);
    if (one.synced == Synced::yes)
      add<RawLog>("raw", one, one.appends);
    else
      add<MappedLog>("mapped", one, one.appends);
  }
  add<TidingsLog>("tidings", crowd, crowd.appends);
  benchmark::RegisterBenchmark("window, tidings", publish_in_a_window)->Iterations(often(20'000))->UseRealTime();
  benchmark::RegisterBenchmark("read, tidings", read<TidingsLog>)->UseRealTime();
  benchmark::RegisterBenchmark("read, sqlite", read<SqliteLog>)->UseRealTime();
  benchmark::RegisterBenchmark("read, mapped", read<MappedLog>)->UseRealTime();
  benchmark::RegisterBenchmark("typed publish, tidings", publish_typed)->Iterations(often(100'000))->UseRealTime();
  benchmark::RegisterBenchmark("delivery, tidings", deliver_by_log)->Iterations(1)->UseRealTime();
  benchmark::RegisterBenchmark("delivery, futex", deliver_by_futex)->Iterations(1)->UseRealTime();
}

Row row(const std::string& label, const std::string& limit, std::vector<Goal> goals) {
  const std::string rate = "items_per_second";
  const auto peer = limit == "raw" ? "pwrite and fdatasync" : "stores into a mapping";
  return {.label = label,
          .ours = {label + ", tidings", rate},
          .peers = {{peer, {label + ", " + limit, rate}}, {"SQLite", {label + ", sqlite", rate}}},
          .goals = std::move(goals),
          .unit = Unit::rate};
}

std::vector<Table> tables() {
  const std::string rate = "items_per_second";
  auto read_back = row("read", "mapped", {at_least(30e6)});
  const Row typed{.label = "typed publish, envelope and JSON of 3 lines",
                  .ours = {"typed publish, tidings", rate},
                  .goals = {at_least(2e6)},
                  .unit = Unit::rate};
  const Row writers{
      .label = crowd.label, .ours = {crowd.label + ", tidings", rate}, .goals = {at_least(60e3)}, .unit = Unit::rate};
  const Row window{.label = "synced, one writer with 64 in flight",
                   .ours = {"window, tidings", rate},
                   .goals = {at_least(300e3)},
                   .unit = Unit::rate};
  const auto delivery = [](const std::string& counter, double goal) {
    return Row{.label = "publish to receive, parked, " + counter,
               .ours = {"delivery, tidings", counter},
               .peers = {{"futex", {"delivery, futex", counter}}},
               .goals = {at_most(goal)}};
  };
  return {
      {.title = "The log, records of 128 bytes, not synced",
       .rows = {row(cases[0].label, "mapped", {at_least(8e6)}), row(cases[1].label, "mapped", {at_least(25e6)}),
                row(cases[2].label, "mapped", {at_least(25e6)}), typed, read_back},
       .note =
           "The mapping is the limit: records with a CRC-32C, stored where pages are there already. What survives the "
           "death of the process counts as not synced: SQLite with WAL and `synchronous=NORMAL`."},
      {.title = "The log, records of 128 bytes, synced",
       .rows = {row(cases[3].label, "raw", {at_least(1.1, "SQLite"), at_least(0.95, "pwrite and fdatasync")}),
                row(cases[4].label, "raw", {at_least(1.6, "SQLite")}),
                row(cases[5].label, "raw", {at_least(4, "SQLite")}), writers, window},
       .note = "The limit writes into a file of zeros, without a checksum. SQLite: WAL, `synchronous=FULL`, a "
               "transaction an "
               "append."},
      {.title = "From a publish to its receipt in another process, an event a millisecond",
       .rows = {delivery("p50", 30e3), delivery("p99", 84.5e3)},
       .note = "The limit is a word in shared memory and a futex."}};
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]).starts_with("--receive-"))
    return bench::receive(argv[1], argv[2], std::stoi(argv[3]));
  return bench::run(argc, argv, {.name = "log", .add_benchmarks = bench::add_benchmarks, .tables = bench::tables()});
}
