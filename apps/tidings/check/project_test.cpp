#include "check/project.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "check/changes.hpp"
#include "check/report.hpp"
#include "check/schemas.hpp"
#include "check/testing.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::check {

// What a reader of SARIF needs at least.
struct SarifText {
  std::string text;
};
struct SarifRule {
  std::string id;
  std::optional<SarifText> shortDescription;
};
struct SarifDriver {
  std::string name, version;
  std::vector<SarifRule> rules;
};
struct SarifTool {
  SarifDriver driver;
};
struct SarifArtifact {
  std::string uri;
};
struct SarifRegion {
  int startLine = 0, startColumn = 0;
};
struct SarifPhysical {
  SarifArtifact artifactLocation;
  SarifRegion region;
};
struct SarifLocation {
  SarifPhysical physicalLocation;
};
struct SarifResult {
  std::string ruleId, level;
  std::size_t ruleIndex = 1000;
  SarifText message;
  std::vector<SarifLocation> locations;
};
struct SarifRun {
  SarifTool tool;
  std::vector<SarifResult> results;
};
struct SarifLog {
  std::string version;
  std::vector<SarifRun> runs;
};

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string wrong(const std::string& record) {
  auto read = read_settings(record, "tidings.toml", rule_names());
  return read ? "" : read.error().message;
}

TEST(Settings, AreReadFromTheRecord) {
  const auto read = read_settings(
      "name = \"orders\"\nlayout = \"hexagonal\"\ncapabilities = [\"outbox\"]\n[acknowledged]\n\"x\" = "
      "\"y\"\n[check]\nignore = [\"gen/**\"]\n"
      "external = [\"mails\"]\n[check.limits]\nlines = 10\n[check.severity]\ngod-file = \"error\"\n",
      "tidings.toml", rule_names());
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  EXPECT_THAT(read->ignore, ElementsAre("gen/**"));
  EXPECT_THAT(read->external, ElementsAre("mails"));
  EXPECT_EQ(read->lines_max, 10u);
  EXPECT_EQ(read->severities.at("god-file"), Severity::error);
  ASSERT_EQ(read->layers.size(), 3u);
  EXPECT_EQ(read->layers[1].name, "ports");
}

TEST(Settings, ThatAreWrongAreNamedWithTheirLine) {
  EXPECT_EQ(wrong("version = 1\n[check]\nignroe = []\n"),
            "tidings.toml:3: unknown key 'ignroe' in [check]; did you mean 'ignore'?");
  EXPECT_THAT(wrong("[chek]\n"), HasSubstr("did you mean 'check'?"));
  EXPECT_THAT(wrong("[check.severity]\nunchecked-publsh = \"off\"\n"),
              HasSubstr("tidings.toml:2: there is no rule 'unchecked-publsh'; did you mean 'unchecked-publish'?"));
  EXPECT_THAT(wrong("[check.severity]\ngod-file = \"high\"\n"), HasSubstr("a severity is"));
  EXPECT_THAT(wrong("[check.layers]\ndomain = [\"adaptors\"]\nadapters = []\n"),
              HasSubstr("'adaptors' is no layer; did you mean 'adapters'?"));
  EXPECT_THAT(wrong("[check.limits]\nlines = 0\n"), HasSubstr("from 1 to"));
  EXPECT_THAT(wrong("[check]\nignore = \"a\"\n"), HasSubstr("is a list of texts"));
  EXPECT_THAT(wrong("a = \n"), StartsWith("tidings.toml:1"));
  EXPECT_THAT(wrong("a = 1\n\xff\n"), StartsWith("tidings.toml:2 is no UTF-8"));
  EXPECT_THAT(wrong(std::string(3000, '.') + " = 1\n"), HasSubstr("dots"));
  EXPECT_NE(wrong("check = 1\n"), "");
}

TEST(Patterns, MatchPaths) {
  EXPECT_TRUE(matches("src/*.cpp", "src/a.cpp"));
  EXPECT_FALSE(matches("src/*.cpp", "src/b/a.cpp"));
  EXPECT_TRUE(matches("**/a.cpp", "a.cpp"));
  EXPECT_TRUE(matches("**/wrong_*/**", "src/event/wrong_events/a.cpp"));
  EXPECT_TRUE(matches("gen", "gen/a/b.cpp"));
  EXPECT_FALSE(matches("gen", "generated.cpp"));
  EXPECT_TRUE(matches("src/**/*.cpp", "src/a.cpp"));
  EXPECT_TRUE(matches("src/**/x*.cpp", "src/a/b/xy.cpp"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches(std::string(2000, '*') + "b", std::string(2000, 'a'))) << "and soon";
}

TEST(Changes, AreReadFromGit) {
  Changes changes;
  changes.add_diff(
      "diff --git a/src/a.cpp b/src/a.cpp\n--- a/src/a.cpp\n+++ b/src/a.cpp\n@@ -3,0 +4,2 @@ void f()\n+a\n+++ "
      "b/x.cpp\n@@ -9 +11 @@\n-b\n+c\n"
      "--- a/gone.cpp\n+++ /dev/null\n@@ -1 +0,0 @@\n-d\n+++ \"b/caf\\303\\251.cpp\"\n@@ -1 +1 @@\n-a\n+b\n");
  EXPECT_FALSE(changes.has("src/a.cpp", 3));
  EXPECT_TRUE(changes.has("src/a.cpp", 4));
  EXPECT_TRUE(changes.has("src/a.cpp", 5));
  EXPECT_FALSE(changes.has("src/a.cpp", 6));
  EXPECT_TRUE(changes.has("src/a.cpp", 11));
  EXPECT_FALSE(changes.has("x.cpp", 11)) << "a line that was added looks like a file's name";
  EXPECT_FALSE(changes.has("gone.cpp", 1));
  EXPECT_TRUE(changes.has("caf\xc3\xa9.cpp", 1));
}

TEST(CMake, IsReadLightly) {
  const auto commands = read_cmake(
      "# a\nADD_library(\"a b\" STATIC x.cpp;y.cpp # z\n  [[bracket]]) #[[ more\n]] target_link_libraries(a\nPUBLIC "
      "b)\nif(A AND (B))\nendif()");
  ASSERT_EQ(commands.size(), 4u);
  EXPECT_EQ(commands[0].name, "add_library");
  EXPECT_THAT(commands[0].words, ElementsAre("a b", "STATIC", "x.cpp", "y.cpp"));
  EXPECT_EQ(commands[1].line, 4u);
  EXPECT_THAT(commands[1].words, ElementsAre("a", "PUBLIC", "b"));
}

// ---- reports

std::vector<Finding> some_findings() {
  return {{"unchecked-publish", Severity::warning, "src/a b.cpp", 3, 7, "the \"result\" \x1b[31m", "it is lost",
           "look at it"},
          {"capability", Severity::error, "tidings.toml", 1, 1, "no outbox", "lost", "add it"}};
}

TEST(Reports, AreTextForPeople) {
  const auto text = to_text(some_findings());
  EXPECT_THAT(
      text,
      StartsWith(
          "src/a b.cpp:3:7: warning: the \"result\" \\x1B[31m [unchecked-publish]\n    what can happen: it is lost\n"));
  EXPECT_THAT(text, HasSubstr("1 error, 1 warning, 0 pieces of advice\n"));
  EXPECT_EQ(to_text({}), "");
}

TEST(Reports, AreSarif) {
  const auto read = JsonCodec::decode<SarifLog>(to_sarif(some_findings(), "1.2.3"));
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  EXPECT_EQ(read->version, "2.1.0");
  ASSERT_EQ(read->runs.size(), 1u);
  const auto& run = read->runs[0];
  EXPECT_EQ(run.tool.driver.name, "tidings check");
  EXPECT_EQ(run.tool.driver.version, "1.2.3");
  ASSERT_EQ(run.results.size(), 2u);
  for (const auto& one : run.results) {
    EXPECT_EQ(run.tool.driver.rules.at(one.ruleIndex).id, one.ruleId);
    EXPECT_FALSE(one.message.text.empty());
    ASSERT_EQ(one.locations.size(), 1u);
    EXPECT_GE(one.locations[0].physicalLocation.region.startLine, 1);
    EXPECT_GE(one.locations[0].physicalLocation.region.startColumn, 1);
  }
  EXPECT_EQ(run.results[0].locations[0].physicalLocation.artifactLocation.uri, "src/a%20b.cpp");
  EXPECT_EQ(run.results[0].level, "warning");
  EXPECT_EQ(run.tool.driver.rules.size(), rules().size() + 1);
}

TEST(Reports, AreJsonLines) {
  const auto text = to_json_lines(some_findings());
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_THAT(text, HasSubstr(R"("severity":"warning","file":"src/a b.cpp","line":3,"column":7,"what":)"));
}

TEST(Rules, SayAllThatTheyShould) {
  for (const auto* rule : rules())
    for (const auto text : {rule->finds, rule->can_happen, rule->to_do, rule->bad, rule->good})
      EXPECT_GT(text.size(), 20u) << rule->id;
}

std::string text_of(const std::string& path) {
  auto text = read_text(std::string(TIDINGS_SOURCE) + "/" + path);
  return text ? *text : std::string();
}

TEST(Rules, StandInTheDocumentation) {
  const auto page = text_of("docs/check.md");
  const std::string mark = "<!-- made by: tidings check --rules-markdown -->\n";
  const auto at = page.find(mark);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(page.substr(at + mark.size()), rules_as_markdown())
      << "cut docs/check.md behind the mark, and put there what it prints";
}

TEST(House, HasNothingToBeFound) {
  for (const std::string folder : {"", "/examples/shop"}) {
    const auto project =
        read_project({.folder = std::string(TIDINGS_SOURCE) + folder, .compile_commands = "", .rules = rule_names()});
    ASSERT_TRUE(project.has_value()) << to_string(project.error());
    EXPECT_GT(project->files.size(), 10u);
    EXPECT_TRUE(project->uses_tidings);
    EXPECT_EQ(to_text(found_in(*project)), "");
  }
}

TEST(House, IsUnderstood) {
  const auto project = read_project(
      {.folder = std::string(TIDINGS_SOURCE) + "/examples/shop", .compile_commands = "", .rules = rule_names()});
  ASSERT_TRUE(project.has_value());
  const Code code(*project);
  const Facts facts(code);
  std::vector<std::string> handlers;
  for (const auto& one : facts.handlers)
    if (!one.file->is_test) {
      handlers.push_back(one.name);
      EXPECT_TRUE(one.function) << one.name;
      EXPECT_FALSE(one.events.empty()) << one.name;
    }
  EXPECT_THAT(handlers,
              testing::IsSupersetOf({"take-orders", "keep-stock", "keep-accounts", "settle-orders", "send-mails"}))
      << "silence because nothing is seen is none";
  EXPECT_GE(facts.events.size(), 8u);
  EXPECT_FALSE(facts.publications.empty());
}

TEST(Schemas, AreWrittenAndReadAgain) {
  const auto project = make_project({{"events.hpp", text_of("examples/shop/events.hpp")}});
  ASSERT_TRUE(project.has_value());
  const Code code(*project);
  const auto schemas = schemas_of(Facts(code));
  EXPECT_GE(schemas.events.size(), 8u);
  const auto json = to_json(schemas);
  const auto read = read_schemas(json, "events.lock.json");
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  EXPECT_EQ(to_json(*read), json);
  EXPECT_THAT(read_schemas("{", "x.json").error().message, HasSubstr("x.json"));
  EXPECT_FALSE(read_schemas("{\"version\": 2}", "x.json").has_value());
}

}  // namespace

}  // namespace tidings::check
