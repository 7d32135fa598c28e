#include "command_line/parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "output.hpp"

namespace tidings::cli {

namespace {

std::string environment(const char* name, std::string otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::move(otherwise) : value;
}

}  // namespace

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

Parser::Parser() {
  app.set_version_flag("--version", "tidings " TIDINGS_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this help; 'tidings COMMAND --help' says more");
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  app.get_formatter()->label("REQUIRED", "(required)");
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.get_formatter()->label("Excludes", "Not with");
  app.get_formatter()->label("Positionals", "Arguments");
  app.footer(
      "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted (SIGINT), 143 terminated (SIGTERM).\n\n"
      "Try:\n"
      "  tidings demo\n"
      "  tidings new orders --with outbox,nats\n"
      "  echo '{\"order_id\":\"7\"}' | tidings publish orders --key-field order_id\n"
      "  tidings tail orders --from earliest");
  common.broker = environment("TIDINGS_BROKER", common.broker);
  common.name_space = environment("TIDINGS_NAMESPACE", "");
  for (auto folders = environment("TIDINGS_CAPABILITIES", ""); !folders.empty();) {
    const auto end = std::min(folders.find(':'), folders.size());
    if (end > 0) scaffolding.folders.push_back(folders.substr(0, end));
    folders.erase(0, end + 1);
  }
  checking.capabilities = scaffolding.folders;
  projections.store = sagas.store = outbox.store = environment("TIDINGS_STORE", "");
  if (!outbox.store.empty()) watching.stores = asking.stores = {outbox.store};
  showing.version = watching.version = TIDINGS_VERSION;
  shared(&app);
  add_publish();
  add_tail();
  add_lists();
  add_changes();
  add_dead_letters();
  add_outbox();
  add_sagas();
  add_projections();
  add_trace();
  add_pauses();
  add_dashboard();
  add_folders();
  add_bridge();
  add_describe();
  add_check();
  add_demo();
  add_scaffold();
  app.failure_message([](const CLI::App*, const CLI::Error&) { return std::string(); });
}

CLI::App* Parser::command(const char* name, const std::string& help) {
  auto* const added = app.add_subcommand(name, help);
  added->group("Commands");
  added->set_help_flag("-h,--help", "Print this help");
  return added;
}

void Parser::shared(CLI::App* at) {
  at->add_option("--broker", common.broker, "Broker; $TIDINGS_BROKER, else log:./tidings-data")->type_name("URL");
  at->add_option("--namespace", common.name_space, "Stands before topics and groups; $TIDINGS_NAMESPACE")
      ->type_name("NAME");
  at->add_flag("--json", common.json, "One JSON document a line");
}

int Parser::run() {
  if (app.got_subcommand("publish")) return publish(common, publishing);
  if (app.got_subcommand("tail")) return tail(common, tailing);
  if (app.got_subcommand("topics")) {
    const auto* const of_topics = app.get_subcommand("topics");
    if (of_topics->got_subcommand("create")) return create_topic(common, changing);
    if (of_topics->got_subcommand("alter")) return alter_topic(common, changing);
    if (of_topics->got_subcommand("delete")) return delete_topic(common, changing);
    return topics(common, listing);
  }
  if (app.got_subcommand("new")) return scaffold_new(common, scaffolding);
  if (app.got_subcommand("add")) return scaffold_add(common, scaffolding);
  if (app.got_subcommand("capabilities")) return capabilities(common, scaffolding);
  if (app.got_subcommand("seek")) return seek(common, seeking);
  if (app.got_subcommand("groups")) {
    if (app.get_subcommand("groups")->got_subcommand("delete")) return delete_group(common, deleting);
    return groups(common, listing);
  }
  if (app.got_subcommand("bridge")) return bridge(common, bridging);
  if (app.got_subcommand("describe")) {
    if (describing.programs.empty() && describing.folder.empty()) {
      complain("name programs of services, or --dir DIR with what they have told");
      return wrong_usage;
    }
    const auto forms = {"--explain", "--verify", "--asyncapi", "--mermaid",
                        "--dot",     "--schema", "--steps",    "--diagram"};
    const auto* const at = app.get_subcommand("describe");
    if (std::ranges::count_if(forms, [&](const char* one) { return at->count(one) > 0; }) > 1) {
      complain(
          "it is told in one form at a time: give one of --explain, --verify, --asyncapi, --mermaid, --dot, "
          "--schema, --steps and --diagram");
      return wrong_usage;
    }
    if (!describing.handler.empty() && describing.as == DescribeArguments::As::flow)
      describing.as = DescribeArguments::As::steps;
    if (describing.broker.empty() && app.count("--broker") > 0) describing.broker = common.broker;
    return describe(common, describing);
  }
  if (app.got_subcommand("check")) return check_project(common, checking);
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
    return of_letters->got_subcommand("show") ? show_dead_letters(common, driving) : list_dead_letters(common, driving);
  }
  if (app.got_subcommand("outbox")) return run_outbox();
  if (app.got_subcommand("sagas")) return run_sagas();
  if (app.got_subcommand("projections")) return list_projections(common, projections);
  if (app.got_subcommand("trace")) return trace(common, tracing);
  if (app.got_subcommand("why")) return why(common, asking);
  if (app.got_subcommand("dashboard")) return dashboard(common, watching);
  if (app.got_subcommand("top")) return top(common, topping);
  const bool is_of_folder = app.got_subcommand("verify") || app.got_subcommand("inspect");
  if (app.count("--namespace") > 0 || (is_of_folder && app.get_subcommands().front()->count("--namespace") > 0)) {
    complain(is_of_folder ? "--namespace is no option of " + app.get_subcommands().front()->get_name() +
                                ": it looks at the whole folder"
                          : "--namespace is no option of demo: each run has a namespace of its own");
    return wrong_usage;
  }
  if (app.got_subcommand("verify")) return verify(common, verifying);
  if (app.got_subcommand("inspect")) return inspect(common, inspecting);
  const auto* const of_demo = app.get_subcommand("demo");
  if (of_demo->count("--seed") > 0 && of_demo->count("--orders") > 0 && showing.chaos == 0 &&
      showing.cancel_rate == 0) {
    complain(
        "--seed is of made-up orders, of --chaos, and of who cancels: with --orders and none of these it does nothing");
    return wrong_usage;
  }
  if (!showing.broker && app.count("--broker") > 0) showing.broker = common.broker;
  showing.json = showing.json || common.json;
  return demo(showing);
}

}  // namespace tidings::cli
