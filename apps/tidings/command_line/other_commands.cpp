#include <algorithm>
#include <charconv>

#include "command_line/parser.hpp"
#include "demo/services.hpp"
#include "tidings/base/text.hpp"

// Commands about folders and whole brokers, and the demo.
namespace tidings::cli {

namespace {

constexpr double rate_min = 0.1, rate_max = 1'000'000;

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

/// A part of the orders.
const CLI::Validator part{[](const std::string& text) {
                            double number = 0;
                            const auto* const end = text.data() + text.size();
                            const auto [stop, error] = std::from_chars(text.data(), end, number);
                            const bool is_part = error == std::errc{} && stop == end && number >= 0 && number <= 1;
                            return is_part ? std::string()
                                           : "'" + text +
                                                 "' is no part of all orders from 0 to 1; 0.03 is three of a "
                                                 "hundred";
                          },
                          ""};

const CLI::Validator victim{[](const std::string& text) {
                              std::vector<std::string> known;
                              for (const auto& spec : specs) known.emplace_back(spec.name);
                              known.emplace_back("none");
                              if (std::ranges::find(known, text) != known.end()) return std::string();
                              const auto near = tidings::nearest(text, known);
                              return "'" + text + "' is no service; there are " + service_names() + ", and none" +
                                     (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?");
                            },
                            ""};

}  // namespace

void Parser::add_folders() {
  const auto folder = [](CLI::App* of, std::string& into) {
    of->add_option("DIR", into, "The log's folder, or log:DIR; the broker's if not given")->type_name("");
  };
  auto* at = command("verify", "Read every file of a log, and tell what is wrong with it");
  folder(at, verifying.folder);
  at->add_flag("--repair", verifying.repair, "Move torn tails to quarantine, in partitions that no process has open");
  at->footer(
      "Changes nothing without --repair, and works on a log that is in use, on a read-only one, and on a copy. Exit\n"
      "status: 0 where nothing is damaged (a torn tail is no damage: recovery moves it to quarantine), else 1.\n\n"
      "Examples:\n"
      "  tidings verify tidings-data\n"
      "  tidings verify /mnt/backup/data --json | jq 'select(.severity == \"error\")'");
  shared(at);
  at = command("inspect", "How a log stands, seen from outside: also of one that hangs");
  folder(at, inspecting.folder);
  at->footer(
      "Opens nothing for writing, takes no lock, and waits for nobody. open: handles on the partition; beyond: "
      "events\n"
      "settled behind the position; held: who works on the partition.\n\n"
      "Examples:\n"
      "  tidings inspect tidings-data\n"
      "  tidings inspect --json | jq '.partitions[]?.writer'");
  shared(at);
}

void Parser::add_bridge() {
  auto* const at = command("bridge", "Mirror one broker to another, live, and carry groups over");
  at->add_option("FROM", bridging.from, "Where the events are")->required()->type_name("URL");
  at->add_option("TO", bridging.to, "Where they are to be too")->required()->type_name("URL");
  at->add_option("--topic", bridging.topics, "Only this one; may be repeated (all, also those that come later)")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  at->add_option("--name", bridging.name, "Of the bridge: two of one name, one each way, send nothing back (bridge)")
      ->type_name("NAME");
  add_partitions(*at, bridging.partitions, "Of topics that it makes there (as at the source)");
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

void Parser::add_demo() {
  auto* const at = command("demo", "The shop: five services, one is killed and catches up");
  auto* const orders = at->add_option("--orders", showing.orders, "Real orders, a CSV file, instead of made-up ones");
  orders->type_name("FILE");
  at->add_option("--rate", showing.rate, "Orders a second, 0 for no limit (100; with --orders no limit)")
      ->type_name("N")
      ->check(rate);
  at->add_option("--count", showing.count, "How many orders to make up (1200)")
      ->type_name("N")
      ->check(whole(1, 10'000'000))
      ->excludes(orders);
  auto* const seed =
      at->add_option("--seed", showing.seed, "Of the made-up orders, of --chaos, and of who cancels (1)");
  seed->type_name("N")->check(whole(0, offset_max));
  at->add_option("--repeat", showing.repeat, "Feed them so often, under new numbers (1)")
      ->type_name("N")
      ->check(whole(1, 100'000));
  at->add_option("--stock", showing.stock, "Items of each product at the start (unlimited)")
      ->type_name("N")
      ->check(whole(0, 1'000'000'000'000'000));
  at->add_option("--cancel-rate", showing.cancel_rate, "Part of the orders that is cancelled just after (0.03)")
      ->type_name("R")
      ->check(part);
  at->add_option("--decline-rate", showing.decline_rate, "Part of the payments that is declined (0.02)")
      ->type_name("R")
      ->check(part);
  at->add_option("--silent-rate", showing.silent_rate, "Part of the payments that is never answered (0.005)")
      ->type_name("R")
      ->check(part);
  auto* const kill = at->add_option("--kill", showing.kill, "The service to kill midway, or none (analytics)");
  kill->type_name("SERVICE")->check(victim);
  auto* const chaos =
      at->add_option("--chaos", showing.chaos, "Kill services at random, so often, instead of one midway");
  chaos->type_name("N")->check(whole(1, 10'000))->excludes(kill);
  at->add_option("--broker", showing.broker, "Broker; a log in a fresh directory if not given")->type_name("URL");
  at->add_option("--store", showing.store, "A PostgreSQL, where who has rows gets a schema (files)")->type_name("URL");
  at->add_option("--keep", showing.keep, "Keep everything in this directory, which must be new or empty")
      ->type_name("DIR");
  auto* const port = at->add_option("--dashboard-port", showing.dashboard_port,
                                    "Where the dashboard is, on this machine (7077, or any that is free)")
                         ->type_name("PORT")
                         ->check(whole(0, 65'535));
  at->add_flag_callback(
        "--no-dashboard", [this] { showing.has_dashboard = false; }, "Without the dashboard")
      ->excludes(port);
  at->add_flag("--check", showing.check, "Compare every result with one computed from the input; 1 if any differs");
  at->add_flag("--json", showing.json, "The summary as one JSON document");
  at->footer(
      "At a rate up to 1000 the service that is killed is held to 2.5 times the rate, so that its catching up can "
      "be\n"
      "watched. With --chaos all five are killed, spread over the run, and started again at once or within half a\n"
      "second. An order that has neither its goods nor its money in time is given up, and what it has of them is "
      "given\n"
      "back. Each run has a namespace of its own: --namespace is refused, and neither TIDINGS_NAMESPACE nor\n"
      "TIDINGS_BROKER is heeded.\n\n"
      "Examples:\n"
      "  tidings demo\n"
      "  tidings demo --orders online-retail.csv --check\n"
      "  tidings demo --count 5000 --rate 0 --kill inventory\n"
      "  tidings demo --chaos 30 --cancel-rate 0.1 --check\n"
      "  tidings demo --chaos 30 --check --store postgres://localhost/shop");
}

}  // namespace tidings::cli
