// Compiling: what a service of ten handlers takes, as one unit, with the flags of this build.
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench.hpp"
#include "child.hpp"

namespace bench {
namespace {

/// And handlers. A quick run is not about them.
int events() {
  return options().quick ? 1 : 10;
}

/// Events of eight members, one of them a vector of structs.
std::string structs(bool as_events) {
  std::string text;
  for (int i = 0; i < events(); ++i) {
    const auto n = std::to_string(i);
    text += "struct Line" + n + " { std::string product; std::int64_t quantity = 0; double weight = 0; };\n";
    text += "struct Event" + n + " {\n  std::string id; std::string customer; std::string country;\n";
    text += "  std::vector<Line" + n + "> lines;\n  std::int64_t total = 0; std::uint32_t position = 0;\n";
    text += "  bool urgent = false; double weight = 0;\n";
    if (as_events)
      text += "  static constexpr tidings::traits<Event" + n + "> event{.topic = \"topic-" + n + "\", .key = &Event" +
              n + "::id};\n";
    text += "};\n";
  }
  return text;
}

std::string service() {
  auto text = "#include \"tidings/service/service.hpp\"\nnamespace shop {\n" + structs(true);
  text += "}\nint main(int argc, char** argv) {\n  auto service = tidings::Service::from_args(\"shop\", argc, argv);\n";
  for (int i = 0; i < events(); ++i) {
    const auto n = std::to_string(i);
    const auto next = std::to_string((i + 1) % events());
    text += "  service.on(\"handler-" + n + "\", {}, [](const shop::Event" + n +
            "& event, tidings::Context& context) -> tidings::Result<> {\n    return context.publish(shop::Event" +
            next + "{.id = event.id, .total = event.total + 1});\n  });\n";
  }
  return text + "  return service.run();\n}\n";
}

std::string without_handlers() {
  return "#include \"tidings/service/service.hpp\"\nint main(int argc, char** argv) {\n"
         "  return tidings::Service::from_args(\"shop\", argc, argv).run();\n}\n";
}

std::string nlohmann() {
  auto text = "#include <nlohmann/json.hpp>\nnamespace shop {\n" + structs(false);
  for (int i = 0; i < events(); ++i) {
    const auto n = std::to_string(i);
    text += "NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Line" + n + ", product, quantity, weight)\n";
    text += "NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Event" + n +
            ", id, customer, country, lines, total, position, urgent, weight)\n";
    text += "std::string text_of(const Event" + n + "& event) { return nlohmann::json(event).dump(); }\n";
    text += "Event" + n + " read" + n + "(const std::string& text) { return nlohmann::json::parse(text).get<Event" + n +
            ">(); }\n";
  }
  return text + "}\n";
}

void compile(benchmark::State& state, const std::string& source) {
  const Scratch scratch("compile");
  const auto unit = scratch.path() + "/unit.cpp";
  std::ofstream(unit) << source;
  std::vector<std::string> command{
      TIDINGS_BENCH_COMPILER, "-std=c++23", "-I" TIDINGS_BENCH_INCLUDE, "-c", unit, "-o", scratch.path() + "/unit.o"};
  for (std::istringstream flags(TIDINGS_BENCH_FLAGS); !flags.eof();)
    if (std::string flag; flags >> flag) command.push_back(flag);
  if (options().quick) command.push_back("-O0");
  rusage used{};
  for (auto _ : state) {
    Child compiler(command);
    const auto said = compiler.line();
    expect(state, static_cast<std::uint64_t>(compiler.wait(&used)), 0, "is the compiler's exit status");
  }
  // Of the compiler and what it starts; processor time, since it waits for nobody.
  const auto seconds = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                       static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  state.counters["time"] = seconds * 1e9;
  state.counters["memory"] = static_cast<double>(used.ru_maxrss) * 1024;
  expect(state, std::filesystem::exists(scratch.path() + "/unit.o") ? 1 : 0, 1, "object was made");
}

void add_benchmarks() {
  const auto once = [](const char* name, const std::string& source) {
    benchmark::RegisterBenchmark(name, [source](benchmark::State& state) { compile(state, source); })->Iterations(1);
  };
  once("service", service());
  once("without handlers", without_handlers());
  once("nlohmann", nlohmann());
}

std::vector<Table> tables() {
  const auto row = [](const std::string& label, const std::string& counter, double goal, Unit unit) {
    return Row{.label = label,
               .ours = {"service", counter},
               .peers = {{"without handlers", {"without handlers", counter}},
                         {"nlohmann, codecs alone", {"nlohmann", counter}}},
               .goals = {at_most(goal)},
               .unit = unit};
  };
  return {{.title = "Compiling a service of 10 handlers in one unit",
           .rows = {row("time", "time", 10e9, Unit::time), row("memory", "memory", 1ULL << 30, Unit::bytes)},
           .note = "Processor time and peak memory of the compiler, by `wait4`. Ten events of eight members, each "
                   "handler publishes one. "
                   "Beside it a service without handlers, and only the ten structs' JSON with nlohmann's macros."}};
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  return bench::run(argc, argv,
                    {.name = "compile", .add_benchmarks = bench::add_benchmarks, .tables = bench::tables()});
}
