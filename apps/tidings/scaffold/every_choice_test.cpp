// What is embedded: every capability alone and every pair, in every layout.
#include <gmock/gmock.h>

#include "scaffold/contains.hpp"
#include "scaffold/neat.hpp"
#include "scaffold/testing.hpp"

namespace tidings::scaffold {
namespace {

bool are_in_conflict(const std::string& a, const std::string& b) {
  return contains(catalogue().find(a)->conflicts, b, &Conflict::capability) ||
         contains(catalogue().find(b)->conflicts, a, &Conflict::capability);
}

/// What is wrong with a file's looks.
std::string ugly(const GeneratedFile& file) {
  if (file.text.empty()) return "is empty";
  if (file.text.front() == '\n' || !file.text.ends_with('\n') || file.text.ends_with("\n\n"))
    return "has blank lines at an end";
  if (file.text.contains("\n\n\n")) return "has two blank lines";
  const bool takes_tabs = file.path.ends_with("Makefile");  // whose recipes begin with one
  if (file.text.contains(" \n") || (!takes_tabs && file.text.contains('\t')))
    return "has blanks at the end of a line, or tabs";
  if (file.text.contains("<%") || file.text.contains("%>") || file.text.contains('\x01') || file.text.contains('\x02'))
    return "has a tag left";
  if (file.path.contains('@') || file.path.contains("<%") || file.path.starts_with('/') || file.path.contains(".."))
    return "has a strange path";
  return "";
}

/// Renders it, and checks what must hold of every project.
void check(const std::set<std::string>& asked, Layout layout, std::string_view name = "orders") {
  const auto project = make_project(catalogue(), name, layout, asked);
  ASSERT_TRUE(project) << project.error().message;
  std::set<std::string> paths;
  for (const auto& file : project->files) {
    EXPECT_TRUE(paths.insert(file.path).second) << file.path << " is there twice";
    EXPECT_EQ(ugly(file), "") << file.path << " of " << ::testing::PrintToString(asked) << "\n" << file.text;
    if (!file.path.ends_with(".hpp") && !file.path.ends_with(".cpp")) continue;
    // What is included of the project itself is there.
    for (const auto& line : lines_of(file.text)) {
      if (!line.starts_with("#include \"") || line.contains("tidings/")) continue;
      const auto included = line.substr(10, line.size() - 11);
      const auto beside = file.path.substr(0, file.path.rfind('/') + 1) + included;
      EXPECT_TRUE(contains(project->files, "src/" + included, &GeneratedFile::path) ||
                  contains(project->files, beside, &GeneratedFile::path))
          << file.path << " includes " << included << " in " << ::testing::PrintToString(asked);
    }
  }
}

TEST(EveryChoice, alone) {
  for (const auto layout : layouts) {
    check({}, layout);
    for (const auto& name : catalogue().names()) check({name}, layout);
  }
}

TEST(EveryChoice, in_pairs) {
  std::size_t pairs = 0;
  for (const auto& a : catalogue().names())
    for (const auto& b : catalogue().names()) {
      if (a >= b) continue;
      if (are_in_conflict(a, b)) {
        const auto refused = make_project(catalogue(), "orders", Layout::flat, {a, b});
        ASSERT_FALSE(refused) << a << " " << b;
        EXPECT_EQ(refused.error().code, "capability_conflict");
        continue;
      }
      ++pairs;
      for (const auto layout : layouts) check({a, b}, layout);
      if (::testing::Test::HasFailure()) return;
    }
  EXPECT_GT(pairs, 20U);
}

TEST(EveryChoice, all_that_go_together) {
  std::set<std::string> asked;
  for (const auto& name : catalogue().names())
    if (std::ranges::none_of(asked, [&](const auto& other) { return are_in_conflict(name, other); }))
      asked.insert(name);
  for (const auto layout : layouts)
    for (const auto* const name :
         {"orders", "a", "stock-keeper", "a23456789-123456789-123456789-123456789-123456789-123456789-123"})
      check(asked, layout, name);
}

/// What stands between `before` and `after` in a text, each time.
std::vector<std::string> between(std::string_view text, std::string_view before, std::string_view after) {
  std::vector<std::string> found;
  for (auto at = text.find(before); at != text.npos; at = text.find(before, at + 1)) {
    const auto begin = at + before.size();
    found.emplace_back(text.substr(begin, text.find_first_of(after, begin) - begin));
  }
  return found;
}

TEST(EveryChoice, no_service_can_have_the_name_of_a_target_or_server_of_its_project) {
  std::set<std::string> taken;
  for (const auto& name : catalogue().names()) {
    const auto project = make_project(catalogue(), "orders", Layout::layered, {"docker", name}).or_throw();
    for (const auto& file : project.files) {
      if (file.path == "compose.yaml")
        for (const auto& key : between(file.text.substr(0, file.text.find("\nvolumes:")), "\n  ", ":\n"))
          taken.insert(key);
      if (file.path.contains("CMake") || file.path.ends_with(".cmake"))
        for (const auto& target : between(file.text, "add_custom_target(", " \n)")) taken.insert(target);
    }
  }
  EXPECT_THAT(taken, ::testing::IsSupersetOf({"orders", "nats", "kafka", "postgres", "format", "lint"}));
  taken.erase("orders");
  for (const auto& name : taken)
    if (!name.starts_with(' ')) {
      EXPECT_FALSE(names_of(name)) << name;
    }
}

const GeneratedFile& file_of(const Project& project, const std::string& path) {
  return *std::ranges::find(project.files, path, &GeneratedFile::path);
}

TEST(EveryChoice, pipelines_install_each_package_once_and_what_the_project_asks_for) {
  for (const auto* const more : {"event-bus", "sqlite", "postgres", "nats", "kafka", "http-api", "linting"}) {
    const auto project =
        make_project(catalogue(), "orders", Layout::layered, {"ci-github", "ci-gitlab", "testing", more}).or_throw();
    for (const auto* const path : {".github/workflows/ci.yml", ".gitlab-ci.yml"}) {
      const auto& text = file_of(project, path).text;
      const auto end = text.find("\n", text.find("libcli11-dev"));
      const auto begin = text.rfind("--no-install-recommends", end);
      std::string line;
      for (const char c : text.substr(begin, text.find("\n", end + 1) - begin)) line += c == '\n' ? ' ' : c;
      const auto times = [&](const std::string& name) { return between(line + " ", " " + name, " ").size(); };
      for (const auto* const name : {"libsqlite3-dev", "pkgconf", "ninja-build", "git"})
        EXPECT_EQ(times(name), 1U) << path << " with " << more << ": " << line;
      const std::size_t lints = std::string_view(more) == "linting" ? 1 : 0;
      EXPECT_EQ(times("clang-format-19"), lints) << line;
      EXPECT_EQ(times("clang-tidy-19"), lints) << line;
    }
  }
}

TEST(EveryChoice, what_it_keeps_in_a_folder_beside_it_is_in_a_volume) {
  for (const auto& name : catalogue().names())
    for (const auto* const broker : {"event-bus", "embedded-log", "kafka", "nats"}) {
      const auto project = make_project(catalogue(), "orders", Layout::layered, {"docker", name, broker});
      if (!project) continue;
      const auto& settings = file_of(*project, "orders.toml").text;
      EXPECT_EQ(settings.contains("log:./") || settings.contains("sqlite:./"),
                file_of(*project, "compose.yaml").text.contains("- \"data:/data\""))
          << name << ", " << broker;
    }
}

TEST(EveryChoice, settings_are_written_as_tidings_writes_its_own) {
  for (const auto& name : catalogue().names()) {
    const auto project = make_project(catalogue(), "orders", Layout::layered, {name}).or_throw();
    for (const auto& line : lines_of(file_of(project, "orders.toml").text)) {
      if (line.starts_with('#') || line.starts_with('[')) continue;
      EXPECT_FALSE(line.substr(0, line.find('=')).contains('-')) << name << ": " << line;
    }
  }
}

/// Each event of the sources, with its topic.
std::map<std::string, std::string> topics_by_event(const Project& project) {
  std::map<std::string, std::string> found;
  for (const auto& file : project.files) {
    if (!file.path.starts_with("src/")) continue;
    for (const auto& traits : between(file.text, "tidings::traits<", ";")) {
      const auto topic = between(traits, ".topic = \"", "\"");
      if (!topic.empty()) found[traits.substr(0, traits.find('>'))] = topic.front();
    }
  }
  return found;
}

TEST(EveryChoice, the_audit_log_is_of_every_topic) {
  for (const auto& name : catalogue().names()) {
    const auto project = make_project(catalogue(), "orders", Layout::flat, {"audit-log", name}).or_throw();
    const auto topics = topics_by_event(project);
    std::set<std::string> wanted, audited;
    for (const auto& [event, topic] : topics) wanted.insert(topic);
    for (const auto& names : between(file_of(project, "src/audit_log.cpp").text, "add.operator()<", ">"))
      for (std::size_t at = 0; at < names.size(); at = std::min(names.find(", ", at), names.size() - 2) + 2)
        audited.insert(topics.at(names.substr(at, names.find(',', at) - at)));
    EXPECT_EQ(audited, wanted) << name;
  }
}

TEST(EveryChoice, no_broker_store_or_server_stands_under_the_domain) {
  for (const auto& name : catalogue().names()) {
    const auto project = make_project(catalogue(), "orders", Layout::layered, {name}).or_throw();
    const auto domain = between(file_of(project, "CMakeLists.txt").text, "layer(domain LINKS", ")");
    ASSERT_EQ(domain.size(), 1U);
    for (const auto* const target : {"${", "service", "stores", "brokers", "outbox", "::httplib", "OpenSSL"})
      EXPECT_FALSE(domain[0].contains(target)) << name << ": " << domain[0];
  }
}

TEST(EveryChoice, the_application_knows_the_world_by_interfaces_alone) {
  std::set<std::string> interfaces;
  for (const auto& name : catalogue().names())
    for (const auto* const more : {"event-bus", "outbox", "http-api"}) {
      const auto project = make_project(catalogue(), "orders", Layout::hexagonal, {"event-bus", more, name});
      if (!project) continue;
      for (const auto& file : project->files) {
        if (!file.path.starts_with("src/ports/")) continue;
        for (const auto* const world : {".execute(", ".query", "tidings/store/", "tidings/outbox/", "tidings/broker",
                                        "tidings/service/", "adapters/"})
          EXPECT_FALSE(file.text.contains(world)) << file.path << " with " << name << ": " << world;
        for (const auto& port : between(file.text, "class ", " "))
          if (file.text.contains("virtual ~" + port)) interfaces.insert(port);
      }
      for (const auto& file : project->files)
        if (file.path.starts_with("src/adapters/"))
          for (const auto& adapter : between(file.text, " final : public ", " ")) interfaces.erase(adapter);
      EXPECT_THAT(interfaces, ::testing::IsEmpty()) << name << ", " << more << ": no adapter implements them";
    }
  const auto project = make_project(catalogue(), "orders", Layout::hexagonal, {"event-bus"}).or_throw();
  EXPECT_TRUE(file_of(project, "src/ports/submissions.hpp").text.contains("virtual "));
}

TEST(EveryChoice, what_silences_the_warning_of_health_has_a_health_check) {
  const auto with = make_project(catalogue(), "orders", Layout::layered, {"docker", "health"}).or_throw();
  const auto address = between(file_of(with, "orders.toml").text, "http.listen = \"", "\"");
  ASSERT_EQ(address.size(), 1U);
  auto asked = address[0];
  std::ranges::replace(asked, ':', '/');
  EXPECT_TRUE(file_of(with, "Dockerfile").text.contains("HEALTHCHECK ")) << "docker-without-health is told no more";
  EXPECT_TRUE(file_of(with, "Dockerfile").text.contains("/dev/tcp/" + asked)) << asked;
}

TEST(EveryChoice, what_is_used_of_the_library_is_included) {
  const std::vector<std::pair<std::string, std::string>> headers{
      {"std::vector<", "vector"},        {"std::move(", "utility"},          {"std::runtime_error", "stdexcept"},
      {"std::chrono::", "chrono"},       {"::mkdtemp(", "stdlib.h"},         {"std::string_view", "string_view"},
      {"std::filesystem", "filesystem"}, {"std::unique_ptr<", "memory"},     {"std::set<", "set"},
      {"std::thread", "thread"},         {"std::error_code", "system_error"}};
  for (const auto& name : catalogue().names()) {
    const auto project = make_project(catalogue(), "orders", Layout::flat, {"event-bus", "testing", name}).or_throw();
    for (const auto* const path : {"src/main.cpp", "src/tables.cpp", "tests/service_under_test.hpp"}) {
      const auto file = std::ranges::find(project.files, path, &GeneratedFile::path);
      if (file == project.files.end()) continue;
      for (const auto& [used, header] : headers)
        EXPECT_TRUE(!file->text.contains(used) || file->text.contains("#include <" + header + ">"))
            << path << " with " << name << " uses " << used;
    }
  }
}

TEST(EveryChoice, says_what_it_is) {
  for (const auto& name : catalogue().names()) {
    const auto& one = *catalogue().find(name);
    EXPECT_TRUE(one.description.ends_with('.')) << name;
    EXPECT_LT(one.description.size(), 160U) << name;
  }
}

}  // namespace
}  // namespace tidings::scaffold
