// What `tidings check` reads: sources, tidings.toml, CMakeLists.txt, events.lock.json, and what git says was changed.
// The first byte says which; a source is judged by all rules.
#include "check/changes.hpp"
#include "check/report.hpp"
#include "check/rule.hpp"
#include "check/schemas.hpp"
#include "fuzzing.hpp"

namespace tidings::fuzzing {

namespace {

void source(const std::string& text) {
  const auto tokens = check::tokenize(text);
  const auto structure = check::find_structure(tokens);
  require(structure.match.size() == tokens.tokens.size(), "every token may have another bracket");
  const auto size = static_cast<std::uint32_t>(tokens.tokens.size());
  const auto lies_within = [&](check::Range range) { return range.empty() || range.end <= size; };
  for (const auto& token : tokens.tokens)
    require(token.line >= 1 && token.column >= 1 && !token.text.empty(), "a token stands somewhere");
  for (const auto& one : structure.functions)
    require(lies_within(one.body) && lies_within(one.returns), "functions lie in the source");
  for (const auto& one : structure.structs) require(lies_within(one.body), "structs lie in the source");
  for (const auto& one : structure.variables)
    require(lies_within(one.value) && lies_within(one.type), "variables lie in the source");
  for (const auto& one : structure.calls) require(one.open < one.close && one.close < size, "calls lie in the source");
  const auto project =
      check::make_project({{"a.cpp", text}, {"b.hpp", text}, {"events.lock.json", "{\"version\": 1, \"events\": []}"}});
  if (!project) return;
  const check::Project* const all[] = {&*project, &*project};
  const auto found = check::find(all);
  (void)check::to_text(found);
  (void)check::to_json_lines(found);
  (void)check::to_sarif(found, "0", check::rule_texts());
  const check::Code code(*project);
  const auto json = check::to_json(check::schemas_of(check::Facts(code)));
  require(check::read_schemas(json, "events.lock.json").has_value(), "what is written is read");
}

}  // namespace

void try_input(Bytes input) {
  Input taken(input);
  const auto which = taken.take<std::uint8_t>();
  const std::string text(text_of(taken.rest()));
  switch (which % 5) {
    case 1:
      (void)check::read_settings(text, "tidings.toml", check::rule_names());
      break;
    case 2:
      (void)check::make_project({{"CMakeLists.txt", text}, {"a.cpp", "int a;"}});
      break;
    case 3:
      (void)check::read_schemas(text, "events.lock.json");
      break;
    case 4: {
      check::Changes changes;
      changes.add_diff(text);
      (void)changes.has("a.cpp", 1);
      (void)check::matches(text.substr(0, text.size() / 2), text.substr(text.size() / 2));
      break;
    }
    default:
      source(text);
  }
}

std::vector<std::string> seeds() {
  std::vector<std::string> found;
  for (const auto* rule : check::rules()) {
    found.push_back('\0' + std::string(rule->bad));
    found.push_back('\0' + std::string(rule->good));
  }
  found.push_back(
      "\1version = 1\nlayout = \"layered\"\n[check]\nignore = [\"a/**\"]\n[check.layers]\ndomain = "
      "[]\n[check.severity]\ngod-file = \"off\"\n");
  found.push_back(
      "\2add_library(a STATIC ${x}/a.cpp)\nfile(GLOB_RECURSE all src/*.cpp)\ntarget_link_libraries(a PUBLIC b)\n");
  found.push_back(
      "\3{\"version\": 1, \"events\": [{\"event\": \"a\", \"members\": [{\"name\": \"b\", \"type\": \"int\"}]}]}");
  found.push_back("\4+++ b/a.cpp\n@@ -1,0 +2,3 @@\n+x\n");
  return found;
}

}  // namespace tidings::fuzzing
