#include <algorithm>
#include <filesystem>

#include "commands.hpp"
#include "output.hpp"
#include "scaffold/contains.hpp"
#include "scaffold/project.hpp"
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
  for (const auto& [name, one] : catalogue.capabilities)
    if (one.is_default && !contains(arguments.without, name)) asked.insert(name);
  return asked;
}

/// That the rest does not bring back what is left out.
Result<> check_left_out(const Resolution& resolution, const std::vector<std::string>& without) {
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

std::string next_steps(const std::string& folder) {
  return "made " + printable(folder) + "; next:\n  cd " + printable(folder) +
         "\n  cmake --preset default && cmake --build --preset default && ctest --preset default\n";
}

}  // namespace

int scaffold_new(const ScaffoldArguments& given) {
  auto arguments = given;
  if (auto names = names_of(arguments.name); !names) return fail(names.error());
  auto catalogue = load_catalogue(arguments.folders);
  if (!catalogue) return fail(catalogue.error());
  if (arguments.asks && !ask(*catalogue, arguments)) return failed;
  auto asked = asked_for(*catalogue, arguments);
  if (!asked) return fail(asked.error());
  auto project =
      make_project(*catalogue, arguments.name, layout_of(arguments.layout).value_or(Layout::layered), *asked);
  if (!project) return fail(project.error());
  if (auto fine = check_left_out(project->resolution, arguments.without); !fine) return fail(fine.error());
  const auto folder = arguments.into.empty() ? arguments.name : arguments.into;
  if (auto fine = check_folder(folder); !fine) return fail(fine.error());
  const auto found = warnings(*catalogue, project->resolution.all, {});
  if (arguments.dry_run) {
    tell_choice(project->resolution, found);
    std::vector<std::string> paths{hashes_file, record_file};
    for (const auto& file : project->files) paths.push_back(file.path);
    std::ranges::sort(paths);
    std::string listed;
    for (const auto& path : paths) listed += path + "\n";
    return print(listed);
  }
  if (auto written = write_new(*project, folder); !written) return fail(written.error());
  tell_choice(project->resolution, found);
  return print(next_steps(folder));
}

}  // namespace tidings::cli
