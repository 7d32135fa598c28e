#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "table.hpp"

// What every benchmark program is made of: Google Benchmark takes the times, tables say what they mean.
namespace bench {

/// A program: registers its benchmarks, and says what they are read as.
struct Program {
  std::string name;  ///< of `script/bench NAME`
  std::function<void()> add_benchmarks;
  std::vector<Table> tables;
};

struct Options {
  bool quick = false;  ///< that everything runs, in seconds; its figures say nothing
  int repetitions = 9;
  std::uint64_t seed = 1;         ///< of generated data
  std::filesystem::path scratch;  ///< folder for what is written; on the disk that is measured
  std::string markdown;           ///< page whose section is replaced; empty: none
};
[[nodiscard]] const Options& options();

/// `count`, or in a quick run much less of it.
[[nodiscard]] std::int64_t often(std::int64_t count);

/// Runs the benchmarks in random order, prints the tables. A thread is alive all the while: a process that never had
/// one runs its locks up to three times faster, and no service is such a process. The exit status: 1 where a benchmark
/// failed, or measured something that did not do its work.
int run(int argc, char** argv, const Program& program);

/// Fails the benchmark, and with it the run, unless the work was done.
void expect(benchmark::State& state, std::uint64_t got, std::uint64_t wanted, std::string_view what);

/// A fresh folder that goes with it.
class Scratch {
 public:
  explicit Scratch(std::string_view name);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace bench
