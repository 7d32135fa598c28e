#include <algorithm>
#include <iostream>

#include "commands.hpp"
#include "output.hpp"
#include "project_file.hpp"
#include "scaffold/contains.hpp"
#include "scaffold/folder_lock.hpp"
#include "scaffold/project.hpp"
#include "scaffold/report.hpp"
#include "scaffold/sources.hpp"
#include "scaffold/warnings.hpp"
#include "scaffold/writing.hpp"
#include "scaffolding.hpp"

// `tidings add`.
namespace tidings::cli {
namespace {

using namespace scaffold;

std::string changes_text(const Changes& changes) {
  std::string out;
  for (const auto& file : changes.written) {
    const auto* const how = contains(changes.created, file.path)  ? "new      "
                            : contains(changes.merged, file.path) ? "merged   "
                                                                  : "changed  ";
    out += how + file.path + "\n";
  }
  for (const auto& path : changes.removed) out += "removed  " + path + "\n";
  for (const auto& path : changes.disowned) out += "yours    " + path + ", which is generated no more\n";
  if (changes.record_differs) out += "changed  " + std::string(record_file) + "\n";
  return out;
}

int refuse(const Changes& changes, bool as_json) {
  std::string differences;
  for (const auto& one : changes.in_the_way) differences += one;
  const auto status = print(as_json ? harmless_json(refused_json(changes)) : differences);
  complain(
      "nothing is written: you changed what would change. Shown is what these files would become: '-' is there, '+' "
      "comes. Bring them up by hand: take over what comes, leave what is yours, and add again with --keep FILE for "
      "each of them");
  return status == done ? failed : status;
}

/// What is kept as it is counts as brought up, so that it must be said now what is not.
void tell_missing(const Changes& changes) {
  if (changes.missing.empty()) return;
  for (const auto& one : changes.missing) std::cerr << one;
  complain(
      "what is kept has not all that comes: tidings.toml says that the project has it, and warnings count on it, "
      "though "
      "the lines above with '+' are not there");
}

}  // namespace

int scaffold_add(const Common& common, const ScaffoldArguments& given) {
  auto arguments = given;
  if (auto fine = split(arguments.with, "CAP"); !fine) return fail(fine.error());
  const auto folder = arguments.into.empty() ? std::string(".") : arguments.into;
  const auto path = folder == "." ? std::string(record_file) : folder + "/" + record_file;
  const auto lock = FolderLock::take(folder);  // from here on nobody else changes what is read
  if (!lock && lock.error().code != "not_found") return fail(lock.error());
  auto text = read_project_file(path);
  if (!text && text.error().code == "not_found")
    return fail({"not_found", "there is no " + path + ": 'tidings new' makes a project, and --into says where one is"});
  if (!text) return fail(text.error());
  auto record = read_record(*text, path);
  if (!record) return fail(record.error());
  auto catalogue = load_catalogue(arguments.folders);
  if (!catalogue) return fail(catalogue.error());
  if (auto fine = check_acknowledged(*catalogue, record->acknowledged, path); !fine) return fail(fine.error());
  if (auto finished = check_finished(folder, arguments.with); !finished) return fail(finished.error());
  auto asked = record->asked();
  for (const auto& name : asked)
    if (catalogue->find(name) == nullptr) {
      const auto unknown = unknown_capability(*catalogue, name);
      return fail({unknown.code, path + ": " + unknown.message});
    }
  asked.insert(arguments.with.begin(), arguments.with.end());
  const auto before = make_project(*catalogue, record->name, record->layout, record->asked());
  if (!before) return fail(before.error());
  auto project = make_project(*catalogue, record->name, record->layout, asked);
  if (!project) return fail(project.error());
  // What is there already is not taken along once more.
  std::erase_if(project->resolution.taken,
                [&](const Taken& one) { return before->resolution.all.contains(one.capability); });
  auto changes = compare_with(folder, *project, *before, *text, arguments.kept);
  if (!changes) return fail(changes.error());
  if (!changes->in_the_way.empty()) return refuse(*changes, common.json);
  const auto found = warnings(*catalogue, project->resolution.all, record->acknowledged);
  if (!common.json) tell_choice(project->resolution, found);
  tell_missing(*changes);
  if (!arguments.dry_run)
    if (auto written = write_changes(*changes, folder, arguments.with); !written) return fail(written.error());
  if (common.json) return print(harmless_json(added_json(folder, *project, found, *changes)));
  return print(changes->is_nothing() ? "nothing to change\n" : changes_text(*changes));
}

}  // namespace tidings::cli
