#include <algorithm>

#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "program_output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/saga/description.hpp"
#include "tidings/service/description.hpp"

namespace tidings::cli {

namespace {

/// The last line that it prints: what stands before is the program's own.
std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text.substr(text.rfind('\n') + 1);
}

Result<std::pair<ServiceDescription, std::string>> ask(const std::string& program, Duration deadline) {
  // As a file of this folder, where it is one: a service is seldom on $PATH.
  auto said = program_output(program, {"--describe"}, deadline);
  if (!said) return said.error();
  const auto line = last_line(*said);
  auto told = JsonCodec::decode<ServiceDescription>(line);
  if (!told || told->service.empty())
    return Error{"no_description", program + " --describe tells nothing of a service" +
                                       (told ? "" : ": " + told.error().message) +
                                       "; it must be a program that makes its Service with from_args, and runs it"};
  if (told->version != 1)
    return Error{"newer_version", program + " describes itself in version " + std::to_string(told->version) +
                                      ", which this tidings does not know; take the one that it was built with"};
  return std::pair{std::move(*told), std::string(line)};
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all.append(all.empty() ? "" : ", ").append(word);
  return all;
}

/// Numbered where they come one after another.
std::string text_of(const std::vector<ServiceDescription::Step>& steps, std::size_t width, bool numbered) {
  std::string out;
  std::size_t number = 0;
  for (const auto& step : steps) {
    const auto place = numbered ? std::to_string(++number) : std::string();
    const auto name = printable(step.name);
    out += std::string(4 - std::min<std::size_t>(place.size(), 4), ' ') + place + "  " + name +
           std::string(width - std::min(name.size(), width) + 2, ' ') + printable(step.does) + "\n";
  }
  return out;
}

std::string text_of(const ServiceDescription& told, const std::string& only_handler) {
  std::string out = "service " + printable(told.service);
  if (!told.broker.empty()) out += " over " + printable(told.broker);
  if (!told.store.empty()) out += ", store " + printable(told.store);
  if (!told.name_space.empty()) out += " in namespace " + printable(told.name_space);
  out += "\n";
  for (const auto& handler : told.handlers) {
    if (!only_handler.empty() && handler.name != only_handler) continue;
    out += "\nhandler " + printable(handler.name) + ", group " + printable(handler.group) + ", of " +
           printable(joined(handler.topics)) + ", a new group starts at " + printable(handler.start) + "\n";
    std::size_t width = 0;
    for (const auto* steps : {&handler.steps, &handler.on_failure})
      for (const auto& step : *steps) width = std::max(width, step.name.size());
    out += "  each attempt, in this order:\n" + text_of(handler.steps, width, true);
    out += "  when one fails:\n" + text_of(handler.on_failure, width, false);
  }
  if (only_handler.empty() && !told.sagas.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : told.sagas) {
      std::string steps;
      for (const auto& step : one.steps) steps += (steps.empty() ? "" : ", ") + step.name;
      rows.push_back({printable(one.name), std::to_string(one.version), printable(steps)});
    }
    out += "\n" + table({"saga", ">version", "steps"}, rows);
  }
  if (only_handler.empty() && !told.projections.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : told.projections)
      rows.push_back(
          {printable(one.name), std::to_string(one.version), printable(one.topic), printable(joined(one.tables))});
    out += "\n" + table({"projection", ">version", "topic", "tables"}, rows);
  }
  if (only_handler.empty() && !told.publishes.empty()) {
    out += "\npublishes, as far as is known:\n";
    for (const auto& one : told.publishes) out += "  " + printable(one.type) + " to " + printable(one.topic) + "\n";
  }
  if (only_handler.empty() && !told.schedules.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : told.schedules) rows.push_back({printable(one.name), printable(one.recurrence)});
    out += "\n" + table({"schedule", "comes"}, rows);
  }
  return out;
}

}  // namespace

int describe(const Common& common, const DescribeArguments& arguments) {
  const auto deadline = parse_duration(arguments.deadline);
  if (!deadline) return fail(deadline.error());
  catch_signals();
  std::string out;
  bool found = arguments.handler.empty();
  for (const auto& program : arguments.programs) {
    const auto told = ask(program, *deadline);
    if (caught_signal() != 0) return status_after_signals(failed);
    if (!told) return fail(told.error());
    const auto& handlers = told->first.handlers;
    found =
        found || std::ranges::find(handlers, arguments.handler, &ServiceDescription::Handler::name) != handlers.end();
    if (arguments.diagram)
      for (const auto& one : told->first.sagas) out += (out.empty() ? "" : "\n") + saga::to_mermaid(one);
    else if (common.json)
      out += harmless_json(told->second) + "\n";
    else
      out += (out.empty() ? "" : "\n") + text_of(told->first, arguments.handler);
  }
  if (!found) return fail(Error{"unknown_handler", "there is no handler '" + printable(arguments.handler) + "' there"});
  return print(out);
}

}  // namespace tidings::cli
