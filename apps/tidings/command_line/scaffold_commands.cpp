#include <unistd.h>

#include "command_line/parser.hpp"

// Commands that make and extend projects.
namespace tidings::cli {

namespace {

void add_folders_option(CLI::App* at, ScaffoldArguments& into) {
  at->add_option("--capabilities", into.folders,
                 "More capabilities, of your own; may be repeated; $TIDINGS_CAPABILITIES")
      ->type_name("DIR")
      ->expected(1)
      ->allow_extra_args(false)  // what follows is a name
      ->take_all();
}

/// As it was said; `split` takes it apart.
CLI::Option* add_list(CLI::App* at, const char* name, std::vector<std::string>& into, const char* help) {
  return at->add_option(name, into, help)->type_name("CAP,CAP")->expected(1)->allow_extra_args(false)->take_all();
}

}  // namespace

void Parser::add_scaffold() {
  auto* at = command("new", "Make a service: a project that builds, passes its tests and runs");
  at->add_option("NAME", scaffolding.name, "Of the service; asked for where there is somebody to ask")->type_name("");
  auto* const with = add_list(at, "--with", scaffolding.with, "What it can do; 'tidings capabilities' lists it");
  add_list(at, "--without", scaffolding.without,
           "Of what every new project has (docker, ci-github, testing, …), leave this out");
  auto* const layout =
      at->add_option("--layout", scaffolding.layout, "Folders: layered (the default), hexagonal or flat");
  layout->type_name("LAYOUT")->check(CLI::IsMember({"layered", "hexagonal", "flat"}));
  at->add_option("--into", scaffolding.into, "The project's folder, new or empty (./NAME)")->type_name("DIR");
  at->add_flag("--dry-run", scaffolding.dry_run, "Only list the files");
  at->add_flag("--json", common.json, "One JSON document: what the project has, its files and warnings");
  add_folders_option(at, scaffolding);
  at->callback([this, with, layout] {
    scaffolding.has_layout = layout->count() > 0;
    const bool can_ask = !common.json && ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
    scaffolding.asks = with->count() == 0 && can_ask;
    scaffolding.is_bare = with->count() == 0 && !can_ask;
  });
  at->footer(
      "Asks, where no --with is given and there is somebody to ask; else takes outbox. Warnings do not change the exit "
      "status.\n\n"
      "Examples:\n"
      "  tidings new orders --with event-bus,outbox,nats\n"
      "  tidings new orders --with saga,postgres,kafka --layout hexagonal --dry-run");
  at = command("add", "Extend a project that 'tidings new' made; what you changed is never overwritten");
  at->add_option("CAP", scaffolding.with, "Capabilities")->required()->type_name("");
  at->add_option("--into", scaffolding.into, "The project's folder (.)")->type_name("DIR");
  at->add_option("--keep", scaffolding.kept,
                 "Leave this file as it is: you have brought it up by hand; may be repeated")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  at->add_flag("--dry-run", scaffolding.dry_run, "Only say which files would change");
  at->add_flag("--json", common.json, "One JSON document: what the project has, its warnings, and what has changed");
  add_folders_option(at, scaffolding);
  at->footer(
      "What comes is put beside what you changed. Where both are of the same lines the difference is shown, nothing is "
      "written, and the exit status is 1.\n\n"
      "Example:\n"
      "  tidings add inbox dead-letters");
  at = command("capabilities", "What there is to choose from, and what goes with what");
  at->add_option("NAME", scaffolding.name, "Only this one, in full")->type_name("");
  auto* const json = at->add_flag("--json", common.json, "One JSON document a line");
  at->add_flag("--markdown", scaffolding.markdown, "As a page")->excludes(json);
  add_folders_option(at, scaffolding);
}

}  // namespace tidings::cli
