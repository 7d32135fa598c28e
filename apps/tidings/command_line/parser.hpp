#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "commands.hpp"

// CLI11 is known in this folder alone: its headers cost seconds a unit.
namespace tidings::cli {

/// The command line: what there is to be said, and what was said.
struct Parser {
  CLI::App app{"Events between services: publish them, follow them, see who is where.", "tidings"};
  Common common;
  PublishArguments publishing;
  TailArguments tailing;
  ListArguments listing;
  TopicArguments changing;
  SeekArguments seeking;
  GroupArguments deleting;
  DeadLetterArguments driving;
  OutboxArguments outbox;
  SagaArguments sagas;
  ProjectionArguments projections;
  TraceArguments tracing;
  PauseArguments pausing;
  DashboardArguments watching;
  TopArguments topping;
  WhyArguments asking;
  VerifyArguments verifying;
  InspectArguments inspecting;
  BridgeArguments bridging;
  DescribeArguments describing;
  CheckArguments checking;
  DemoArguments showing;
  ScaffoldArguments scaffolding;

  Parser();
  /// Does what was said; the exit status.
  int run();

 private:
  CLI::App* command(const char* name, const std::string& help);
  void shared(CLI::App* at);
  /// Options of what shows events.
  void shows_events(CLI::App* at);
  void add_publish();
  void add_tail();
  void add_lists();
  void add_changes();
  void add_dead_letters();
  void add_outbox();
  void add_sagas();
  void add_projections();
  void add_trace();
  int run_sagas();
  void add_pauses();
  void add_dashboard();
  void add_folders();
  void add_bridge();
  void add_describe();
  void add_check();
  void add_demo();
  void add_scaffold();
  int run_outbox();
};

/// The names of the commands below this one.
[[nodiscard]] std::vector<std::string> commands_of(const CLI::App& at);
/// What was wrong with the line, on standard error, and what may have been meant; the exit status.
[[nodiscard]] int wrong(const CLI::App& app, const CLI::ParseError& error);

inline constexpr auto offset_max = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
/// A whole number within bounds: CLI11 itself takes -1 for a very large one, and names no bounds.
[[nodiscard]] CLI::Validator whole(std::uint64_t least, std::uint64_t most);
/// `--partitions N` of a topic that a command makes.
template <class Number>
void add_partitions(CLI::App& at, Number& into, const char* help) {
  at.add_option("--partitions", into, help)->type_name("N")->check(whole(1, 1024));
}

}  // namespace tidings::cli
