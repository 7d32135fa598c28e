#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"

namespace {

using namespace tidings::cli;

/// The nearest thing that the user may have meant, as a sentence, or nothing.
std::string did_you_mean(const CLI::App& app, std::string_view word) {
  std::vector<std::string> known;
  for (const auto* const command : app.get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(command->get_name());
  for (const auto* const option : app.get_options())
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  const auto near = tidings::nearest(word.substr(0, word.find('=')), known);
  return near.empty() ? "" : "; did you mean '" + std::string(near) + "'?";
}

int wrong(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& at = chosen.empty() ? app : *chosen.front();
  std::string line = error.what();
  if (const auto rest = chosen.empty() ? app.remaining() : at.remaining(); !rest.empty())
    line = "'" + rest.front() + "' is no " +
           (rest.front().starts_with('-') ? "option"
            : chosen.empty()              ? "command"
                                          : "argument") +
           " here" + did_you_mean(at, rest.front());
  complain(line);
  complain("see: tidings " + (chosen.empty() ? "" : at.get_name() + " ") + "--help");
  return wrong_usage;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Events between services: publish them, follow them, see who is where.", "tidings");
  app.set_version_flag("--version", std::string(TIDINGS_VERSION));
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of all commands");
  app.footer("Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.");

  Common common;
  const auto shared = [&](CLI::App* command) {
    command->add_option("--broker", common.broker, "Broker URL, such as log:./data")
        ->envname("TIDINGS_BROKER")
        ->capture_default_str();
    command->add_option("--namespace", common.name_space, "Stands before topics and groups")
        ->envname("TIDINGS_NAMESPACE");
  };
  const auto json = [&](CLI::App* command) { command->add_flag("--json", common.json, "One JSON document a line"); };

  PublishArguments publishing;
  auto* const publish_command = app.add_subcommand("publish", "Publish lines of JSON, each an event's data");
  publish_command->add_option("topic", publishing.topic, "The topic")->required();
  publish_command->add_option("--file", publishing.file, "Where the lines come from; - is standard input")
      ->capture_default_str();
  publish_command->add_option("--type", publishing.type, "The events' type; the topic's name if not given");
  publish_command->add_option("--source", publishing.source, "Who publishes")->capture_default_str();
  auto* const key = publish_command->add_option("--key", publishing.key, "The key of all of them");
  publish_command
      ->add_option("--key-field", publishing.key_field, "The member (text or integer) that is the key of each")
      ->excludes(key);
  publish_command->add_option("--header", publishing.headers, "NAME=VALUE, on all of them; may be repeated")
      ->expected(1)
      ->take_all();
  publish_command->add_flag("--acks", publishing.acks, "Print 'ID PARTITION OFFSET' for each once it is acknowledged");
  publish_command->add_option("--durability", publishing.durability,
                              "memory, interval or durable, of a topic that this creates");
  publish_command->add_option("--partitions", publishing.partitions, "Of a topic that this creates")
      ->check(CLI::Range(1, 1024));
  publish_command->footer(
      "Blank lines are passed over. A line that fails is told on standard error, the others are published, and the "
      "status is 1.\n\n"
      "  echo '{\"order_id\":\"7\"}' | tidings publish orders --key-field order_id --acks");
  shared(publish_command);

  TailArguments tailing;
  auto* const tail_command = app.add_subcommand("tail", "Print a topic's events, and go on as they come");
  tail_command->add_option("topic", tailing.topic, "The topic")->required();
  tail_command->add_option("--group", tailing.group,
                           "Go on where this group stands, and move it once they are printed");
  tail_command->add_option("--from", tailing.from,
                           "earliest, latest, an offset or an RFC 3339 time, where there is no position yet");
  tail_command->add_option("--count", tailing.count, "End after so many");
  tail_command->add_flag("--no-follow{false}", tailing.follow, "End at the end as it stood at the start");
  tail_command->footer(
      "Without a group it begins at the latest event, with a new group at the earliest.\n\n"
      "  tidings tail orders --from earliest --no-follow --json");
  shared(tail_command);
  json(tail_command);

  ListArguments listing;
  const auto list_command = [&](const char* name, const char* help) {
    auto* const command = app.add_subcommand(name, help);
    command->add_option("topic", listing.topic, "Only this topic");
    shared(command);
    json(command);
    return command;
  };
  auto* const topics_command = list_command("topics", "What topics there are");
  auto* const groups_command = list_command("groups", "Where each group stands, by partition");
  auto* const lag_command = list_command("lag", "How far each group is behind");

  DemoArguments showing;
  auto* const demo_command = app.add_subcommand("demo", "The shop: four services, one is killed and catches up");
  demo_command->add_option("--orders", showing.orders, "Real orders, a CSV file, instead of made-up ones");
  demo_command->add_option("--rate", showing.rate, "Orders a second, 0 for no limit (100; with --orders no limit)")
      ->check(CLI::NonNegativeNumber);
  demo_command->add_option("--count", showing.count, "How many orders to make up")
      ->capture_default_str()
      ->check(CLI::Range(1U, 10'000'000U));
  demo_command->add_option("--repeat", showing.repeat, "Feed them so often, under new numbers")
      ->capture_default_str()
      ->check(CLI::Range(1U, 100'000U));
  demo_command->add_option("--seed", showing.seed, "Of the made-up orders")->capture_default_str();
  demo_command->add_option("--stock", showing.stock, "Items of each product at the start (unlimited)");
  demo_command->add_option("--kill", showing.kill, "The service to kill midway, or none")
      ->capture_default_str()
      ->check(CLI::IsMember({"orders", "inventory", "notifications", "analytics", "none"}));
  demo_command->add_option("--broker", showing.broker, "Broker URL; a log in a fresh directory if not given");
  demo_command->add_option("--keep", showing.keep, "Keep everything in this directory, which must be new or empty");
  demo_command->add_flag("--check", showing.check,
                         "Compare every result with one computed from the input; 1 if any differs");
  demo_command->add_flag("--json", showing.json, "The summary as one JSON document");

  app.failure_message([](const CLI::App*, const CLI::Error&) { return std::string(); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return wrong(app, error);
  }
  if (publish_command->parsed()) return publish(common, publishing);
  if (tail_command->parsed()) return tail(common, tailing);
  if (topics_command->parsed()) return topics(common, listing);
  if (groups_command->parsed()) return groups(common, listing);
  if (lag_command->parsed()) return lag(common, listing);
  return demo(showing);
}
