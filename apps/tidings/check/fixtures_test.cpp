// Every rule finds what stands in its bad fixtures, where they say so, and nothing else; in good ones nothing is found.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "check/rule.hpp"
#include "check/testing.hpp"
#include "project_file.hpp"

namespace tidings::check {

namespace {

namespace fs = std::filesystem;

const std::string fixtures = TIDINGS_CHECK_FIXTURES;

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& one : fs::directory_iterator(folder))
    if (!one.path().filename().string().starts_with('.')) found.push_back(one.path());
  std::ranges::sort(found);
  return found;
}

using Places = std::multiset<std::string>;  // `file:line: rule`, as often as it is told

/// Takes `// expect: rule` out, since a comment may be a reason, and says where they stood.
std::string without_marks(const std::string& text, const std::string& path, Places& expected) {
  static const std::regex mark(R"(\s*(//|#) expect: ([a-z, -]+)$)");
  std::string out;
  std::size_t line = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto said = text.substr(at, end - at);
    at = end + 1;
    ++line;
    std::smatch found;
    if (std::regex_search(said, found, mark)) {
      std::string names = found[2].str();
      for (std::size_t name = 0; name < names.size();) {
        const auto size = std::min(names.find(", ", name), names.size()) - name;
        expected.insert(path + ":" + std::to_string(line) + ": " + names.substr(name, size));
        name += size + 2;
      }
      said = found.prefix();
    }
    out += said + "\n";
  }
  return out;
}

void judge(const fs::path& path) {
  SCOPED_TRACE(path.string());
  std::vector<std::pair<std::string, std::string>> files;
  Places expected;
  const auto add = [&](const fs::path& file, const std::string& name) {
    auto text = read_project_file(file.string());
    ASSERT_TRUE(text.has_value());
    files.emplace_back(name, without_marks(*text, name, expected));
  };
  if (fs::is_directory(path)) {
    for (const auto& one : fs::recursive_directory_iterator(path))
      if (one.is_regular_file()) add(one.path(), one.path().lexically_relative(path).string());
  } else {
    add(path, path.filename().string());
  }
  const auto project = make_project(std::move(files), rule_names());
  ASSERT_TRUE(project.has_value()) << to_string(project.error());
  Places found;
  for (const auto& one : found_in(*project)) found.insert(one.file + ":" + std::to_string(one.line) + ": " + one.rule);
  EXPECT_EQ(found, expected);
  const auto name = path.filename().string();
  EXPECT_EQ(expected.empty(), name.starts_with("good_")) << "bad ones say what is expected, good ones expect nothing";
  const auto rule = path.parent_path().filename().string();
  EXPECT_TRUE(expected.empty() ||
              std::ranges::any_of(expected, [&](const auto& one) { return one.ends_with(": " + rule); }));
}

TEST(Fixtures, AreJudgedAsTheySay) {
  for (const auto& rule : entries(fixtures))
    for (const auto& one : entries(rule)) judge(one);
}

TEST(Fixtures, EveryRuleHasSomeAndGoodOnesTwice) {
  std::set<std::string> have;
  for (const auto& rule : entries(fixtures)) {
    const auto name = rule.filename().string();
    have.insert(name);
    std::size_t bad = 0, good = 0;
    for (const auto& one : entries(rule)) ++(one.filename().string().starts_with("bad_") ? bad : good);
    EXPECT_GE(bad, 1u) << name;
    EXPECT_GE(good, 2 * bad) << name;
  }
  const auto names = rule_names();
  EXPECT_EQ(have, std::set<std::string>(names.begin(), names.end()));
}

TEST(Examples, OfRulesAreWhatTheySay) {
  for (const auto* rule : rules()) {
    if (!rule->bad.starts_with("#include")) continue;
    SCOPED_TRACE(std::string(rule->id));
    for (const bool is_bad : {true, false}) {
      const auto project = make_project({{"example.cpp", std::string(is_bad ? rule->bad : rule->good)}});
      ASSERT_TRUE(project.has_value());
      std::set<std::string> found;
      for (const auto& one : found_in(*project)) found.insert(one.rule);
      EXPECT_EQ(found, is_bad ? std::set<std::string>{std::string(rule->id)} : std::set<std::string>{});
    }
  }
}

}  // namespace

}  // namespace tidings::check
