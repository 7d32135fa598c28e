#include <algorithm>
#include <filesystem>
#include <optional>

#include "commands.hpp"
#include "describe/declared.hpp"
#include "describe/flow.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "program_output.hpp"
#include "project_file.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"
#include "tidings/saga/description.hpp"
#include "tidings/service/description.hpp"

namespace tidings::cli {

namespace {

/// The last line that it prints: what stands before is the program's own.
std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text.substr(text.rfind('\n') + 1);
}

Result<Described> ask(const std::string& program, Duration deadline) {
  auto said = program_output(program, {"--describe"}, deadline);
  if (!said) return said.error();
  return read_description(last_line(*said), program + " --describe");
}

/// What was saved, as `PROGRAM --describe >DIR/NAME.json`, by the files' names.
Result<std::vector<Described>> saved_in(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (auto at = std::filesystem::directory_iterator(folder, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error))
    if (at->path().extension() == ".json") files.push_back(at->path());
  if (error) return Error{"io_error", "cannot read the folder " + folder + ": " + error.message()};
  if (files.empty())
    return Error{"no_description",
                 "there is no description in " + folder + "; save one: PROGRAM --describe >" + folder + "/NAME.json"};
  std::ranges::sort(files);
  std::vector<Described> all;
  for (const auto& file : files) {
    const auto text = read_project_file(file.string());
    if (!text) return text.error();
    auto told = read_description(*text, file.string());
    if (!told) return told.error();
    all.push_back(std::move(*told));
  }
  return all;
}

/// Topics and groups, whatever namespace they are of. What is damaged is told, and hides nothing else.
Result<BrokerFacts> ask_broker(const std::string& url) {
  auto broker = open({.broker = url, .name_space = {}}, false);
  if (!broker) return broker.error();
  BrokerFacts facts{.url = redacted(url), .topics = {}, .groups = {}};
  auto topics = (*broker)->topics();
  if (!topics) return topics.error();
  facts.topics = std::move(*topics);
  for (const auto& topic : facts.topics) {
    if (topic.error) {
      complain(*topic.error);
      continue;
    }
    auto groups = (*broker)->groups(topic.name);
    if (!groups) return groups.error();
    for (auto& one : *groups) {
      if (one.error) complain(*one.error);
      facts.groups.push_back(std::move(one));
    }
  }
  return facts;
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

/// What each service does by itself.
int show_each(const Common& common, const DescribeArguments& arguments, const std::vector<Described>& services) {
  std::string out;
  bool found = arguments.handler.empty();
  for (const auto& one : services) {
    const auto& handlers = one.told.handlers;
    found =
        found || std::ranges::find(handlers, arguments.handler, &ServiceDescription::Handler::name) != handlers.end();
    if (arguments.as == DescribeArguments::As::sagas)
      for (const auto& saga : one.told.sagas) out += (out.empty() ? "" : "\n") + saga::to_mermaid(saga);
    else if (common.json)
      out += harmless_json(one.line) + "\n";
    else
      out += (out.empty() ? "" : "\n") + text_of(one.told, arguments.handler);
  }
  if (!found) return fail(Error{"unknown_handler", "there is no handler '" + printable(arguments.handler) + "' there"});
  return print(out);
}

/// A program finds its settings in the folder where it is run, as `SERVICE.toml`. Where it found none it told of its
/// defaults, which may well keep what the real ones do not.
Result<> have_settings(const std::vector<std::string>& services, const std::string& guarantees) {
  const auto beside = std::filesystem::path(guarantees).parent_path();
  std::error_code error;
  for (const auto& name : services) {
    const auto file = name + ".toml";
    if (std::filesystem::exists(file, error)) continue;
    if (!beside.empty() && std::filesystem::exists(beside / file, error))
      return Error{"other_settings", printable(name) + " was run in this folder, where it finds no settings, and " +
                                         printable(file) + " stands in " + printable(beside.string()) +
                                         "; run tidings there, or save there what it says, and name it with --dir"};
    complain("note: " + printable(name) + " found no " + printable(file) +
             " in this folder: what is verified is what its defaults and the environment make of it");
  }
  return {};
}

int verify(const Flow& flow, const std::string& file) {
  const auto text = read_project_file(file);
  if (!text)
    return fail(
        Error{"no_guarantees",
              text.error().message + "; [guarantees] should stand there, or name another with --guarantees FILE"});
  auto declared = read_declared(*text, file);
  if (!declared) return fail(declared.error());
  if (declared->empty())
    return fail(Error{"no_guarantees",
                      file + " declares none; write [guarantees] and a line \"TOPIC -> GROUP\" = {loss = \"none\"}"});
  const auto weaker = weaker_than_declared(flow, *declared, file);
  std::string out;
  for (const auto& one : weaker) out += one;
  if (weaker.empty())
    return print(std::to_string(declared->size()) + (declared->size() == 1 ? " way is" : " ways are") +
                 " as declared\n");
  const auto printed = print(out);
  return printed == done ? failed : printed;
}

Result<std::string> shown(const Flow& flow, const Common& common, const DescribeArguments& arguments) {
  using As = DescribeArguments::As;
  if (!arguments.explained.empty()) return explain(flow, arguments.explained);
  if (!arguments.schema.empty()) {
    auto schema = schema_of(flow, arguments.schema);
    return schema ? Result<std::string>(harmless_json(*schema)) : schema;
  }
  switch (arguments.as) {
    case As::asyncapi:
      return harmless_json(to_asyncapi(flow));
    case As::mermaid:
      return to_mermaid(flow);
    case As::dot:
      return to_dot(flow);
    default:
      return common.json ? harmless_json(to_json(flow)) : to_text(flow);
  }
}

Result<std::vector<Described>> collect(const DescribeArguments& arguments, Duration deadline) {
  std::vector<Described> services;
  for (const auto& program : arguments.programs) {
    auto told = ask(program, deadline);
    if (!told) return told.error();
    services.push_back(std::move(*told));
  }
  if (!arguments.folder.empty()) {
    auto saved = saved_in(arguments.folder);
    if (!saved) return saved.error();
    std::ranges::move(*saved, std::back_inserter(services));
  }
  return services;
}

}  // namespace

int describe(const Common& common, const DescribeArguments& arguments) {
  using As = DescribeArguments::As;
  const auto deadline = parse_duration(arguments.deadline);
  if (!deadline) return fail(deadline.error());
  if (arguments.verifies && common.json) {
    complain("--verify says in words what is not as declared, and by its exit status; leave --json out");
    return wrong_usage;
  }
  catch_signals();
  auto services = collect(arguments, *deadline);
  if (caught_signal() != 0) return status_after_signals(failed);
  if (!services) return fail(services.error());
  if (arguments.as == As::steps || arguments.as == As::sagas) return show_each(common, arguments, *services);
  std::optional<BrokerFacts> broker;
  if (!arguments.broker.empty()) {
    auto asked = ask_broker(arguments.broker);
    if (!asked) return fail(asked.error());
    broker = std::move(*asked);
  }
  const auto guarantees = arguments.guarantees.empty() ? std::string("tidings.toml") : arguments.guarantees;
  std::vector<std::string> ran;  // those of --dir were run where their settings are
  for (std::size_t i = 0; i < std::min(arguments.programs.size(), services->size()); ++i)
    ran.push_back((*services)[i].told.service);
  const auto flow = make_flow(std::move(*services), broker ? &*broker : nullptr);
  if (!flow) return fail(flow.error());
  if (arguments.verifies) {
    if (auto found = have_settings(ran, guarantees); !found) return fail(found.error());
    return verify(*flow, guarantees);
  }
  const auto out = shown(*flow, common, arguments);
  return out ? print(*out) : fail(out.error());
}

}  // namespace tidings::cli
