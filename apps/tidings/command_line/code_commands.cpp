#include "command_line/parser.hpp"

// Commands about the code of services.
namespace tidings::cli {

void Parser::add_check() {
  auto* const at = command("check", "Read the code of services, and tell what is unsafe, or not as it should be");
  at->add_option("DIR", checking.folders, "Folders of projects; several services are looked at together (.)")
      ->type_name("");
  at->add_option("--compile-commands", checking.compile_commands,
                 "compile_commands.json, or its folder; those of build folders if not given")
      ->type_name("PATH");
  auto* const diff =
      at->add_option("--diff", checking.reference, "Only what stands in lines that were changed since this commit");
  diff->type_name("REF")->check(
      [](const std::string& reference) {
        return reference.empty() ? "it names no commit: what it is given is empty, as a variable is that is not set"
                                 : std::string();
      },
      "", "");
  at->add_flag("--staged", checking.staged, "Only what stands in lines that are staged")->excludes(diff);
  at->add_option("--sarif", checking.sarif,
                 "SARIF 2.1.0 into this file; - is standard output, and nothing else is printed")
      ->type_name("FILE");
  at->add_flag("--update-schemas", checking.update_schemas, "Record what events look like now, in events.lock.json");
  at->add_flag("--list-rules", checking.list_rules, "What is looked for");
  at->add_flag("--rules-markdown", checking.markdown, "The same as a page")->group("");
  at->add_option("--capabilities", checking.capabilities,
                 "More capabilities, of your own; may be repeated; $TIDINGS_CAPABILITIES")
      ->type_name("DIR")
      ->expected(1)
      ->allow_extra_args(false)  // what follows is a project
      ->take_all();
  at->add_option("--explain", checking.explain, "What a rule finds, what can happen, what to do, with examples")
      ->type_name("RULE");
  at->footer(
      "Nothing is configured, built or run. Settings: [check] in the project's tidings.toml (docs/check.md). What is "
      "right\n"
      "where it stands: '// tidings: allow(RULE): reason', there or in the line before. Exit status: 1 with errors, 0 "
      "with\n"
      "warnings and advice alone, 2 where it could not look, or not tell.\n\n"
      "Examples:\n"
      "  tidings check\n"
      "  tidings check services/orders services/billing --json | jq 'select(.severity == \"error\")'\n"
      "  tidings check --diff origin/main --sarif check.sarif\n"
      "  tidings check --explain unchecked-publish");
  checking.version = TIDINGS_VERSION;
  at->add_flag("--json", common.json, "One JSON document a line");
}

}  // namespace tidings::cli
