#include "bench.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace bench {
namespace {

/// Runs a program of one benchmark, whose figure is row's; its exit status.
int run_with(void (*benchmark_function)(benchmark::State&), std::vector<std::string> arguments, const Source& row) {
  benchmark::ClearRegisteredBenchmarks();
  const Program program{
      .name = "small",
      .add_benchmarks = [&] { benchmark::RegisterBenchmark("work", benchmark_function)->Iterations(5); },
      .tables = {{.title = "Small", .rows = {{.label = "work", .ours = row, .unit = Unit::count}}}}};
  arguments.insert(arguments.begin(), "small_bench");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  return run(static_cast<int>(argv.size()), argv.data(), program);
}

void work(benchmark::State& state) {
  std::uint64_t done = 0;
  for (auto _ : state) ++done;
  expect(state, done, 5, "pieces of work were done");
  state.counters["answer"] = 42;
}

void idle(benchmark::State& state) {
  std::uint64_t done = 0;
  for (auto _ : state) benchmark::DoNotOptimize(done);
  expect(state, done, 5, "pieces of work were done");
}

TEST(Bench, ARunFailsWhereTheWorkWasNotDoneOrAFigureIsMissing) {
  EXPECT_EQ(run_with(work, {"--quick"}, {"work", "answer"}), 0);
  EXPECT_EQ(run_with(idle, {"--quick"}, {"work"}), 1);
  EXPECT_EQ(run_with(work, {"--quick"}, {"work", "question"}), 1);
  EXPECT_EQ(run_with(work, {"--quick"}, {}), 0);  // not there yet
  EXPECT_EQ(run_with(work, {"--slow"}, {"work"}), 2);
}

TEST(Bench, FiguresReachThePage) {
  const auto page = ::testing::TempDir() + "bench_test_page.md";
  std::ofstream(page) << "# Kept\n";
  const auto text = [&] {
    std::stringstream all;
    all << std::ifstream(page).rdbuf();
    return all.str();
  };
  EXPECT_EQ(run_with(work, {"--quick", "--markdown", page}, {"work", "answer"}), 0);
  EXPECT_EQ(text(), "# Kept\n");  // a quick run has nothing to say
  EXPECT_EQ(run_with(work, {"--markdown", page}, {"work", "answer"}), 0);
  EXPECT_TRUE(text().starts_with("# Kept\n\n<!-- bench: small -->\n`script/bench small` on 20")) << text();
  EXPECT_NE(text().find("medians of 9 repetitions"), std::string::npos);
  EXPECT_NE(text().find("| work | 42.0 | ±0 % | – | |\n<!-- end of bench: small -->\n"), std::string::npos) << text();
  std::filesystem::remove(page);
}

TEST(Bench, AScratchFolderGoesWithIt) {
  std::string path;
  {
    const Scratch scratch("small");
    path = scratch.path();
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace bench
