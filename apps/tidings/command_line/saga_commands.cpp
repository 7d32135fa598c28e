#include "command_line/parser.hpp"
#include "output.hpp"

// Commands about sagas and projections.
namespace tidings::cli {

void Parser::add_sagas() {
  auto* const at = command("sagas", "Workflows in a store: list, show, resume, compensate, abandon, schema");
  at->require_subcommand(1);
  const auto add = [&](const char* name, const char* help) {
    auto* const one = at->add_subcommand(name, help);
    one->set_help_flag("-h,--help", "Print this help");
    one->add_option("--store", sagas.store, "Database; $TIDINGS_STORE")->type_name("URL");
    one->add_option("--schema", sagas.schema, "Schema of PostgreSQL that has the tables (the connection's first)")
        ->type_name("NAME");
    one->add_option("--prefix", sagas.prefix, "Begins the names of the tables (tidings_)")->type_name("NAME");
    return one;
  };
  const auto of_one = [&](CLI::App* one) {
    one->add_option("SAGA", sagas.type, "The definition's name")->required()->type_name("");
    one->add_option("ID", sagas.id, "Of the instance")->required()->type_name("");
  };
  auto* const schema = add("schema", "The tables: print how they are made, or make them");
  auto* const sql = schema->add_option("--sql", sagas.dialect, "Print the statements: sqlite or postgres");
  sql->type_name("WHAT")->check(CLI::IsMember({"sqlite", "postgres"}));
  schema->add_flag("--apply", sagas.apply, "Make what is missing, and bring older tables to this version")
      ->excludes(sql);
  auto* const list = add("list", "Instances, by saga and id");
  list->add_option("--saga", sagas.type, "Only those of this definition")->type_name("NAME");
  list->add_option("--status", sagas.status, "Only running, compensating, completed, failed, stuck or abandoned ones")
      ->type_name("STATUS");
  list->add_option("--count", sagas.count, "At most so many (100)")->type_name("N")->check(whole(1, offset_max));
  list->add_flag("--json", common.json, "One JSON document a line");
  list->footer(
      "Example:\n"
      "  tidings sagas list --status stuck --store sqlite:./shop.db");
  auto* const show = add("show", "One instance: its steps, its history with causes, what it waits for, its state");
  of_one(show);
  auto* const json = show->add_flag("--json", common.json, "One JSON document");
  for (auto* const one : {list, show})
    one->add_flag("--show-redacted", common.shows_redacted,
                  "Also what the state's class marks as redacted, instead of ***");
  show->add_flag("--diagram", sagas.diagram, "Its steps as a diagram of Mermaid's")->excludes(json);
  show->footer(
      "Example:\n"
      "  tidings sagas show checkout 536365 --store sqlite:./shop.db");
  of_one(add("resume", "One that is stuck tries again what it is stuck at"));
  of_one(add("compensate", "What was done is undone; not beyond its pivot"));
  of_one(add("abandon", "It is over, whatever is half done"));
}

void Parser::add_projections() {
  auto* const at = command("projections", "Read models in a store: list");
  at->require_subcommand(1);
  auto* const list = at->add_subcommand("list", "What serves, how large it is, and whether it is made anew");
  list->set_help_flag("-h,--help", "Print this help");
  list->add_option("--store", projections.store, "Database; $TIDINGS_STORE")->type_name("URL");
  list->add_option("--schema", projections.schema, "Schema of PostgreSQL that has the tables (the connection's first)")
      ->type_name("NAME");
  list->add_option("--prefix", projections.prefix, "Begins the names of the tables (tidings_)")->type_name("NAME");
  list->add_flag("--json", common.json, "One JSON document a line");
  list->footer(
      "The program that keeps a projection makes it anew, since what it makes of events is its own:\n"
      "  build/bin/shop --rebuild open-orders\n\n"
      "Example:\n"
      "  tidings projections list --store sqlite:./shop.db");
}

void Parser::add_trace() {
  auto* const at = command("trace", "What one cause set off: causes and effects over all topics, as a tree");
  at->add_option("ID", tracing.id, "A correlation id, or the id of an event of it")->required()->type_name("");
  at->add_option("--from", tracing.from, "Where topics are read from: earliest (the default), a time, -1h")
      ->type_name("WHERE");
  at->footer(
      "Reads all topics as they stand, so it takes its time over much that is kept: --from shortens that. Each line\n"
      "has the type, the key, the place, the time after its cause, and the id.\n\n"
      "Example:\n"
      "  tidings trace 0193c9a4-7d3f-7b6a-9b0e-0a61d2f0c0aa --from -1h");
  shared(at);
}

int Parser::run_sagas() {
  const auto* const at = app.get_subcommand("sagas");
  if (at->got_subcommand("schema")) return saga_schema(sagas);
  if (at->got_subcommand("list")) return list_sagas(common, sagas);
  if (at->got_subcommand("show")) return show_saga(common, sagas);
  if (at->got_subcommand("resume")) return steer_saga(common, sagas, saga::Steering::resume);
  if (at->got_subcommand("compensate")) return steer_saga(common, sagas, saga::Steering::compensate);
  return steer_saga(common, sagas, saga::Steering::abandon);
}

}  // namespace tidings::cli
