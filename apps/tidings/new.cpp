#include <algorithm>
#include <filesystem>
#include <iostream>

#include "commands.hpp"
#include "output.hpp"
#include "scaffold/contains.hpp"
#include "scaffold/project.hpp"
#include "scaffold/report.hpp"
#include "scaffold/sources.hpp"
#include "scaffold/warnings.hpp"
#include "scaffold/writing.hpp"
#include "scaffolding.hpp"
#include "tidings/base/text.hpp"
#include "wizard.hpp"

// `tidings new`.
namespace tidings::cli {
namespace {

using namespace scaffold;

/// What was asked for, and what every new project has.
Result<std::set<std::string>> asked_for(const Catalogue& catalogue, const ScaffoldArguments& arguments) {
  for (const auto& name : arguments.without)
    if (catalogue.find(name) == nullptr) return unknown_capability(catalogue, name);
  std::set<std::string> asked(arguments.with.begin(), arguments.with.end());
  for (const auto& name : arguments.without)
    if (asked.contains(name))
      return Error{"invalid_choice", "'" + name + "' is both in --with and in --without; leave it out of one"};
  asked.merge(defaults(catalogue, asked, arguments.without));
  return asked;
}

/// That the rest does not bring back what is left out.
Result<> check_left_out(const Catalogue& catalogue, const Resolution& resolution,
                        const std::vector<std::string>& without) {
  for (const auto& name : without)
    if (const auto* const one = catalogue.find(name); one != nullptr && (one->hidden || one->always))
      return Error{"invalid_choice", "'" + name + "' cannot be left out: " +
                                         (one->always ? "every project has it" : "it comes with what needs it")};
  for (const auto& one : resolution.taken)
    if (contains(without, one.capability))
      return Error{"invalid_choice", "'" + one.capability + "' cannot be left out: " + one.because};
  return {};
}

/// CMake takes some paths apart, and then fails far from the reason.
Result<> check_folder(const std::string& folder) {
  std::error_code failed;
  const auto path = std::filesystem::absolute(folder, failed).string();
  if (path.find_first_of(";#\"\\\n\r") == std::string::npos) return {};
  return Error{"invalid_choice",
               "CMake builds nothing in " + printable(path) +
                   ": no ';', '#', '\"', '\\' or line break may stand in the path; say another folder with --into"};
}

/// What nobody named is told, and how it is left out.
std::string defaults_text(const Catalogue& catalogue, const ScaffoldArguments& arguments) {
  std::string names;
  for (const auto& name : defaults(catalogue, {arguments.with.begin(), arguments.with.end()}, arguments.without))
    names += (names.empty() ? "" : ",") + name;
  if (names.empty()) return "";
  return "  " + folded("as every new project it has " + names + " (--without CAP leaves one out)", 4) + "\n";
}

std::string listed(const Project& project) {
  std::string text;
  for (const auto& path : paths_of(project)) text += path + "\n";
  return text;
}

std::string next_steps(const std::string& folder) {
  return "made " + printable(folder) + "; next:\n  cd " + printable(folder) +
         "\n  cmake --preset default\n  cmake --build --preset default\n  ctest --preset default\n"
         "  tidings check --update-schemas   # records what events look like\n";
}

/// Where there is nobody to ask and nothing is said of events, they do not get lost.
constexpr auto* otherwise = "outbox";

Result<> complete(const Catalogue& catalogue, ScaffoldArguments& arguments) {
  const auto* const one = catalogue.find(otherwise);
  if (arguments.is_bare && one != nullptr && !contains(arguments.without, otherwise)) {
    auto asked = asked_for(catalogue, arguments);
    if (!asked) return asked.error();
    asked->insert(otherwise);
    const auto made = resolve(catalogue, *asked);
    if (made && check_left_out(catalogue, *made, arguments.without)) arguments.with.emplace_back(otherwise);
  }
  return {};
}

}  // namespace

int scaffold_new(const Common& common, const ScaffoldArguments& given) {
  auto arguments = given;
  for (auto* const list : {&arguments.with, &arguments.without})
    if (auto fine = split(*list, list == &arguments.with ? "--with" : "--without"); !fine) return fail(fine.error());
  if (arguments.name.empty() && !arguments.asks) {
    complain("NAME is required: tidings new NAME, as in 'tidings new orders --with outbox,nats'");
    return wrong_usage;
  }
  auto catalogue = load_catalogue(arguments.folders);
  if (!catalogue) return fail(catalogue.error());
  if (arguments.asks && arguments.name.empty() && !ask_name(arguments)) return failed;
  if (auto names = names_of(arguments.name); !names) return fail(names.error());
  const auto folder = arguments.into.empty() ? arguments.name : arguments.into;
  if (auto fine = check_folder(folder); !fine) return fail(fine.error());
  if (auto fine = check_new(folder); !fine) return fail(fine.error());
  if (arguments.asks && !ask(*catalogue, arguments)) return failed;
  if (auto fine = complete(*catalogue, arguments); !fine) return fail(fine.error());
  auto asked = asked_for(*catalogue, arguments);
  if (!asked) return fail(asked.error());
  auto project =
      make_project(*catalogue, arguments.name, layout_of(arguments.layout).value_or(Layout::layered), *asked);
  if (!project) return fail(project.error());
  if (auto fine = check_left_out(*catalogue, project->resolution, arguments.without); !fine) return fail(fine.error());
  const auto found = warnings(*catalogue, project->resolution.all, {});
  if (!arguments.dry_run)
    if (auto written = write_new(*project, folder); !written) return fail(written.error());
  if (common.json) return print(harmless_json(made_json(folder, *project, found)));
  if (!arguments.asks) std::cerr << defaults_text(*catalogue, arguments);
  tell_choice(project->resolution, found);
  return print(arguments.dry_run ? listed(*project) : next_steps(folder));
}

}  // namespace tidings::cli
