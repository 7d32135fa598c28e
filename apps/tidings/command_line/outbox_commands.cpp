#include "command_line/parser.hpp"
#include "output.hpp"

// Commands about outboxes.
namespace tidings::cli {

void Parser::add_outbox() {
  auto* const at = command("outbox", "Events that wait in a database: status, schema, relay, list, redrive, drop");
  at->require_subcommand(1);
  const auto add = [&](const char* name, const char* help) {
    auto* const one = at->add_subcommand(name, help);
    one->set_help_flag("-h,--help", "Print this help");
    one->add_option("--store", outbox.store, "Database; $TIDINGS_STORE")->type_name("URL");
    one->add_option("--schema", outbox.schema, "Schema of PostgreSQL that has the tables (the connection's first)")
        ->type_name("NAME");
    one->add_option("--prefix", outbox.prefix, "Begins the names of the tables (tidings_)")->type_name("NAME");
    return one;
  };
  const auto lists = [&](CLI::App* one) {
    one->add_option("--topic", outbox.topic, "Only those of this topic")->type_name("NAME");
    auto* const key = one->add_option("--key", outbox.key, "Only those of this key")->type_name("KEY");
    one->add_option("--row", outbox.row, "Only the event without a key that 'list' shows with this row")
        ->type_name("N")
        ->check(whole(1, offset_max))
        ->excludes(key);
    one->add_option("--reason", outbox.code, "Only those held for this, as 'list' names it")->type_name("CODE");
    one->add_flag("--json", common.json, "One JSON document a line");
  };
  const auto changes = [&](CLI::App* one) {
    lists(one);
    one->add_flag("--all", outbox.all, "All that are parked, where no other option says which");
    one->add_flag("--dry-run", outbox.dry_run, "Only tell what would be done");
  };
  constexpr auto meant =
      "Options that say which mean parked keys; a --topic with a --key or a --row also one that is still tried by "
      "itself.\n\n";

  auto* const status = add("status", "What waits, for how long, and which relays publish it");
  status->add_flag("--rate", outbox.rate, "Also by how much the backlog changes, from two looks a second apart");
  status->add_flag("--json", common.json, "One JSON document");
  status->footer(
      "Costs the same whatever the backlog, which is counted to 10,000 and estimated beyond. A relay whose lease is\n"
      "over died, or hangs: others take its parts.\n\n"
      "Examples:\n"
      "  tidings outbox status --store sqlite:./shop.db\n"
      "  tidings outbox status --store postgres://localhost/shop --schema shop --json | jq .parked_keys");

  auto* const schema = add("schema", "The tables: print how they are made, or make them");
  auto* const sql = schema->add_flag("--sql", outbox.sql, "Print the statements");
  schema->add_flag("--apply", outbox.apply, "Make what is missing, and bring older tables to this version")
      ->excludes(sql);
  schema->add_flag("--notify", outbox.notify, "Also what has PostgreSQL tell relays of commits (relay --listen)");
  schema->add_option("--dialect", outbox.dialect, "sqlite or postgres (the store's)")->type_name("WHAT");
  schema->footer(
      "--sql opens no database. Any number may --apply at once; where all is as it should be it does nothing.\n\n"
      "Examples:\n"
      "  tidings outbox schema --apply --store sqlite:./shop.db\n"
      "  tidings outbox schema --sql --dialect postgres --schema shop > outbox.sql");

  auto* const relay = add("relay", "Publish what waits, until it is ended");
  relay
      ->add_option("--attempts", outbox.attempts_max,
                   "So often an event is tried that the broker refuses; then its key is parked (8)")
      ->type_name("N")
      ->check(whole(1, 1000));
  relay->add_option("--archive-for", outbox.archive_for, "Keep what was published in the archive for so long (not)")
      ->type_name("TIME");
  relay->add_flag("--listen", outbox.notify, "Hear of commits, where schema --notify has PostgreSQL tell them");
  relay->add_flag_callback(
      "--no-follow", [this] { outbox.follow = false; }, "End when nothing waits; held keys stay for others");
  relay->footer(
      "Others may relay beside it, in services too: they share the work, and a key is one's at a time. Every ten "
      "seconds,\n"
      "and when that changes, it tells how far it is and what it waits for: it goes on by itself. TIME: 2h, 7d.\n\n"
      "Examples:\n"
      "  tidings outbox relay --store sqlite:./shop.db --broker log:./data\n"
      "  tidings outbox relay --store postgres://localhost/shop --broker nats://localhost --namespace blue");
  shared(relay);

  auto* const list = add("list", "Keys that are held since the broker refused an event, and why");
  lists(list);
  list->footer(
      "A key that is not parked yet is tried again by itself.\n\n"
      "Examples:\n"
      "  tidings outbox list --store sqlite:./shop.db\n"
      "  tidings outbox list --store sqlite:./shop.db --topic orders --reason too_large --json");

  auto* const again = add("redrive", "Have them published again, each key in its order");
  changes(again);
  again->footer(std::string(meant) +
                "A relay does it; where none runs it is done when one starts.\n\n"
                "Examples:\n"
                "  tidings outbox redrive --store sqlite:./shop.db --topic orders --key 17\n"
                "  tidings outbox redrive --store sqlite:./shop.db --all --dry-run");

  auto* const gone = add("drop", "Give them up for good; their keys go on");
  changes(gone);
  gone->add_flag("--yes", outbox.yes, "Do it; without it nothing is dropped");
  gone->footer(std::string(meant) +
               "Examples:\n"
               "  tidings outbox drop --store sqlite:./shop.db --topic orders --key 17 --dry-run\n"
               "  tidings outbox drop --store sqlite:./shop.db --topic orders --key 17 --yes");
}

int Parser::run_outbox() {
  const auto* const at = app.get_subcommand("outbox");
  if (app.count("--namespace") > 0 && !at->got_subcommand("relay")) {
    complain("--namespace is no option of outbox " + at->get_subcommands().front()->get_name() +
             ": topics stand in the table as programs name them");
    return wrong_usage;
  }
  if (at->got_subcommand("status")) return outbox_status(common, outbox);
  if (at->got_subcommand("schema")) return outbox_schema(outbox);
  if (at->got_subcommand("relay")) return outbox_relay(common, outbox);
  if (at->got_subcommand("redrive")) return outbox_redrive(common, outbox);
  return at->got_subcommand("drop") ? outbox_drop(common, outbox) : outbox_list(common, outbox);
}

}  // namespace tidings::cli
