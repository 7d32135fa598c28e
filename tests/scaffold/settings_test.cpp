// What a generated main.cpp names as settings of its own, a service takes: one whose name is taken ends at its start,
// and nothing that only renders or compiles the project sees it.
#include <gmock/gmock.h>

#include "scaffold/contains.hpp"
#include "scaffold/testing.hpp"
#include "tidings/service/service.hpp"

namespace tidings::scaffold {
namespace {

/// The names in `settings.push_back({"api-listen", …})` and in `settings.push_back({.name = "api-listen", …})`.
std::vector<Setting> settings_in(const std::string& source) {
  constexpr std::string_view before = "settings.push_back(";
  std::vector<Setting> found;
  for (auto at = source.find(before); at != std::string::npos; at = source.find(before, at + 1)) {
    const auto begin = source.find('"', at) + 1;
    found.push_back({.name = source.substr(begin, source.find('"', begin) - begin), .help = {}, .fallback = {}});
  }
  return found;
}

/// Those of a project with what is asked for, once a service has taken them.
std::vector<Setting> taken_settings(const std::set<std::string>& asked) {
  const auto project = make_project(catalogue(), "orders", Layout::flat, asked).or_throw();
  const auto main = std::ranges::find(project.files, "src/main.cpp", &GeneratedFile::path);
  if (main == project.files.end()) {
    ADD_FAILURE() << "no src/main.cpp";
    return {};
  }
  auto own = settings_in(main->text);
  const auto made = Service::create({.name = "orders", .broker_url = "memory:", .own = own});
  EXPECT_TRUE(made) << ::testing::PrintToString(asked) << ": " << made.error().message;
  return own;
}

TEST(GeneratedSettings, of_each_capability_are_free) {
  std::size_t count = 0;
  for (const auto& name : catalogue().names()) count += taken_settings({name}).size();
  EXPECT_GE(count, 4U) << "they are not read from src/main.cpp any more";
}

TEST(GeneratedSettings, of_all_that_go_together_are_free) {
  std::set<std::string> asked;
  for (const auto& name : catalogue().names()) {
    auto more = asked;
    more.insert(name);
    if (make_project(catalogue(), "orders", Layout::flat, more)) asked = more;
  }
  EXPECT_GT(taken_settings(asked).size(), 1U);
}

TEST(GeneratedSettings, that_are_taken_are_seen) {
  const auto own =
      settings_in("settings.push_back({\"rebuild\", \"\", \"\"});\nsettings.push_back(\n    {.name = \"mine\"});\n");
  EXPECT_THAT(own, ::testing::ElementsAre(::testing::Field(&Setting::name, "rebuild"),
                                          ::testing::Field(&Setting::name, "mine")));
  EXPECT_FALSE(Service::create({.name = "orders", .broker_url = "memory:", .own = own}));
}

}  // namespace
}  // namespace tidings::scaffold
