#include "scaffold/writing.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "project_file.hpp"
#include "scaffold/contains.hpp"
#include "scaffold/difference.hpp"
#include "scaffold/folder_lock.hpp"
#include "scaffold/merge.hpp"
#include "scaffold/neat.hpp"
#include "tidings/base/atomic_file.hpp"
#include "tidings/base/text.hpp"

namespace tidings::scaffold {

namespace fs = std::filesystem;

namespace {

/// There while `tidings add` writes.
constexpr auto* begun_file = ".tidings/adding";

Error failed_at(const std::string& path, const std::error_code& why) {
  return {"io_error", "cannot write " + printable(path) + ": " + why.message()};
}

Result<> write_file(const fs::path& path, const GeneratedFile& file, AtomicFileOptions options = {}) {
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  if (failed) return failed_at(path.parent_path().string(), failed);
  return write_project_file(path.string(), file.text, options, file.executable);
}

/// What a power cut takes of a new project is made again in a moment.
constexpr AtomicFileOptions unsynced{.synced = false};

Result<> write_all(const fs::path& folder, const Project& project) {
  for (const auto& file : project.files)
    if (auto done = write_file(folder / file.path, file, unsynced); !done) return done;
  if (auto done = write_file(folder / hashes_file, {.path = {}, .text = hashes_text(project.files)}, unsynced); !done)
    return done;
  return write_file(folder / record_file, {.path = {}, .text = record_text(project.record)}, unsynced);
}

/// A folder that goes with its content, unless it is kept.
class Draft {
 public:
  explicit Draft(fs::path path) : path_(std::move(path)) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Into an empty folder that is there: its entries one by one, the record last, so that what is half done is no
/// project.
Result<> move_into(const fs::path& draft, const fs::path& folder) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(draft)) names.push_back(entry.path().filename());
  std::ranges::sort(names, {}, [](const fs::path& name) { return std::pair(name == record_file, name); });
  for (const auto& name : names) {
    std::error_code failed;
    fs::rename(draft / name, folder / name, failed);
    if (!failed) continue;
    std::error_code ignored;
    for (const auto& moved : names) {
      if (moved == name) break;
      fs::remove_all(folder / moved, ignored);
    }
    return failed_at((folder / name).string(), failed);
  }
  return {};
}

}  // namespace

namespace {

/// Where it is written to, with its name at the end.
fs::path target_of(const std::string& folder) {
  const auto target = fs::absolute(folder).lexically_normal();
  return target.has_filename() ? target : target.parent_path();
}

/// While it is written.
std::string draft_name_of(const fs::path& target) {
  return "." + target.filename().string() + ".tidings-new";
}

Result<> check_empty(const fs::path& target, const std::string& folder) {
  std::error_code failed;
  if (!fs::exists(fs::symlink_status(target, failed))) return {};
  if (!fs::is_directory(target))
    return Error{"not_empty", printable(folder) + " is there, and no folder; say another one with --into"};
  const auto draft = draft_name_of(target);
  if (!std::ranges::any_of(fs::directory_iterator(target),
                           [&](const fs::directory_entry& entry) { return entry.path().filename() != draft; }))
    return {};
  if (fs::exists(target / draft / record_file, failed))
    return Error{"not_empty", "the folder " + printable(folder) +
                                  " has a part of what a 'tidings new' wrote that was stopped; empty it, also of " +
                                  draft + ", and say it again"};
  return Error{"not_empty", "the folder " + printable(folder) + " is not empty; say another one with --into"};
}

}  // namespace

Result<> check_new(const std::string& folder) try {
  return check_empty(target_of(folder), folder);
} catch (const fs::filesystem_error& thrown) {
  return Error{"io_error", thrown.what()};
}

Result<> write_new(const Project& project, const std::string& folder) try {
  const auto named = target_of(folder);
  std::error_code failed;
  fs::create_directories(named.parent_path(), failed);
  if (failed) return failed_at(named.parent_path().string(), failed);
  const auto lock = FolderLock::take((fs::is_directory(named) ? named : named.parent_path()).string());
  if (!lock) return lock.error();
  if (auto fine = check_empty(named, folder); !fine) return fine;  // another may have made it meanwhile
  const bool is_there = fs::exists(named);
  const auto parent = is_there ? named : named.parent_path();
  const Draft draft(parent / draft_name_of(named));
  fs::remove_all(draft.path(), failed);
  fs::create_directories(draft.path(), failed);
  if (failed) return failed_at(draft.path().string(), failed);
  if (auto done = write_all(draft.path(), project); !done) return done;
  if (is_there) return move_into(draft.path(), named);
  fs::rename(draft.path(), named, failed);
  if (failed) return failed_at(named.string(), failed);
  return sync_folder(parent.string());
} catch (const fs::filesystem_error& thrown) {
  return Error{"io_error", thrown.what()};
}

namespace {

/// That what is written or removed at `path` of the project stands in it: a folder on the way may be a link.
Result<> check_inside(const fs::path& folder, const std::string& path) {
  std::error_code failed;
  const auto root = fs::canonical(folder, failed);
  if (failed) return failed_at(folder.string(), failed);
  const auto above = fs::weakly_canonical(root / fs::path(path).parent_path(), failed);
  if (failed) return failed_at((folder / path).parent_path().string(), failed);
  const auto [end_of_root, rest] = std::ranges::mismatch(root, above);
  if (end_of_root == root.end()) return {};
  return Error{"leads_outside", printable(path) + " would stand in " + printable(above.string()) +
                                    ", since a folder of the project is a symbolic link, or the path leads out of it; "
                                    "nothing is written: put a folder in its place"};
}

/// The project in the folder, and what was generated there.
class Comparison {
 public:
  Comparison(const fs::path& folder, const Project& before, const std::vector<std::string>& kept, Changes& changes)
      : folder_(folder), before_(before), kept_(kept), changes_(changes) {}

  Result<> read() {
    if (auto fine = check_inside(folder_, hashes_file); !fine) return fine;
    auto text = read_project_file((folder_ / hashes_file).string());
    if (text)
      hashes_ = read_hashes(*text);
    else if (text.error().code != "not_found")
      return text.error();
    return {};
  }

  Result<> compare(const GeneratedFile& file) {
    if (auto fine = check_inside(folder_, file.path); !fine) return fine;
    const auto there = on_disk(file.path);
    if (!there) return there.error();
    const auto recorded = hashes_.find(file.path);
    const bool is_known = recorded != hashes_.end();
    if ((*there && **there == file.text) || (is_known && recorded->second == hash_of(file.text))) return {};
    const bool is_linked = is_link(file.path);  // the user's doing: a file in its place would cut what it leads to
    const bool is_untouched = !is_linked && (is_known ? *there && hash_of(**there) == recorded->second : !*there);
    if (is_untouched && !contains(kept_, file.path)) {
      changes_.written.push_back(file);
      if (!*there) changes_.created.push_back(file.path);
      return {};
    }
    auto merged = merged_with(file, *there, is_known ? recorded->second : std::string());
    if (*there && merged.text == **there) return {};  // the user has done the same
    const auto differs = difference(file.path, there->value_or(""), merged.text);
    if (contains(kept_, file.path)) {
      changes_.missing.push_back(differs);
    } else if (merged.conflicts > 0 || is_linked) {
      changes_.in_the_way.push_back((is_linked ? printable(file.path) + " is a symbolic link\n" : "") + differs);
    } else {
      changes_.written.push_back({.path = file.path, .text = std::move(merged.text), .executable = file.executable});
      changes_.merged.push_back(file.path);
    }
    return {};
  }

  /// What is generated no more: nothing asks for it, or the capabilities have no such file since.
  Result<> compare_gone(const Project& project) {
    for (const auto& [path, hash] : hashes_) {
      if (contains(project.files, path, &GeneratedFile::path)) continue;
      if (auto fine = check_inside(folder_, path); !fine) return fine;
      const auto there = on_disk(path);
      if (!there) return there.error();
      if (!*there) continue;
      if (contains(kept_, path))
        changes_.disowned.push_back(path);
      else if (hash_of(**there) == hash && !is_link(path))
        changes_.removed.push_back(path);
      else
        changes_.in_the_way.push_back(
            printable(path) + " is generated no more, and you changed it: remove it, or add again with --keep " +
            printable(path) + " and it is yours\n");
    }
    return {};
  }

  /// Each of `kept` was generated, or will be.
  [[nodiscard]] Result<> check_kept(const Project& project) const {
    for (const auto& path : kept_)
      if (!contains(project.files, path, &GeneratedFile::path) && !hashes_.contains(path))
        return Error{"invalid_choice",
                     printable(path) +
                         " is no file of the project's that is generated: --keep takes paths as they are shown where "
                         "they are in the way"};
    return {};
  }

 private:
  [[nodiscard]] bool is_link(const std::string& path) const {
    std::error_code failed;
    return fs::is_symlink(fs::symlink_status(folder_ / path, failed));
  }

  [[nodiscard]] Result<std::optional<std::string>> on_disk(const std::string& path) const {
    auto text = read_project_file((folder_ / path).string());
    if (text) return std::optional(*std::move(text));
    if (text.error().code == "not_found") return std::optional<std::string>{};
    return text.error();
  }

  /// What comes with what the user did. Of a file whose text before is not known, since the capabilities have changed
  /// since or it was never generated, all that comes is in the way of all that is there.
  [[nodiscard]] Merged merged_with(const GeneratedFile& file, const std::optional<std::string>& there,
                                   const std::string& hash) const {
    const auto was = std::ranges::find(before_.files, file.path, &GeneratedFile::path);
    if (there && was != before_.files.end() && hash_of(was->text) == hash) return merge(was->text, *there, file.text);
    return {.text = file.text, .conflicts = 1};
  }

  const fs::path& folder_;
  const Project& before_;
  const std::vector<std::string>& kept_;
  Changes& changes_;
  std::map<std::string, std::string, std::less<>> hashes_;
};

}  // namespace

Result<Changes> compare_with(const std::string& folder, const Project& project, const Project& before,
                             const std::string& record_before, const std::vector<std::string>& kept) {
  Changes changes;
  const fs::path at(folder);
  Comparison comparison(at, before, kept, changes);
  if (auto done = comparison.read(); !done) return done.error();
  if (auto fine = comparison.check_kept(project); !fine) return fine.error();
  for (const auto& file : project.files)
    if (auto done = comparison.compare(file); !done) return done.error();
  if (auto done = comparison.compare_gone(project); !done) return done.error();
  auto record = with_lists_of(record_before, project.record);
  if (!record) return record.error();
  changes.record = *std::move(record);
  changes.record_differs = changes.record != record_before;
  changes.hashes = hashes_text(project.files);
  return changes;
}

Result<> write_changes(const Changes& changes, const std::string& folder, const std::vector<std::string>& asked,
                       AtomicFileOptions options) {
  const fs::path at(folder);
  std::string begun = "# A 'tidings add' of these is at work, or was stopped in the middle.\n";
  for (const auto& name : asked) begun += name + "\n";
  if (auto done = write_file(at / begun_file, {.path = {}, .text = begun}, options); !done) return done;
  for (const auto& file : changes.written)
    if (auto done = write_file(at / file.path, file, options); !done) return done;
  for (const auto& path : changes.removed) {
    std::error_code failed;
    fs::remove(at / path, failed);
    if (failed) return failed_at(path, failed);
    for (auto above = (at / path).parent_path(); above != at && fs::is_empty(above, failed) && !failed;
         above = above.parent_path())
      fs::remove(above, failed);
  }
  if (auto done = write_file(at / hashes_file, {.path = {}, .text = changes.hashes}, options); !done) return done;
  if (auto done = write_file(at / record_file, {.path = {}, .text = changes.record}, options); !done) return done;
  std::error_code failed;
  fs::remove(at / begun_file, failed);
  return failed ? failed_at((at / begun_file).string(), failed) : Result<>{};
}

Result<> check_finished(const std::string& folder, const std::vector<std::string>& asked) {
  const auto path = (fs::path(folder) / begun_file).string();
  auto text = read_project_file(path);
  if (!text) return text.error().code == "not_found" ? Result<>{} : Result<>(text.error());
  std::string all;
  bool is_asked = true;
  for (const auto& name : lines_of(*text)) {
    if (name.empty() || name.starts_with('#')) continue;
    all += " " + printable(name);
    is_asked = is_asked && contains(asked, name);
  }
  if (is_asked) return {};
  return Error{"unfinished_add", "'tidings add" + all +
                                     "' was stopped in the middle; say it again first, to its end (" + printable(path) +
                                     " is its note)"};
}

}  // namespace tidings::scaffold
