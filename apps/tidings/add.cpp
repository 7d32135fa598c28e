#include <algorithm>

#include "commands.hpp"
#include "output.hpp"
#include "scaffold/contains.hpp"
#include "scaffold/folder_lock.hpp"
#include "scaffold/project.hpp"
#include "scaffold/sources.hpp"
#include "scaffold/warnings.hpp"
#include "scaffold/writing.hpp"
#include "scaffolding.hpp"
#include "tidings/base/atomic_file.hpp"

// `tidings add`.
namespace tidings::cli {
namespace {

using namespace scaffold;

std::string changes_text(const Changes& changes) {
  std::string out;
  for (const auto& file : changes.written)
    out += (contains(changes.created, file.path) ? "new      " : "changed  ") + file.path + "\n";
  for (const auto& path : changes.removed) out += "removed  " + path + "\n";
  if (changes.record_differs) out += "changed  " + std::string(record_file) + "\n";
  return out;
}

}  // namespace

int scaffold_add(const ScaffoldArguments& arguments) {
  const auto folder = arguments.into.empty() ? std::string(".") : arguments.into;
  const auto path = folder == "." ? std::string(record_file) : folder + "/" + record_file;
  const auto lock = FolderLock::take(folder);  // from here on nobody else changes what is read
  if (!lock && lock.error().code != "not_found") return fail(lock.error());
  auto text = read_file(path);
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
  auto project = make_project(*catalogue, record->name, record->layout, asked);
  if (!project) return fail(project.error());
  auto changes = compare_with(folder, *project, *text, arguments.kept);
  if (!changes) return fail(changes.error());
  if (!changes->in_the_way.empty()) {
    std::string differences;
    for (const auto& one : changes->in_the_way) differences += one;
    const auto status = print(differences);
    complain(
        "nothing is written: you changed what would change. Bring your files up by hand, by the lines with '+', and "
        "add again "
        "with --keep FILE for each of them");
    return status == done ? failed : status;
  }
  tell_choice(project->resolution, warnings(*catalogue, project->resolution.all, record->acknowledged));
  if (!arguments.dry_run)
    if (auto written = write_changes(*changes, folder, arguments.with); !written) return fail(written.error());
  return print(changes->is_nothing() ? "nothing to change\n" : changes_text(*changes));
}

}  // namespace tidings::cli
