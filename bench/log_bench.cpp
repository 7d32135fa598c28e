// The embedded log: records of 128 bytes into one partition, and what a typed event costs on its way through the
// broker.
#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include "bench.hpp"
#include "contenders/nats_log.hpp"
#include "contenders/redis_log.hpp"
#include "contenders/rocksdb_log.hpp"
#include "log_contenders.hpp"
#include "log_delivery.hpp"
#include "order.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/make_envelope.hpp"

namespace bench {
namespace {

template <class Contender>
void append(benchmark::State& state, const Storing& storing, std::size_t batch) {
  static std::unique_ptr<Scratch> scratch;
  static std::unique_ptr<Contender> contender;
  if (state.thread_index() == 0) {
    scratch = std::make_unique<Scratch>("append");
    contender = std::make_unique<Contender>(scratch->path(), storing);
  }
  std::uint64_t number = 0;
  std::uint64_t failed = 0;
  for (auto _ : state) {
    failed += contender->append(number, batch) ? 0 : 1;
    number += batch;
    if constexpr (requires { contender->flush(); })
      if (number == static_cast<std::uint64_t>(state.max_iterations) * batch) failed += contender->flush() ? 0 : 1;
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
  Contender contender(scratch.path(), {});
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

constexpr std::int64_t sustained_bytes = 1 << 30;

/// More than memory may keep from the disk: the time until all of it is there.
template <class Append>
void sustained(benchmark::State& state, const std::string& folder, const Append& append) {
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const auto bytes = often(sustained_bytes);
  for (auto _ : state)
    if (!append(bytes) || ::syncfs(directory) != 0) state.SkipWithError("an append failed");
  ::close(directory);
  state.SetItemsProcessed(bytes / 1024);
}
void sustain_log(benchmark::State& state) {
  const Scratch scratch("sustained");
  TidingsLog log(scratch.path(), {.bytes = 1024});
  std::uint64_t number = 0;
  sustained(state, scratch.path(), [&](std::int64_t bytes) {
    for (const auto end = static_cast<std::uint64_t>(bytes / 1024); number < end;) {
      const auto batch = std::min<std::uint64_t>(100, end - number);
      if (!log.append(number, batch)) return false;
      number += batch;
    }
    return true;
  });
  expect(state, log.count(), number, "records are there");
}
void sustain_disk(benchmark::State& state) {
  const Scratch scratch("sustained");
  const int file = ::open((scratch.path() + "/file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::vector<char> block(1 << 20, 'x');
  sustained(state, scratch.path(), [&](std::int64_t bytes) {
    for (std::int64_t at = 0; at < bytes; at += static_cast<std::int64_t>(block.size()))
      if (::pwrite(file, block.data(), block.size(), at) != static_cast<ssize_t>(block.size())) return false;
    return true;
  });
  ::close(file);
}

struct Case {
  std::string label;
  Storing storing;
  std::size_t batch;
  std::int64_t appends;     ///< of Tidings and of the limit
  std::int64_t appends_of;  ///< of the peers: they are slower, and their ratio as good from fewer
  int threads = 1;
};
const std::vector<Case> cases{{"not synced, single", {.pipelined = true}, 1, 200'000, 30'000},
                              {"not synced, batches of 100", {}, 100, 4'000, 300},
                              {"not synced, batches of 1000", {}, 1'000, 400, 60},
                              {"synced, single", {.synced = Synced::yes}, 1, 500, 500},
                              {"synced, batches of 100", {.synced = Synced::yes}, 100, 300, 300},
                              {"synced, batches of 1000", {.synced = Synced::yes}, 1'000, 100, 100},
                              {"1 KiB, not synced, batches of 100", {.bytes = 1024}, 100, 800, 200}};
const Case crowd{"synced, 16 blocking writers", {.synced = Synced::yes}, 1, 200, 0, 16};

template <class Contender>
void add(const Case& one, std::int64_t appends) {
  benchmark::RegisterBenchmark((one.label + ", " + Contender::name).c_str(),
                               [one](benchmark::State& state) { append<Contender>(state, one.storing, one.batch); })
      ->Threads(one.threads)
      ->Iterations(often(appends))
      ->UseRealTime();
}

void add_once(const char* name, void (*function)(benchmark::State&)) {
  benchmark::RegisterBenchmark(name, function)->Iterations(1)->UseRealTime();
}

void add_benchmarks() {
  for (const auto& one : cases) {
    const bool synced = one.storing.synced == Synced::yes;
    add<TidingsLog>(one, one.appends);
    add<SqliteLog>(one, one.appends_of);
    add<RocksdbLog>(one, one.appends_of);
    add<RedisLog>(one, one.appends_of);
    if (!synced) add<NatsLog>(one, one.appends_of);
    if (synced)
      add<RawLog>(one, one.appends);
    else
      add<MappedLog>(one, one.appends);
  }
  add<TidingsLog>(crowd, crowd.appends);
  benchmark::RegisterBenchmark("window, tidings", publish_in_a_window)->Iterations(often(20'000))->UseRealTime();
  benchmark::RegisterBenchmark("read, tidings", read<TidingsLog>)->UseRealTime();
  benchmark::RegisterBenchmark("read, sqlite", read<SqliteLog>)->UseRealTime();
  benchmark::RegisterBenchmark("read, mapped", read<MappedLog>)->UseRealTime();
  benchmark::RegisterBenchmark("read, rocksdb", read<RocksdbLog>)->UseRealTime();
  add_once("read, redis", read<RedisLog>);
  add_once("read, nats", read<NatsLog>);
  benchmark::RegisterBenchmark("typed publish, tidings", publish_typed)->Iterations(often(100'000))->UseRealTime();
  add_once("sustained, tidings", sustain_log);
  add_once("sustained, disk", sustain_disk);
  add_once("stream, tidings", stream_by_log);
  add_once("stream, redis", stream_by_redis);
  add_once("stream, nats", stream_by_nats);
  add_once("delivery, tidings", deliver_by_log);
  add_once("delivery, futex", deliver_by_futex);
  add_once("delivery, spinning", deliver_by_spinning_log);
  add_once("delivery, word", deliver_by_word);
  add_once("delivery, redis", deliver_by_redis);
  add_once("delivery, nats", deliver_by_nats);
}

const std::string rate = "items_per_second";
const auto nats = "NATS JetStream", redis = "Redis Streams";

Row row(const std::string& label, const std::string& limit, std::vector<Goal> goals) {
  const auto of = [&](const char* name) { return Source{label + ", " + name, rate}; };
  Row row{.label = label,
          .ours = of("tidings"),
          .peers = {{limit == "raw" ? "pwrite and fdatasync" : "stores into a mapping", {label + ", " + limit, rate}},
                    {"SQLite", of("sqlite")},
                    {"RocksDB", of("rocksdb")},
                    {redis, of("redis")}},
          .goals = std::move(goals),
          .unit = Unit::rate};
  if (limit != "raw") row.peers.emplace_back(nats, of("nats"));
  return row;
}

std::vector<Table> tables() {
  const Source async{cases[0].label + ", nats", rate};
  const Row typed{.label = "typed publish, envelope and JSON of 3 lines",
                  .ours = {"typed publish, tidings", rate},
                  .goals = {at_least(2e6)},
                  .unit = Unit::rate};
  const Row sustained{.label = "1 KiB, 1 GiB of them, until it is on the disk",
                      .ours = {"sustained, tidings", rate},
                      .peers = {{"the disk", {"sustained, disk", rate}}},
                      .goals = {at_least(0.6, "the disk")},
                      .unit = Unit::rate};
  const Row writers{
      .label = crowd.label, .ours = {crowd.label + ", tidings", rate}, .goals = {at_least(60e3)}, .unit = Unit::rate};
  const Row window{.label = "synced, one writer with 64 in flight",
                   .ours = {"window, tidings", rate},
                   .goals = {at_least(300e3)},
                   .unit = Unit::rate};
  const Row stream{.label = "publish in one process, verified in another",
                   .ours = {"stream, tidings", rate},
                   .peers = {{redis, {"stream, redis", rate}}, {nats, {"stream, nats", rate}}},
                   .goals = {at_least(15e6)},
                   .unit = Unit::rate};
  const auto delivery = [](const std::string& label, const std::string& ours, const std::string& limit,
                           const std::string& counter, std::vector<Goal> goals) {
    return Row{.label = label + ", " + counter,
               .ours = {"delivery, " + ours, counter},
               .peers = {{limit, {"delivery, " + limit, counter}},
                         {redis, {"delivery, redis", counter}},
                         {nats, {"delivery, nats", counter}}},
               .goals = std::move(goals)};
  };
  const std::string parked = "publish to receive, parked", spinning = "a record, spinning";
  return {
      {.title = "The log, records of 128 bytes, not synced",
       .rows = {row(cases[0].label, "mapped", {at_least(8e6), at_least(30, nats)}),
                row(cases[1].label, "mapped", {at_least(25e6), at_least(90, "its single", async)}),
                row(cases[2].label, "mapped", {at_least(25e6)}), typed, row("read", "mapped", {at_least(30e6)}), stream,
                row(cases[6].label, "mapped", {at_least(4e6)}), sustained},
       .note =
           "The mapping is the limit: records with a CRC-32C, stored where pages are there already. What survives the "
           "death of the process, or of the server, counts as not synced. SQLite: WAL, `synchronous=NORMAL`, a "
           "transaction an append. RocksDB: its write-ahead log, a WriteBatch an append, two background threads, no "
           "compression. Redis 7: by a Unix socket, append-only file, `appendfsync no`, no snapshots nor rewrites; 64 "
           "commands in flight where it is single, else the batch; read by XRANGE and followed by XREAD, 1,000 at a "
           "time. "
           "NATS 2.9: file storage, published asynchronously, up to 4,000 in flight where it is single, else the "
           "batch; "
           "read by an ordered push consumer. \"Its single\" is JetStream's rate without waiting for batches, its "
           "best."},
      {.title = "The log, records of 128 bytes, synced",
       .rows = {row(cases[3].label, "raw", {at_least(1.1, "SQLite"), at_least(0.95, "pwrite and fdatasync")}),
                row(cases[4].label, "raw", {at_least(1.6, "SQLite")}),
                row(cases[5].label, "raw", {at_least(4, "SQLite")}), writers, window},
       .note = "The limit writes into a file of zeros, without a checksum. SQLite: WAL, `synchronous=FULL`, a "
               "transaction an append. RocksDB: `sync`, a WriteBatch an append. Redis: `appendfsync always`, a batch "
               "is pipelined, so that one sync serves all that came together. Debian's nats-server syncs by a timer "
               "alone, and is not here."},
      {.title = "From a publish to its receipt in another process, an event a millisecond",
       .rows = {delivery(parked, "tidings", "futex", "p50", {at_most(30e3)}),
                delivery(parked, "tidings", "futex", "p99", {at_most(0.5, nats)}),
                delivery(spinning, "spinning", "word", "p50", {at_most(1e3)}),
                delivery(spinning, "spinning", "word", "p99", {})},
       .note =
           "Parked: the typed event with its envelope, through the broker; the limit is a word in shared memory and "
           "a futex. Spinning: a record, to a cursor that does not wait in the kernel; the limit is the word alone. "
           "Redis: XADD to a blocked XREAD. NATS: to an ordered push consumer. Both wake their receivers."}};
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const std::string_view how = argc > 1 ? argv[1] : "";
  if (how == "--serve") return bench::serve(argc, argv);
  if (argc == 4 && (how.starts_with("--receive-") || how.starts_with("--follow-")))
    return bench::receive(argv[1], argv[2], std::stoull(argv[3]));
  return bench::run(argc, argv, {.name = "log", .add_benchmarks = bench::add_benchmarks, .tables = bench::tables()});
}
