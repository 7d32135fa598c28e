#include "command_line/parser.hpp"

// Commands about services, and what they left.
namespace tidings::cli {

void Parser::add_dead_letters() {
  auto* const at = command("dead-letters", "What handlers could not handle: list, show, redrive, drop");
  at->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, bool one_group) {
    auto* const one = at->add_subcommand(name, help);
    one->set_help_flag("-h,--help", "Print this help");
    auto* const group =
        one->add_option("--group", driving.group, one_group ? "Whose" : "Only those of this group")->type_name("NAME");
    if (one_group) group->required();
    one->add_option("--key", driving.key, "Only those of this key")->type_name("KEY");
    one->add_option("--reason", driving.code, "Only those parked for this, as 'list' names it")->type_name("CODE");
    one->add_option("--older-than", driving.older_than, "Only those parked longer ago than this, or before this time")
        ->type_name("TIME");
    one->add_option("--newer-than", driving.newer_than, "Only those parked since")->type_name("TIME");
    shared(one);
    return one;
  };
  const auto changes = [&](CLI::App* one) {
    one->add_flag("--dry-run", driving.dry_run, "Only tell what would be done");
    one->add_option("--deadline", driving.deadline, "How long to wait for a service to begin, and to get on (30s)")
        ->type_name("TIME");
    one->add_flag_callback("--no-wait", [this] { driving.wait = false; }, "Only until a service has begun");
  };
  constexpr auto meant =
      "A key's events belong together: the first of them, which is why it was parked, is looked at by the options.\n"
      "TIME: 30min, 2h, 7d, or 2026-01-31T12:00:00Z.\n\n";
  add("list", "What is parked, key by key", false)
      ->footer(std::string(meant) +
               "Examples:\n"
               "  tidings dead-letters list\n"
               "  tidings dead-letters list --group inventory.reserve-stock --newer-than 1h --json");
  auto* const show = add("show", "Each parked event as it is", false);
  show->add_option("ID", driving.id, "Only the event with this id")->type_name("");
  shows_events(show);
  show->footer(std::string(meant) +
               "Examples:\n"
               "  tidings dead-letters show 01a216dc-7e46-7019-891e-20c5b4a68351\n"
               "  tidings dead-letters show --group inventory.reserve-stock --key 17 --json | jq .data");
  auto* const again = add("redrive", "Have them handled again, each key in its order", true);
  changes(again);
  again->footer(std::string(meant) +
                "The group's own service does it, no other group gets anything, and what comes meanwhile follows "
                "behind.\n"
                "Where none runs it is done when one starts. One that fails again stays parked, with what is behind "
                "it.\n\n"
                "Examples:\n"
                "  tidings dead-letters redrive --group inventory.reserve-stock --dry-run\n"
                "  tidings dead-letters redrive --group inventory.reserve-stock --reason timeout");
  auto* const gone = add("drop", "Give them up for good; their keys go on", true);
  changes(gone);
  gone->add_flag("--first", driving.only_first, "Only the first event of each key; what is behind it is redriven");
  gone->add_flag("--all", driving.all, "All of the group's, where no other option says which");
  gone->footer(std::string(meant) +
               "Examples:\n"
               "  tidings dead-letters drop --group inventory.reserve-stock --key 17 --first\n"
               "  tidings dead-letters drop --group inventory.reserve-stock --older-than 30d");
}

void Parser::add_pauses() {
  const auto add = [&](const char* name, const char* help) {
    auto* const at = command(name, help);
    at->add_option("--deadline", pausing.deadline, "How long to wait for every process to answer (10s)")
        ->type_name("TIME");
    shared(at);
    return at;
  };
  auto* const stop = add("pause", "Have handlers of a service that runs begin nothing more");
  auto* const target =
      stop->add_option("TARGET", pausing.target, "SERVICE, SERVICE/HANDLER or a group (SERVICE.HANDLER)")
          ->type_name("");
  auto* const list = stop->add_flag_callback("--list", [] {}, "What is paused");
  target->excludes(list);
  stop->footer(
      "All processes of the service obey, within some two seconds, and each says what it holds. What runs goes on "
      "to\n"
      "its end; what was fetched waits, in order. It stands until it is taken back: who starts later begins "
      "paused.\n\n"
      "Examples:\n"
      "  tidings pause billing\n"
      "  tidings pause billing/send-invoices\n"
      "  tidings pause --list");
  auto* const on = add("resume", "Have them go on");
  on->add_option("TARGET", pausing.target, "As for pause")->required()->type_name("");
  on->footer(
      "Of a service that is paused as a whole one handler may be resumed. What a program pauses itself only that\n"
      "program resumes.\n\n"
      "Example:\n"
      "  tidings resume billing");
}

void Parser::add_describe() {
  using As = DescribeArguments::As;
  auto* const at = command("describe", "How events flow between services, and what is promised of each way");
  at->add_option("PROGRAM", describing.programs, "Programs of services; each is run with --describe")->type_name("");
  at->add_option("--dir", describing.folder, "Folder of descriptions that were saved, NAME.json")->type_name("DIR");
  at->add_option("--broker", describing.broker, "Also what this broker has: partitions, durability, groups, lag")
      ->type_name("URL");
  const auto form = [&](const char* flag, As as, const char* help) {
    at->add_flag_callback(flag, [this, as] { describing.as = as; }, help);
  };
  at->add_option("--explain", describing.explained,
                 "All of one event: who publishes it, where it goes, what is done with it")
      ->type_name("EVENT");
  at->add_flag("--verify", describing.verifies, "Whether each way is what [guarantees] declares; else exit 1");
  form("--asyncapi", As::asyncapi, "An AsyncAPI 3.0 document");
  form("--mermaid", As::mermaid, "A flowchart of Mermaid's");
  form("--dot", As::dot, "A graph for Graphviz");
  at->add_option("--schema", describing.schema, "The JSON Schema of one event, or of all")->type_name("EVENT|all");
  form("--steps", As::steps, "What each service does with an event, in which order");
  form("--diagram", As::sagas, "Their sagas, as diagrams of Mermaid's");
  at->add_option("--guarantees", describing.guarantees, "Where --verify finds them (tidings.toml)")->type_name("FILE");
  at->add_option("--handler", describing.handler, "The steps of this handler alone")->type_name("NAME");
  at->add_option("--deadline", describing.deadline, "How long each may take, before it is killed (30s)")
      ->type_name("TIME");
  at->footer(
      "Settings come from where the programs find them: their files, and the environment. Without --broker no\n"
      "broker is opened. Of --explain, --verify, --asyncapi, --mermaid, --dot, --schema, --steps and --diagram\n"
      "one at a time.\n\n"
      "Examples:\n"
      "  tidings describe build/bin/orders build/bin/inventory\n"
      "  tidings describe build/bin/orders --explain shop.order-placed --broker log:./data\n"
      "  tidings describe build/bin/orders --dot | dot -Tsvg >flow.svg\n"
      "  tidings describe build/bin/inventory --steps --json | jq '.handlers[] | {group, topics}'");
  at->add_flag("--json", common.json, "One JSON document; of --steps one a line, of each program");
}

}  // namespace tidings::cli
