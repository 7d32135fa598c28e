#include "bench.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <semaphore>
#include <thread>

#include "machine.hpp"
#include "tidings/base/atomic_file.hpp"

namespace bench {
namespace {

Options& changeable_options() {
  static Options all;
  return all;
}

/// Keeps every repetition's figures, and prints none.
class Collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const auto& one : runs) {
      if (one.run_type != Run::RT_Iteration) continue;
      if (one.error_occurred) {
        failures.push_back(one.run_name.function_name + ": " + one.error_message);
        continue;
      }
      // The time that a thread takes for one: on the clock, or on its processor unless the benchmark wants the clock.
      const auto time = one.run_name.time_type.empty() ? one.GetAdjustedCPUTime()
                                                       : one.GetAdjustedRealTime() * static_cast<double>(one.threads);
      repetitions[{one.run_name.function_name}].push_back(time);
      for (const auto& [name, counter] : one.counters)
        repetitions[{one.run_name.function_name, name}].push_back(counter.value);
    }
  }

  [[nodiscard]] Figures figures() const {
    Figures all;
    for (const auto& [source, values] : repetitions) all[source] = figure_of(values);
    return all;
  }

  std::map<Source, std::vector<double>> repetitions;
  std::vector<std::string> failures;
};

bool take_argument(int& at, int argc, char** argv, std::string_view name, std::string& value) {
  if (argv[at] != name || at + 1 >= argc) return false;
  value = argv[++at];
  return true;
}

/// False: not understood. What begins with `--benchmark` is Google Benchmark's.
bool read_arguments(int argc, char** argv, std::vector<char*>& google) {
  auto& all = changeable_options();
  all = {};
  std::string value;
  try {
    for (int at = 1; at < argc; ++at) {
      if (std::strcmp(argv[at], "--quick") == 0) {
        all.quick = true;
        all.repetitions = 1;
      } else if (take_argument(at, argc, argv, "--repetitions", value)) {
        all.repetitions = std::stoi(value);
      } else if (take_argument(at, argc, argv, "--seed", value)) {
        all.seed = std::stoull(value);
      } else if (take_argument(at, argc, argv, "--markdown", value)) {
        all.markdown = value;
      } else if (take_argument(at, argc, argv, "--scratch", value)) {
        all.scratch = value;
      } else if (std::string_view(argv[at]).starts_with("--benchmark")) {
        google.push_back(argv[at]);
      } else {
        return false;
      }
    }
  } catch (const std::exception&) {
    return false;
  }
  return all.repetitions > 0;
}

std::string section(const Program& program, const Figures& figures) {
  auto text = "`script/bench " + program.name + "` on " + today() + ": medians of " +
              std::to_string(options().repetitions) + " repetitions in random order, seed " +
              std::to_string(options().seed) + ".\n" + describe_machine() + ".\n";
  for (const auto& table : program.tables) text += "\n" + to_markdown(table, figures);
  return text;
}

/// A figure that a table asks for and no benchmark gives, or a time of nothing, is a mistake and must not look like a
/// result.
std::vector<std::string> missing_figures(const Program& program, const Figures& figures) {
  std::vector<std::string> missing;
  const auto look = [&](const Source& source, Unit unit) {
    if (source.benchmark.empty()) return;
    const auto found = figures.find(source);
    if (found == figures.end() || ((unit == Unit::time || unit == Unit::rate) && !(found->second.median > 0)))
      missing.push_back(source.benchmark + " " + source.counter);
  };
  for (const auto& table : program.tables)
    for (const auto& row : table.rows) {
      look(row.ours, row.unit);
      for (const auto& [name, source] : row.peers) look(source, row.unit);
      for (const auto& goal : row.goals)
        if (goal.reference) look(*goal.reference, row.unit);
    }
  return missing;
}

int write_markdown(const Program& program, const Figures& figures) {
  auto page = tidings::read_file(options().markdown);
  if (!page && page.error().code != "not_found") {
    std::cerr << to_string(page.error()) << "\n";
    return 1;
  }
  const auto written = tidings::write_file_atomically(
      options().markdown, with_section(page.value_or(""), program.name, section(program, figures)));
  if (!written) std::cerr << to_string(written.error()) << "\n";
  return written ? 0 : 1;
}

}  // namespace

const Options& options() {
  return changeable_options();
}

std::int64_t often(std::int64_t count) {
  return options().quick ? std::max<std::int64_t>(count / 500, 10) : count;
}

void expect(benchmark::State& state, std::uint64_t got, std::uint64_t wanted, std::string_view what) {
  if (got == wanted) return;
  state.SkipWithError((std::to_string(got) + " " + std::string(what) + ", not " + std::to_string(wanted)).c_str());
}

int run(int argc, char** argv, const Program& program) {
  std::vector<char*> google{argv[0]};
  if (!read_arguments(argc, argv, google)) {
    std::cerr << "usage: " << argv[0]
              << " [--quick] [--repetitions N] [--seed N] [--markdown FILE] [--scratch DIR] [--benchmark_…]\n";
    return 2;
  }
  auto& all = changeable_options();
  if (all.scratch.empty())
    all.scratch = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bench-scratch";
  std::vector<std::string> ours{"--benchmark_enable_random_interleaving=true",
                                "--benchmark_repetitions=" + std::to_string(all.repetitions),
                                std::string("--benchmark_min_time=") + (all.quick ? "0.001" : "0.1")};
  for (auto& one : ours) google.insert(google.begin() + 1, one.data());
  int count = static_cast<int>(google.size());
  benchmark::Initialize(&count, google.data());
  if (benchmark::ReportUnrecognizedArguments(count, google.data())) return 2;

  std::binary_semaphore over{0};
  std::jthread company([&] { over.acquire(); });
  program.add_benchmarks();
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  over.release();

  const auto figures = collector.figures();
  if (all.quick) std::cout << "A quick run: the figures say nothing.\n";
  const bool filtered = !benchmark::GetBenchmarkFilter().empty() && benchmark::GetBenchmarkFilter() != ".";
  for (auto table : program.tables) {
    // Of a part only what it measured.
    if (filtered) std::erase_if(table.rows, [&](const Row& row) { return !figures.contains(row.ours); });
    if (!table.rows.empty()) std::cout << to_text(table, figures) << "\n";
  }
  for (const auto& failure : collector.failures) std::cerr << program.name << "_bench: " << failure << "\n";
  if (!filtered && collector.failures.empty())
    for (const auto& missing : missing_figures(program, figures)) {
      std::cerr << program.name << "_bench: no benchmark gives " << missing << "\n";
      collector.failures.push_back(missing);
    }
  if (!collector.failures.empty()) return 1;
  return all.markdown.empty() || all.quick || filtered ? 0 : write_markdown(program, figures);
}

Scratch::Scratch(std::string_view name) {
  std::filesystem::create_directories(options().scratch);
  path_ = (options().scratch / (std::string(name) + "-XXXXXX")).string();
  if (::mkdtemp(path_.data()) == nullptr) {
    std::perror(path_.c_str());
    std::abort();
  }
  // What was written before is not this one's to wait for.
  const int folder = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::syncfs(folder);
    ::close(folder);
  }
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace bench
