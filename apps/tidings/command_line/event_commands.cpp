#include "command_line/parser.hpp"

// Commands about events, topics and groups.
namespace tidings::cli {

void Parser::add_publish() {
  auto* const at = command("publish", "Publish lines of JSON, each an event's data");
  at->add_option("TOPIC", publishing.topic, "Created where it is not there")->required()->type_name("");
  at->add_option("--file", publishing.file, "Where the lines come from (-, standard input)")->type_name("PATH");
  at->add_option("--type", publishing.type, "Type of the events (the topic's name)")->type_name("NAME");
  at->add_option("--type-version", publishing.type_version, "Version of that type (1)")
      ->type_name("N")
      ->check(whole(1, 1'000'000));
  at->add_option("--source", publishing.source, "Who publishes (tidings)")->type_name("NAME");
  auto* const key = at->add_option("--key", publishing.key, "Key of all events")->type_name("KEY");
  at->add_option("--key-field", publishing.key_field, "Member whose text or integer is the event's key")
      ->type_name("MEMBER")
      ->excludes(key);
  at->add_option("--header", publishing.headers, "Header of all events; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  at->add_flag("--acks", publishing.acks, "Print 'ID PARTITION OFFSET' for each, once it is acknowledged");
  at->add_option("--durability", publishing.durability, "Of a topic that this creates: memory, interval, durable")
      ->type_name("LEVEL");
  add_partitions(*at, publishing.partitions, "Of a topic that this creates");
  at->footer(
      "A line that fails is told on standard error with its number, the others are published, and the status is 1.\n"
      "Blank lines are passed over. Events with one key keep their order.\n\n"
      "Examples:\n"
      "  echo '{\"order_id\":\"7\"}' | tidings publish orders --key-field order_id --acks\n"
      "  tidings publish orders --file orders.ndjson --type shop.order-placed --key-field order_id");
  shared(at);
}

void Parser::shows_events(CLI::App* at) {
  at->add_option("--keys-file", common.keys_file,
                 "Keys to open sealed payloads; $TIDINGS_ENCRYPTION__KEY_FILE, $TIDINGS_ENCRYPTION__KEYS")
      ->type_name("FILE");
  at->add_flag("--show-redacted", common.shows_redacted, "Also what is marked as redacted, instead of ***");
}

void Parser::add_tail() {
  auto* const at = command("tail", "Print a topic's events, and go on as they come");
  at->add_option("TOPIC", tailing.topic, "Must be there")->required()->type_name("");
  at->add_option("--group", tailing.group, "Go on where this group stands; it moves once events are printed")
      ->type_name("NAME");
  at->add_option("--from", tailing.from,
                 "earliest, latest, an offset, an RFC 3339 time, now, -1h; where there is no position")
      ->type_name("WHERE");
  at->add_option("--count", tailing.count, "End after N events")->type_name("N")->check(whole(0, offset_max));
  at->add_flag_callback("--no-follow", [this] { tailing.follow = false; }, "End where the topic ends now");
  at->add_flag("--wait", tailing.waits, "Wait until the topic is there, and begin with the event that made it");
  shows_events(at);
  at->footer(
      "Without a group it begins at the latest event, a new group at the earliest. A line has the event's time,\n"
      "partition/offset, type, key and payload, or how large a payload is that waits in a folder (claim check); "
      "--json\n"
      "prints CloudEvents.\n\n"
      "Examples:\n"
      "  tidings tail orders --from earliest --no-follow --json | jq .data\n"
      "  tidings tail orders --from 2026-01-31T12:00:00Z --count 10\n"
      "  tidings tail orders --group audit");
  shared(at);
}

void Parser::add_lists() {
  const auto list = [&](const char* name, const char* help, const char* more) {
    auto* const at = command(name, help);
    at->add_option("TOPIC", listing.topic, "Only this one")->type_name("");
    at->footer(more);
    shared(at);
  };
  list("topics", "What topics there are",
       "With a TOPIC: its partitions, from the earliest event kept to the end.\n\n"
       "Examples:\n"
       "  tidings topics\n"
       "  tidings topics orders --json\n"
       "  tidings topics create orders --retain-age 7d");
  list("groups", "Where each group stands, partition by partition",
       "held: a live member of the group works on the partition.\n\n"
       "Examples:\n"
       "  tidings groups orders\n"
       "  tidings groups delete orders audit");
  list("lag", "How far each group is behind",
       "lag: events from the group's position to the end, as far as they are kept. lost: those that retention\n"
       "removed before the group came to them. held: partitions that a live member works on.\n\n"
       "Examples:\n"
       "  tidings lag\n"
       "  tidings lag orders --json | jq '{group, lag}'");
}

void Parser::add_changes() {
  auto* const topics = app.get_subcommand("topics");
  const auto retention = [this](CLI::App* at) {
    at->add_option("TOPIC", changing.topic, "Its name")->required()->type_name("");
    at->add_option("--retain-bytes", changing.retain_bytes, "What is beyond so much of a partition goes; 0: nothing")
        ->type_name("SIZE");
    at->add_option("--retain-age", changing.retain_age, "What is older goes; 0: nothing")->type_name("TIME");
    auto* const wait = at->add_flag_callback(
        "--wait-for-groups", [this] { changing.wait_for_groups = true; },
        "Keep what a group has not settled; else a group left behind loses it, which is logged");
    at->add_flag_callback(
          "--no-wait-for-groups", [this] { changing.wait_for_groups = false; }, "Do not, as by default")
        ->excludes(wait);
  };
  auto* const create = topics->add_subcommand("create", "Create a topic");
  create->set_help_flag("-h,--help", "Print this help");
  retention(create);
  add_partitions(*create, changing.partitions, "How many (1); fixed for life");
  create->add_option("--durability", changing.durability, "memory, interval or durable (durable); fixed for life")
      ->type_name("WHAT");
  create->add_option("--event-bytes-max", changing.event_bytes_max, "The largest event (1MiB); fixed for life")
      ->type_name("SIZE");
  create->footer(
      "One that is there with the same options is fine. SIZE: 512MiB, 10GiB, or bytes. TIME: 12h, 7d.\n\n"
      "Example:\n"
      "  tidings topics create orders --partitions 4 --retain-age 30d");
  shared(create);
  auto* const alter = topics->add_subcommand("alter", "Change how long a topic keeps its events");
  alter->set_help_flag("-h,--help", "Print this help");
  retention(alter);
  alter->footer(
      "What is not given stays as it is. Old events go in whole segments, at once here and then whenever one is\n"
      "full: the one that is written stays. SIZE: 512MiB, 10GiB, or bytes. TIME: 12h, 7d.\n\n"
      "Examples:\n"
      "  tidings topics alter orders --retain-age 7d --retain-bytes 10GiB\n"
      "  tidings topics alter orders --retain-age 0 --wait-for-groups");
  shared(alter);
  auto* const remove = topics->add_subcommand("delete", "Delete a topic, with its events and groups");
  remove->set_help_flag("-h,--help", "Print this help");
  remove->add_option("TOPIC", changing.topic, "Must be there")->required()->type_name("");
  remove->add_flag("--yes", changing.yes, "Also where it has events");
  remove->footer(
      "Answers busy while any process has it open: stop those first (`tidings inspect` names them).\n\n"
      "Example:\n"
      "  tidings topics delete orders --yes");
  shared(remove);
  auto* const seek =
      command("seek", "Move a group: what it passes over is skipped, what it goes back over comes again");
  seek->add_option("TOPIC", seeking.topic, "Must be there")->required()->type_name("");
  seek->add_option("GROUP", seeking.group, "Must be there, without a live member")->required()->type_name("");
  seek->add_option("--to", seeking.to, "earliest, latest, an offset, an RFC 3339 time, now or -1h")
      ->required()
      ->type_name("WHERE");
  seek->add_option("--store", seeking.store, "Database of the group's service")->type_name("URL");
  seek->add_flag("--replay", seeking.replay, "What comes again takes effect again: the store forgets it");
  seek->footer(
      "In every partition, each of which it prints with the position before and after; an offset beyond its end is\n"
      "the end. A group with live members answers group_active: stop them first.\n\n"
      "What a handler with a transaction has handled is remembered in its store, and passed over when it comes again,\n"
      "unless --replay is given. With --store a place is refused from where on the store remembers no more what was\n"
      "handled; without it such events are not handled either, and are dead letters.\n\n"
      "Examples:\n"
      "  tidings seek orders billing.send-invoices --to earliest\n"
      "  tidings seek orders audit --to 2026-01-31T12:00:00Z\n"
      "  tidings seek orders audit --to -1h\n"
      "  tidings seek orders billing.book --to earliest --store sqlite:./billing.db --replay");
  shared(seek);
  auto* const forget = app.get_subcommand("groups")->add_subcommand("delete", "Delete a group, and what it settled");
  forget->set_help_flag("-h,--help", "Print this help");
  forget->add_option("TOPIC", deleting.topic, "Must be there")->required()->type_name("");
  forget->add_option("GROUP", deleting.group, "Must be there, without a live member")->required()->type_name("");
  forget->footer(
      "Its next member begins anew. What waits for groups waits no more for this one. A group with live members\n"
      "answers group_active: stop them first.\n\n"
      "Example:\n"
      "  tidings groups delete orders audit");
  shared(forget);
}

}  // namespace tidings::cli
