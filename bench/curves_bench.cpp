// How the cost of the embedded log grows with what is in it: its bytes, its topics, its groups. It should not.
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <thread>

#include "bench.hpp"
#include "child.hpp"
#include "log/control.hpp"
#include "log/cursor.hpp"
#include "log/faulty_files.hpp"
#include "log_contenders.hpp"
#include "random.hpp"
#include "sparse_log.hpp"
#include "tidings/brokers/open.hpp"

namespace bench {
namespace {

using namespace std::chrono_literals;
namespace log = tidings::log;

constexpr auto patience = 30s;

/// Of this process, that is not the page cache's.
double anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "RssAnon:") {
      double kib = 0;
      status >> kib;
      return kib * 1024;
    }
  return 0;
}

double descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<double>(std::distance(begin(all), end(all)));
}

double processor_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// A log that was written once, in batches of 1,000 records of 128 bytes, and is measured again and again.
struct Grown {
  struct Sparse {
    std::uint64_t segments = 0;
  };
  explicit Grown(Sparse sparse) : scratch("sparse") {
    {
      const auto log = log::LogDirectory::open(scratch.path(), {}).or_throw();
      records = make_sparse_log(*log, scratch.path(), "records", sparse.segments);
    }
    const auto all = open();
    log::Cursor cursor(*all.partition);
    first = cursor.next(records).or_throw()->appended;
    cursor.seek(records - 1);
    last = cursor.next(records).or_throw()->appended;
    seek_everywhere(*all.partition);  // what has no index yet gets one
  }
  explicit Grown(std::uint64_t bytes, Synced synced = Synced::no) : scratch("grown") {
    TidingsLog log(scratch.path(), Storing{.synced = synced});
    first = tidings::system_clock().now();
    for (; records * record_bytes < bytes; records += 1'000) {
      last = tidings::system_clock().now();
      if (!log.append(records, 1'000)) throw std::runtime_error("an append failed");
    }
  }
  struct Open {
    std::unique_ptr<log::LogDirectory> log;
    std::shared_ptr<log::TopicLog> topic;
    log::PartitionLog* partition = nullptr;
  };
  /// Once into each segment: what that costs at first is no part of what a read costs.
  void seek_everywhere(log::PartitionLog& partition) const {
    static constexpr std::uint64_t each = 8;
    for (std::uint64_t offset = 1; offset < records && records <= 100'000; offset += each) {
      log::Cursor cursor(partition);
      cursor.seek(offset);
      if (!cursor.next(records)) throw std::runtime_error("a read failed");
    }
  }
  [[nodiscard]] Open open() const {
    Open all;
    all.log = log::LogDirectory::open(scratch.path(), {}).or_throw();
    all.topic = all.log->find("records").or_throw();
    all.partition = all.topic->partition(0).or_throw();
    return all;
  }

  Scratch scratch;
  std::uint64_t records = 0;
  tidings::TimePoint first;
  tidings::TimePoint last;
};

struct Size {
  std::string label;
  std::uint64_t bytes;
};
const std::vector<Size> sizes{{"1 MiB", std::uint64_t{1} << 20},
                              {"64 MiB", std::uint64_t{64} << 20},
                              {"1 GiB", std::uint64_t{1} << 30},
                              {"4 GiB", std::uint64_t{4} << 30}};
/// So many segments of 64 MiB, sparse.
const std::vector<std::uint64_t> sparse_counts{16, 1'600};
std::string sparse_label(std::uint64_t segments) {
  return std::to_string(segments / 16) + " GiB";
}
const std::vector<Size> durable_sizes{
    {"1 MiB", std::uint64_t{1} << 20}, {"64 MiB", std::uint64_t{64} << 20}, {"1 GiB", std::uint64_t{1} << 30}};
const std::vector<int> topic_counts{1, 100, 1'000, 10'000};
const std::vector<int> group_counts{1, 100, 1'000};

std::map<std::string, std::unique_ptr<Grown>> all_grown;

Grown& grown(const Size& size) {
  auto& one = all_grown[size.label];
  // A quick run only sees that it works.
  if (!one) one = std::make_unique<Grown>(options().quick ? std::min<std::uint64_t>(size.bytes, 4 << 20) : size.bytes);
  return *one;
}

Grown& grown_durable(const Size& size) {
  auto& one = all_grown["durable " + size.label];
  if (!one)
    one = std::make_unique<Grown>(options().quick ? std::min<std::uint64_t>(size.bytes, 4 << 20) : size.bytes,
                                  Synced::yes);
  return *one;
}

Grown& grown_sparse(std::uint64_t segments) {
  auto& one = all_grown["sparse " + std::to_string(segments)];
  if (!one)
    one = std::make_unique<Grown>(Grown::Sparse{options().quick ? std::min<std::uint64_t>(segments, 8) : segments});
  return *one;
}

void append(benchmark::State& state, Grown& there) {
  const auto open = there.open();
  const tidings::EnvelopeView view{.id = "12345678", .type = "t", .payload = "payload"};
  const auto* const one = &view;
  std::uint64_t failed = 0;
  for (auto _ : state) failed += open.partition->append({&one, 1}, patience) ? 0 : 1;
  expect(state, failed, 0, "appends failed");
  state.counters["RssAnon"] = anonymous_bytes();
}

void fetch(benchmark::State& state, Grown& there) {
  const auto open = there.open();
  there.seek_everywhere(*open.partition);
  Random random(options().seed);
  std::uint64_t wrong = 0;
  for (auto _ : state) {
    const auto offset = random.between(0, there.records - 1);
    log::Cursor cursor(*open.partition);
    cursor.seek(offset);
    const auto item = cursor.next(there.records);
    wrong += item && *item && (*item)->offset == offset ? 0 : 1;
  }
  expect(state, wrong, 0, "wrong events");
}

void fetch_by_time(benchmark::State& state, Grown& there) {
  const auto open = there.open();
  there.seek_everywhere(*open.partition);
  Random random(options().seed);
  std::uint64_t wrong = 0;
  const auto span = static_cast<std::uint64_t>((there.last - there.first).count());
  for (auto _ : state) {
    const auto offset =
        open.partition->first_at(there.first + tidings::Duration{static_cast<std::int64_t>(random.between(0, span))});
    wrong += offset && *offset < there.records ? 0 : 1;
  }
  expect(state, wrong, 0, "wrong offsets");
}

void open_clean(benchmark::State& state, Grown& there) {
  for (auto _ : state) expect(state, there.open().partition->committed() >= there.records, 1, "is open");
}

/// As after a reboot: `control` is gone.
void recover(benchmark::State& state, Grown& there) {
  for (auto _ : state) {
    state.PauseTiming();
    std::filesystem::remove(there.scratch.path() + "/records/0/control");
    state.ResumeTiming();
    expect(state, there.open().partition->committed() >= there.records, 1, "is open");
  }
}

/// As by a writer that died within an append: the dirty mark is set. The next append is by a process that wrote before,
/// or by one that has just come.
void repair(benchmark::State& state, Grown& there, bool is_new) {
  auto open = there.open();
  const auto folder = tidings::system_files().open(there.scratch.path() + "/records/0", false).or_throw();
  const auto file = folder->file("control", tidings::Directory::Create::never).or_throw();
  const auto mapping = file->map(log::Control::file_bytes, true).or_throw();
  auto& control = *reinterpret_cast<log::Control*>(mapping.data());
  const tidings::EnvelopeView view{.id = "12345678", .type = "t", .payload = "payload"};
  const auto* const one = &view;
  std::uint64_t failed = open.partition->append({&one, 1}, patience) ? 0 : 1;
  for (auto _ : state) {
    state.PauseTiming();
    if (is_new) open = there.open();
    control.dirty_end.store(control.position.load() + 128);
    state.ResumeTiming();
    failed += open.partition->append({&one, 1}, patience) ? 0 : 1;
  }
  expect(state, failed, 0, "appends failed");
}

/// A clean partition of 1,000 segments, of 64 KiB each so that it is made soon.
void open_segments(benchmark::State& state) {
  static constexpr std::uint64_t segment_bytes = 64 << 10;
  static std::unique_ptr<Scratch> made;
  const bool is_new = !made;
  if (is_new) made = std::make_unique<Scratch>("segments");
  const auto& scratch = *made;
  const auto directory = tidings::system_files().open(scratch.path(), true).or_throw();
  const auto wake_file = directory->file("control", tidings::Directory::Create::if_missing).or_throw();
  wake_file->allocate(log::TopicWake::file_bytes).or_throw();
  const auto open = [&] {
    return log::PartitionLog::open(
               *directory, 0, log::Slots::take(*directory).or_throw(),
               std::make_shared<log::TopicWake>(wake_file->map(log::TopicWake::file_bytes, true).or_throw()),
               {.durable = false, .segment_bytes_first = segment_bytes, .segment_bytes_max = segment_bytes})
        .or_throw();
  };
  const std::string payload(segment_bytes / 2, 'x');
  const auto count = static_cast<std::uint64_t>(often(1'000));
  if (is_new) {
    const auto partition = open();
    const tidings::EnvelopeView view{.id = "1", .type = "t", .payload = payload};
    const auto* const one = &view;
    for (std::uint64_t i = 0; i < count; ++i)
      if (!partition->append({&one, 1}, patience)) return state.SkipWithError("an append failed");
  }
  for (auto _ : state) {
    const auto partition = open();
    expect(state, partition->committed(), count, "is the end");
    expect(state, partition->earliest().or_throw(), 0, "is the beginning");
  }
}

int limited(int count) {
  return options().quick ? std::min(count, 20) : count;
}

/// One record to each topic in turn; what is counted beside it is what making and opening one took.
void append_round_robin(benchmark::State& state, int topics) {
  topics = limited(topics);
  static std::map<int, std::unique_ptr<Scratch>> made;
  auto& scratch = made[topics];
  if (!scratch) {
    scratch = std::make_unique<Scratch>("topics");
    // Each is synced as it is made: that takes milliseconds, and is no part of what is measured.
    static log::FaultyFiles unsynced;
    unsynced.skip_syncs();
    const auto log = log::LogDirectory::open(scratch->path(), {.files = &unsynced}).or_throw();
    for (int i = 0; i < topics; ++i)
      log->create("t" + std::to_string(i), {.partitions = 1, .durability = tidings::Durability::memory})
          .or_throw()
          ->partition(0)
          .or_throw();
  }
  const tidings::EnvelopeView view{.id = "12345678", .type = "t", .payload = "payload"};
  const auto* const one = &view;
  const auto again = log::LogDirectory::open(scratch->path(), {}).or_throw();
  const auto begin = std::chrono::steady_clock::now();
  const auto before = anonymous_bytes();
  const auto descriptors_before = descriptors();
  std::vector<std::shared_ptr<log::TopicLog>> all;
  std::vector<log::PartitionLog*> partitions;
  for (int i = 0; i < topics; ++i) {
    all.push_back(again->find("t" + std::to_string(i)).or_throw());
    partitions.push_back(all.back()->partition(0).or_throw());
    if (!partitions.back()->append({&one, 1}, patience)) return state.SkipWithError("an append failed");
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  state.counters["open"] = took.count() / topics;
  state.counters["RssAnon"] = (anonymous_bytes() - before) / topics;
  state.counters["descriptors"] = (descriptors() - descriptors_before) / topics;
  std::uint64_t failed = 0;
  std::size_t at = 0;
  for (auto _ : state) {
    failed += partitions[at]->append({&one, 1}, patience) ? 0 : 1;
    if (++at == partitions.size()) at = 0;
  }
  expect(state, failed, 0, "appends failed");
  if (options().quick) made.clear();
}

struct Crowd {
  explicit Crowd(int count) {
    for (int i = 0; i < count; ++i)
      consumers.push_back(
          broker->subscribe("records", {.group = "g" + std::to_string(i), .start = tidings::Start::earliest()})
              .or_throw());
  }
  Scratch scratch{"groups"};
  std::unique_ptr<tidings::Broker> broker =
      tidings::open_broker("log:" + scratch.path(), {.topic_defaults = {.durability = tidings::Durability::memory}})
          .or_throw();
  std::vector<std::unique_ptr<tidings::Consumer>> consumers{};
};
std::map<int, std::unique_ptr<Crowd>> all_crowds;

/// In another process: gets a partition, publishes to it, and has the event in hand until it is killed.
int hold(const std::string& folder) {
  const auto broker = tidings::open_broker("log:" + folder).or_throw();
  const auto consumer = broker->subscribe("shared", {.group = "g"}).or_throw();
  while (consumer->assignment().empty()) (void)consumer->fetch(1, 10ms).or_throw();
  const tidings::EnvelopeView view{.id = "12345678", .type = "t", .payload = "payload"};
  broker->publish("shared", {&view, 1}, {.partition = consumer->assignment().front()}).or_throw();
  const auto got = consumer->fetch(1, patience).or_throw();
  std::cout << "ready" << std::endl;
  std::this_thread::sleep_for(patience);
  return got.empty() ? 1 : 0;
}

/// From the kill of a process to its event in this one, nanoseconds, the middle of several.
double take_over(const Crowd& crowd) {
  crowd.broker->create_topic("shared", {.partitions = 2, .durability = tidings::Durability::memory}).or_throw();
  const auto consumer = crowd.broker->subscribe("shared", {.group = "g"}).or_throw();
  std::vector<double> took(static_cast<std::size_t>(options().quick ? 1 : 15));
  for (auto& one : took) {
    // It gives one up when the other comes, and has to be asked for that.
    std::optional<Child> other(std::in_place, std::vector{own_path(), std::string("--hold"), crowd.scratch.path()});
    std::atomic<bool> is_ready = false;
    std::chrono::steady_clock::time_point killed;
    std::jthread killer([&] {
      is_ready = other->line() == "ready";
      std::this_thread::sleep_for(5ms);
      killed = std::chrono::steady_clock::now();
      other.reset();
    });
    const auto got = consumer->fetch(1, patience).or_throw();
    one = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - killed).count();
    killer.join();
    if (got.size() != 1 || !is_ready) throw std::runtime_error("nothing was taken over");
    consumer->settle(std::vector{got.front().id}).or_throw();
  }
  std::ranges::nth_element(took, took.begin() + std::ssize(took) / 2);
  return took[took.size() / 2];
}

/// So many groups at one topic, with a consumer and a thread each, as services have them: fetching and settling one
/// event in one of them, and then what all of them take while nothing comes.
void groups(benchmark::State& state, int count) {
  count = limited(count);
  auto& crowd = all_crowds[count];
  if (!crowd) crowd = std::make_unique<Crowd>(count);
  auto& [scratch, broker, consumers] = *crowd;
  const tidings::EnvelopeView view{.id = "12345678", .type = "t", .payload = "payload"};
  const auto publish = [&] { return broker->publish("records", {&view, 1}).has_value(); };
  const auto handle = [](tidings::Consumer& consumer) {
    const auto got = consumer.fetch(1, patience);
    return got && got->size() == 1 && consumer.settle(std::vector{got->front().id}).has_value();
  };
  std::uint64_t failed = 0;
  for (auto _ : state) failed += publish() && handle(*consumers.front()) ? 0 : 1;
  for (std::size_t i = 1; i < consumers.size(); ++i)
    for (std::int64_t left = state.iterations(); left > 0;) {
      const auto got = consumers[i]->fetch(1'000, patience).or_throw();
      std::vector<tidings::DeliveryId> ids;
      for (const auto& one : got) ids.push_back(one.id);
      failed += consumers[i]->settle(ids) ? 0 : 1;
      left -= static_cast<std::int64_t>(got.size());
    }
  expect(state, failed, 0, "events were not handled");
  std::atomic<bool> stop = false;
  std::vector<std::jthread> threads;
  for (auto& consumer : consumers)
    threads.emplace_back([&stop, &consumer] {
      while (!stop)
        if (!consumer->fetch(1, patience)) return;
    });
  // Until all of them wait, and where they stand is synced, which is no idling.
  std::this_thread::sleep_for(options().quick ? 300ms : 1500ms + count * 10ms);
  const auto before = processor_seconds();
  // Longer than it takes until all of them have looked at their groups, which they do the less often the more there
  // are.
  const auto idle = options().quick ? 50ms : std::max(500ms, count * 4ms);
  std::this_thread::sleep_for(idle);
  state.counters["idle"] = (processor_seconds() - before) / std::chrono::duration<double>(idle).count() * 100;
  state.counters["take over"] = take_over(*crowd);
  stop = true;
  for (auto& consumer : consumers) consumer->wake();
}

template <class... Arguments>
void add(const std::string& name, void (*measure)(benchmark::State&, Arguments...), std::int64_t iterations,
         std::type_identity_t<Arguments>... arguments) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { measure(state, arguments...); })
      ->Iterations(iterations)
      ->UseRealTime();
}

/// `there` is made when the first that needs it runs.
void add_of(const std::string& name, std::function<Grown&()> there,
            std::function<void(benchmark::State&, Grown&)> measure, std::int64_t iterations) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { measure(state, there()); })
      ->Iterations(iterations)
      ->UseRealTime();
}

void add_benchmarks() {
  const auto add_all = [](const std::string& label, const std::function<Grown&()>& there) {
    add_of("append, " + label, there, append, often(2'000));
    add_of("fetch, " + label, there, fetch, often(20'000));
    add_of("by time, " + label, there, fetch_by_time, often(2'000));
    add_of("open, " + label, there, open_clean, often(20));
    add_of("recover, " + label, there, recover, 1);
  };
  for (const auto& size : sizes) {
    const auto there = [size]() -> Grown& { return grown(size); };
    add_all(size.label, there);
    add_of("repair, " + size.label, there, [](auto& state, auto& grown) { repair(state, grown, false); }, often(200));
    add_of("repair anew, " + size.label, there, [](auto& state, auto& grown) { repair(state, grown, true); }, often(5));
  }
  for (const auto& size : durable_sizes)
    add_of("recover durable, " + size.label, [size]() -> Grown& { return grown_durable(size); }, recover, 1);
  for (const auto count : sparse_counts)
    add_all("sparse " + sparse_label(count), [count]() -> Grown& { return grown_sparse(count); });
  add("1000 segments", open_segments, often(20));
  for (const int count : topic_counts)
    add("topics, " + std::to_string(count), append_round_robin, often(20'000), count);
  for (const int count : group_counts) add("groups, " + std::to_string(count), groups, often(200), count);
}

struct Measured {
  std::string what;
  Source source;
  std::size_t least = 0;  ///< which of the values the later ones are held against
};

/// Each size beside a lesser one, of the same run.
template <class Value, class Label>
Table curve(const std::string& title, const std::vector<Value>& values, Label label,
            const std::vector<Measured>& measured, const std::string& note) {
  Table table{.title = title, .rows = {}, .note = note};
  for (const auto& [what, source, least_at] : measured)
    for (const auto& value : values) {
      const Source ours{source.benchmark + label(value), source.counter};
      const Source least{source.benchmark + label(values[least_at]), source.counter};
      Row row{.label = what + ", " + label(value), .ours = ours};
      if (source.counter == "RssAnon") {
        row.unit = Unit::bytes;
      } else if (source.counter == "idle") {
        row.unit = Unit::percent;
        row.goals = {at_most(1)};
      } else if (source.counter == "descriptors") {
        row.unit = Unit::count;
        if (&value == &values.back()) row.goals = {at_most(2)};
      } else if (source.counter == "take over") {
        row.goals = {at_most(50e6)};
      } else if (&value > &values[least_at]) {
        row.goals = {at_most(2, label(values[least_at]), least)};
      }
      table.rows.push_back(std::move(row));
    }
  return table;
}

std::vector<Table> tables() {
  const auto label_of = [](const Size& one) { return one.label; };
  auto size =
      curve("As a log grows, records of 128 bytes, not synced", sizes, label_of,
            {{"append", {"append, "}},
             {"read at a random offset", {"fetch, "}, 1},
             {"look up a random time", {"by time, "}, 1},
             {"open", {"open, "}},
             {"append after a writer died, by one that wrote before", {"repair, "}},
             {"append after a writer died, by a new process", {"repair anew, "}, 1},
             {"recover", {"recover, "}, 2},
             {"RssAnon", {"append, ", "RssAnon"}}},
            "All of it written, none sparse, by appends in batches of 1,000; from the page cache. Each read and "
            "each time looks its place up anew. Of 1 MiB all is in the processor's own cache, of 64 MiB and more "
            "nothing is: what is read at random is held against 64 MiB. Recovery sums up the last three segments, "
            "and a new process where a writer died the last one; they have 64 MiB each in a log of more than 256 "
            "MiB: that bounds both.");
  size.rows.push_back({.label = "open 1,000 segments", .ours = {"1000 segments"}, .goals = {at_most(50e6)}});
  const auto number = [](int count) { return std::to_string(count); };
  return {
      std::move(size),
      curve("As a durable log grows", durable_sizes, label_of, {{"recover", {"recover durable, "}, 1}},
            "The last segment is summed up, which has 64 MiB in a log of more than 64 MiB."),
      curve(
          "Beyond the disk: segments of 64 MiB, sparse", sparse_counts, sparse_label,
          {{"append", {"append, sparse "}},
           {"read at a random offset", {"fetch, sparse "}},
           {"look up a random time", {"by time, sparse "}},
           {"open", {"open, sparse "}},
           {"recover", {"recover, sparse "}},
           {"RssAnon", {"append, sparse ", "RssAnon"}}},
          "Eight events and a seal in each segment, and a hole: what it costs to find the right segment, of 16 and of "
          "1,600. Each was sought once before."),
      curve("As topics are added, a record to each in turn, not synced", topic_counts, number,
            {{"append", {"topics, "}},
             {"open and first append", {"topics, ", "open"}},
             {"descriptors a topic", {"topics, ", "descriptors"}},
             {"RssAnon a topic", {"topics, ", "RssAnon"}}},
            "The first 64 folders that a process has open stay open; of others it keeps the descriptor of the segment "
            "that is written. A topic takes four mappings, of which a process has 65,530 unless told otherwise "
            "(vm.max_map_count): that bounds the topics of one process."),
      curve("As groups are added to one topic", group_counts, number,
            {{"publish, fetch and settle in one", {"groups, "}},
             {"processor, all idle", {"groups, ", "idle"}},
             {"a killed process's event", {"groups, ", "take over"}}},
            "A consumer and a thread a group; the others stand by. Of a core, while nothing is "
            "published. From the SIGKILL of a process that held a partition, and an event of it in hand, until that "
            "is in the hands of a member in this one; the middle of 15.")};
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--hold") return bench::hold(argv[2]);
  const auto status =
      bench::run(argc, argv, {.name = "curves", .add_benchmarks = bench::add_benchmarks, .tables = bench::tables()});
  bench::all_grown.clear();
  bench::all_crowds.clear();
  return status;
}
