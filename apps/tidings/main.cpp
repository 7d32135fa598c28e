#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <limits>
#include <new>

#include "commands.hpp"
#include "output.hpp"
#include "tidings/base/standard_descriptors.hpp"
#include "tidings/base/text.hpp"

// All of CLI11 is here: its headers cost seconds a unit.
namespace {

using namespace tidings::cli;

constexpr double rate_min = 0.1, rate_max = 1'000'000;
constexpr auto offset_max = std::uint64_t{std::numeric_limits<std::int64_t>::max()};

std::vector<std::string> commands_of(const CLI::App& at) {
  std::vector<std::string> names;
  for (const auto* const command : at.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const auto near = tidings::nearest(word, known);
  return near.empty() ? "" : "; did you mean '" + std::string(near) + "'?";
}

/// What the user may have meant by an option, or a word that has no place.
std::string did_you_mean(const CLI::App& at, const CLI::App& app, std::string_view word) {
  const bool takes_commands = &at == &app || at.get_option_no_throw("TOPIC") == nullptr;
  auto known = takes_commands ? commands_of(at) : std::vector<std::string>{};
  for (const auto* const option : at.get_options())
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  return did_you_mean(word.substr(0, word.find('=')), known);
}

/// `topics create`, of the command that the line came to; `at` is set to it.
std::string command_path(const CLI::App& app, const CLI::App*& at) {
  std::string path;
  for (at = &app; !at->get_subcommands().empty(); path += (path.empty() ? "" : " ") + at->get_name())
    at = at->get_subcommands().front();
  return path;
}

int wrong(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* chosen = nullptr;
  const auto path = command_path(app, chosen);
  const CLI::App& at = *chosen;
  std::string line = error.what();
  const auto of_command = at.remaining();
  const auto rest = of_command.empty() ? app.remaining() : of_command;
  // The word before a command of a command is taken for its topic: 'topics orders create', 'topics creat orders'.
  const auto* const parent = at.get_parent();
  const auto* const topic = at.get_option_no_throw("TOPIC");
  const auto* const before = parent == nullptr ? nullptr : parent->get_option_no_throw("TOPIC");
  const bool has_commands = !path.empty() && !commands_of(at).empty();
  if (before != nullptr && before->count() > 0) {
    line = "'" + before->as<std::string>() + "' stands before " + at.get_name() + "; write: tidings " + path + " " +
           before->as<std::string>();
  } else if (!rest.empty()) {
    // CLI11 gives what it does not know from the end.
    const auto option = std::ranges::find_if(rest, [](const std::string& word) { return word.starts_with('-'); });
    const auto& word = option == rest.end() ? rest.front() : *option;
    const auto taken =
        has_commands && topic != nullptr && topic->count() > 0 ? topic->as<std::string>() : std::string();
    const bool is_option = word.starts_with('-');
    if (const auto meant = is_option ? std::string() : did_you_mean(taken, commands_of(at)); !meant.empty())
      line = "'" + taken + "' is no command of " + path + meant;
    else
      line = "'" + word + "' is no " +
             (is_option                                            ? "option"
              : path.empty() || (has_commands && topic == nullptr) ? "command"
                                                                   : "argument") +
             (path.empty() ? " here" : " of " + path) + did_you_mean(at, app, word);
  } else if (path.empty()) {
    std::cerr << app.help();
    return wrong_usage;
  }
  if (error.get_name() == "ExcludesError") line += "; give one of the two";
  complain(line);
  complain("see: tidings " + (path.empty() ? "" : path + " ") + "--help");
  return wrong_usage;
}

std::string environment(const char* name, std::string otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::move(otherwise) : value;
}

/// A whole number within bounds: CLI11 itself takes -1 for a very large one, and names no bounds.
CLI::Validator whole(std::uint64_t least, std::uint64_t most) {
  return {[=](const std::string& text) {
            std::uint64_t number = 0;
            const auto* const end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, number);
            if (error == std::errc{} && stop == end && number >= least && number <= most) return std::string();
            return "'" + text + "' is no whole number from " + std::to_string(least) + " to " + std::to_string(most);
          },
          ""};
}

/// Orders a second.
const CLI::Validator rate{[](const std::string& text) {
                            double number = 0;
                            const auto* const end = text.data() + text.size();
                            const auto [stop, error] = std::from_chars(text.data(), end, number);
                            const bool is_rate = error == std::errc{} && stop == end &&
                                                 (number == 0 || (number >= rate_min && number <= rate_max));
                            return is_rate ? std::string()
                                           : "'" + text + "' is no number of orders a second from 0.1 to 1000000, " +
                                                 "nor 0 for no limit";
                          },
                          ""};

const CLI::Validator victim{
    [](const std::string& text) {
      static const std::vector<std::string> known{"orders", "inventory", "notifications", "analytics", "none"};
      if (std::ranges::find(known, text) != known.end()) return std::string();
      const auto near = tidings::nearest(text, known);
      return "'" + text + "' is no service; there are orders, inventory, notifications, analytics, and none" +
             (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?");
    },
    ""};

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
  PauseArguments pausing;
  VerifyArguments verifying;
  InspectArguments inspecting;
  BridgeArguments bridging;
  DescribeArguments describing;
  DemoArguments showing;

  Parser() {
    app.set_version_flag("--version", "tidings " TIDINGS_VERSION, "Print the version");
    app.set_help_flag("-h,--help", "Print this help; 'tidings COMMAND --help' says more");
    app.require_subcommand(1);
    app.get_formatter()->column_width(32);
    app.get_formatter()->label("REQUIRED", "(required)");
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.get_formatter()->label("Excludes", "(not with)");
    app.get_formatter()->label("Positionals", "Arguments");
    app.footer(
        "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted (SIGINT), 143 terminated (SIGTERM).\n\n"
        "Try:\n"
        "  tidings demo\n"
        "  echo '{\"order_id\":\"7\"}' | tidings publish orders --key-field order_id\n"
        "  tidings tail orders --from earliest");
    common.broker = environment("TIDINGS_BROKER", common.broker);
    common.name_space = environment("TIDINGS_NAMESPACE", "");
    shared(&app);
    add_publish();
    add_tail();
    add_lists();
    add_changes();
    add_dead_letters();
    add_pauses();
    add_folders();
    add_bridge();
    add_describe();
    add_demo();
    app.failure_message([](const CLI::App*, const CLI::Error&) { return std::string(); });
  }

  CLI::App* command(const char* name, const std::string& help) {
    auto* const added = app.add_subcommand(name, help);
    added->group("Commands");
    added->set_help_flag("-h,--help", "Print this help");
    return added;
  }

  void shared(CLI::App* at) {
    at->add_option("--broker", common.broker, "Broker; $TIDINGS_BROKER, else log:./tidings-data")->type_name("URL");
    at->add_option("--namespace", common.name_space, "Stands before topics and groups; $TIDINGS_NAMESPACE")
        ->type_name("NAME");
    at->add_flag("--json", common.json, "One JSON document a line");
  }

  void add_publish() {
    auto* const at = command("publish", "Publish lines of JSON, each an event's data");
    at->add_option("TOPIC", publishing.topic, "Created where it is not there")->required()->type_name("");
    at->add_option("--file", publishing.file, "Where the lines come from (-, standard input)")->type_name("PATH");
    at->add_option("--type", publishing.type, "Type of the events (the topic's name)")->type_name("NAME");
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
    at->add_option("--partitions", publishing.partitions, "Of a topic that this creates")
        ->type_name("N")
        ->check(whole(1, 1024));
    at->footer(
        "A line that fails is told on standard error with its number, the others are published, and the status is 1.\n"
        "Blank lines are passed over. Events with one key keep their order.\n\n"
        "Examples:\n"
        "  echo '{\"order_id\":\"7\"}' | tidings publish orders --key-field order_id --acks\n"
        "  tidings publish orders --file orders.ndjson --type shop.order-placed --key-field order_id");
    shared(at);
  }

  void add_tail() {
    auto* const at = command("tail", "Print a topic's events, and go on as they come");
    at->add_option("TOPIC", tailing.topic, "Must be there")->required()->type_name("");
    at->add_option("--group", tailing.group, "Go on where this group stands; it moves once events are printed")
        ->type_name("NAME");
    at->add_option("--from", tailing.from,
                   "earliest, latest, an offset, an RFC 3339 time, now, -1h; where there is no position")
        ->type_name("WHERE");
    at->add_option("--count", tailing.count, "End after N events")->type_name("N")->check(whole(0, offset_max));
    at->add_flag_callback("--no-follow", [this] { tailing.follow = false; }, "End where the topic ends now");
    at->footer(
        "Without a group it begins at the latest event, a new group at the earliest. A line has the event's time,\n"
        "partition/offset, type, key and payload; --json prints CloudEvents.\n\n"
        "Examples:\n"
        "  tidings tail orders --from earliest --no-follow --json | jq .data\n"
        "  tidings tail orders --from 2026-01-31T12:00:00Z --count 10\n"
        "  tidings tail orders --group audit");
    shared(at);
  }

  void add_lists() {
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

  void add_changes() {
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
    create->add_option("--partitions", changing.partitions, "How many (1); fixed for life")
        ->type_name("N")
        ->check(whole(1, 1024));
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
    seek->footer(
        "In every partition, each of which it prints with the position before and after; an offset beyond its end is\n"
        "the end. A group with live members answers group_active: stop them first.\n\n"
        "Examples:\n"
        "  tidings seek orders billing.send-invoices --to earliest\n"
        "  tidings seek orders audit --to 2026-01-31T12:00:00Z\n"
        "  tidings seek orders audit --to -1h");
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

  void add_dead_letters() {
    auto* const at = command("dead-letters", "What handlers could not handle: list, show, redrive, drop");
    at->require_subcommand(1);
    const auto add = [&](const char* name, const char* help, bool one_group) {
      auto* const one = at->add_subcommand(name, help);
      one->set_help_flag("-h,--help", "Print this help");
      auto* const group = one->add_option("--group", driving.group, one_group ? "Whose" : "Only those of this group")
                              ->type_name("NAME");
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

  void add_pauses() {
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

  void add_folders() {
    auto* at = command("verify", "Read every file of a log, and tell what is wrong with it");
    at->add_option("DIR", verifying.folder, "The log's folder, or log:DIR; the broker's if not given")->type_name("");
    at->add_flag("--repair", verifying.repair, "Move torn tails to quarantine, in partitions that no process has open");
    at->footer(
        "Changes nothing without --repair, and works on a log that is in use, on a read-only one, and on a copy. Exit\n"
        "status: 0 where nothing is damaged (a torn tail is no damage: recovery moves it to quarantine), else 1.\n\n"
        "Examples:\n"
        "  tidings verify tidings-data\n"
        "  tidings verify /mnt/backup/data --json | jq 'select(.severity == \"error\")'");
    shared(at);
    at = command("inspect", "How a log stands, seen from outside: also of one that hangs");
    at->add_option("DIR", inspecting.folder, "The log's folder, or log:DIR; the broker's if not given")->type_name("");
    at->footer(
        "Opens nothing for writing, takes no lock, and waits for nobody. open: handles on the partition; beyond: "
        "events\n"
        "settled behind the position; held: who works on the partition.\n\n"
        "Examples:\n"
        "  tidings inspect tidings-data\n"
        "  tidings inspect --json | jq '.partitions[]?.writer'");
    shared(at);
  }

  void add_bridge() {
    auto* const at = command("bridge", "Mirror one broker to another, live, and carry groups over");
    at->add_option("FROM", bridging.from, "Where the events are")->required()->type_name("URL");
    at->add_option("TO", bridging.to, "Where they are to be too")->required()->type_name("URL");
    at->add_option("--topic", bridging.topics, "Only this one; may be repeated (all, also those that come later)")
        ->type_name("NAME")
        ->expected(1)
        ->take_all();
    at->add_option("--name", bridging.name, "Of the bridge: two of one name, one each way, send nothing back (bridge)")
        ->type_name("NAME");
    at->add_option("--partitions", bridging.partitions, "Of topics that it makes there (as at the source)")
        ->type_name("N")
        ->check(whole(1, 1024));
    auto* const once =
        at->add_flag_callback("--no-follow", [this] { bridging.follow = false; }, "End where they end now");
    at->add_option("--carry", bridging.carried,
                   "Only put this group of the --topic at TO where it is at FROM; it must have no live member")
        ->type_name("GROUP")
        ->expected(1)
        ->take_all()
        ->excludes(once);
    at->footer(
        "Ids, payloads and headers stay, and the order of a key. Where it was stands at FROM: started again, after a\n"
        "kill too, it goes on there. A group that is carried goes on at TO with nothing left out.\n\n"
        "Examples:\n"
        "  tidings bridge log:./data nats://localhost\n"
        "  tidings bridge log:./data kafka://localhost --topic orders --partitions 12\n"
        "  tidings bridge log:./data nats://localhost --topic orders --carry billing.send-invoices");
    shared(at);
  }

  void add_describe() {
    auto* const at = command("describe", "What services are made of, and what they do with an event in which order");
    at->add_option("PROGRAM", describing.programs, "Programs of services; each is run with --describe")
        ->required()
        ->type_name("");
    at->add_option("--handler", describing.handler, "Only this handler")->type_name("NAME");
    at->footer(
        "Settings come from where the programs find them: their files, and the environment. No broker is opened.\n\n"
        "Examples:\n"
        "  tidings describe build/bin/inventory\n"
        "  tidings describe build/bin/inventory --json | jq '.handlers[] | {group, topics}'");
    at->add_flag("--json", common.json, "One JSON document a line, of each program");
  }

  void add_demo() {
    auto* const at = command("demo", "The shop: four services, one is killed and catches up");
    auto* const orders = at->add_option("--orders", showing.orders, "Real orders, a CSV file, instead of made-up ones");
    orders->type_name("FILE");
    at->add_option("--rate", showing.rate, "Orders a second, 0 for no limit (100; with --orders no limit)")
        ->type_name("N")
        ->check(rate);
    at->add_option("--count", showing.count, "How many orders to make up (1200)")
        ->type_name("N")
        ->check(whole(1, 10'000'000))
        ->excludes(orders);
    at->add_option("--seed", showing.seed, "Of the made-up orders (1)")
        ->type_name("N")
        ->check(whole(0, offset_max))
        ->excludes(orders);
    at->add_option("--repeat", showing.repeat, "Feed them so often, under new numbers (1)")
        ->type_name("N")
        ->check(whole(1, 100'000));
    at->add_option("--stock", showing.stock, "Items of each product at the start (unlimited)")
        ->type_name("N")
        ->check(whole(0, 1'000'000'000'000'000));
    at->add_option("--kill", showing.kill, "The service to kill midway, or none (analytics)")
        ->type_name("SERVICE")
        ->check(victim);
    at->add_option("--broker", showing.broker, "Broker; a log in a fresh directory if not given")->type_name("URL");
    at->add_option("--keep", showing.keep, "Keep everything in this directory, which must be new or empty")
        ->type_name("DIR");
    at->add_flag("--check", showing.check, "Compare every result with one computed from the input; 1 if any differs");
    at->add_flag("--json", showing.json, "The summary as one JSON document");
    at->footer(
        "At a rate up to 1000 the service that is killed is held to 2.5 times the rate, so that its catching up can "
        "be\n"
        "watched. Each run has a namespace of its own: --namespace is refused, and neither TIDINGS_NAMESPACE nor\n"
        "TIDINGS_BROKER is heeded.\n\n"
        "Examples:\n"
        "  tidings demo\n"
        "  tidings demo --orders online-retail.csv --check\n"
        "  tidings demo --count 5000 --rate 0 --kill inventory");
  }

  int run() {
    if (app.got_subcommand("publish")) return publish(common, publishing);
    if (app.got_subcommand("tail")) return tail(common, tailing);
    if (app.got_subcommand("topics")) {
      const auto* const of_topics = app.get_subcommand("topics");
      if (of_topics->got_subcommand("create")) return create_topic(common, changing);
      if (of_topics->got_subcommand("alter")) return alter_topic(common, changing);
      if (of_topics->got_subcommand("delete")) return delete_topic(common, changing);
      return topics(common, listing);
    }
    if (app.got_subcommand("seek")) return seek(common, seeking);
    if (app.got_subcommand("groups")) {
      if (app.get_subcommand("groups")->got_subcommand("delete")) return delete_group(common, deleting);
      return groups(common, listing);
    }
    if (app.got_subcommand("bridge")) return bridge(common, bridging);
    if (app.got_subcommand("describe")) return describe(common, describing);
    if (const auto* const at = app.got_subcommand("pause") ? app.get_subcommand("pause") : nullptr; at != nullptr) {
      if (pausing.target.empty() && at->count("--list") == 0) {
        complain("say what to pause: SERVICE, SERVICE/HANDLER or a group; or --list");
        return wrong_usage;
      }
      return pause(common, pausing);
    }
    if (app.got_subcommand("resume")) {
      pausing.pauses = false;
      return pause(common, pausing);
    }
    if (app.got_subcommand("lag")) return lag(common, listing);
    if (app.got_subcommand("dead-letters")) {
      const auto* const of_letters = app.get_subcommand("dead-letters");
      if (of_letters->got_subcommand("redrive")) return redrive(common, driving);
      if (of_letters->got_subcommand("drop")) return drop(common, driving);
      return of_letters->got_subcommand("show") ? show_dead_letters(common, driving)
                                                : list_dead_letters(common, driving);
    }
    const bool is_of_folder = app.got_subcommand("verify") || app.got_subcommand("inspect");
    if (app.count("--namespace") > 0 || (is_of_folder && app.get_subcommands().front()->count("--namespace") > 0)) {
      complain(is_of_folder ? "--namespace is no option of " + app.get_subcommands().front()->get_name() +
                                  ": it looks at the whole folder"
                            : "--namespace is no option of demo: each run has a namespace of its own");
      return wrong_usage;
    }
    if (app.got_subcommand("verify")) return verify(common, verifying);
    if (app.got_subcommand("inspect")) return inspect(common, inspecting);
    if (!showing.broker && app.count("--broker") > 0) showing.broker = common.broker;
    showing.json = showing.json || common.json;
    return demo(showing);
  }
};

}  // namespace

int main(int argc, char** argv) try {
  if (!tidings::keep_standard_descriptors()) return failed;
  std::signal(SIGPIPE, SIG_IGN);
  Parser parser;
  // 'tidings help topics create' is 'tidings topics create --help'.
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    const auto known = commands_of(parser.app);
    if (words.empty() || std::ranges::find(known, words.front()) != known.end()) words.emplace_back("--help");
  }
  std::ranges::reverse(words);  // as CLI11 takes them
  try {
    parser.app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return parser.app.exit(error);
    return wrong(parser.app, error);
  }
  return parser.run();
} catch (const std::bad_alloc&) {
  complain(tidings::Error{"out_of_memory", "there is not enough memory for this"});
  return failed;
} catch (const std::exception& thrown) {
  complain(tidings::Error{"unexpected", thrown.what()});
  return failed;
}
