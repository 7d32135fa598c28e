#include "scaffold/writing.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "scaffold/contains.hpp"
#include "scaffold/difference.hpp"
#include "scaffold/folder_lock.hpp"
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

/// Of a file that is there its own, of a new one what an editor gives it.
unsigned mode_of(const fs::path& path, bool is_executable) {
  std::error_code failed;
  const auto there = fs::status(path, failed);
  if (fs::is_regular_file(there)) return static_cast<unsigned>(there.permissions());
  const auto masked = ::umask(0);
  ::umask(masked);
  return (is_executable ? 0777U : 0666U) & ~masked;
}

Result<> write_file(const fs::path& path, const GeneratedFile& file, AtomicFileOptions options = {}) {
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  if (failed) return failed_at(path.parent_path().string(), failed);
  options.mode = mode_of(path, file.executable);
  return write_file_atomically(path.string(), file.text, options);
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

Result<> write_new(const Project& project, const std::string& folder) try {
  const auto target = fs::absolute(folder).lexically_normal();
  auto named = target.has_filename() ? target : target.parent_path();
  std::error_code failed;
  const auto draft_name = "." + named.filename().string() + ".tidings-new";
  bool is_there = fs::exists(fs::symlink_status(named, failed));
  fs::create_directories(named.parent_path(), failed);
  if (failed) return failed_at(named.parent_path().string(), failed);
  const auto lock = FolderLock::take((fs::is_directory(named) ? named : named.parent_path()).string());
  if (!lock) return lock.error();
  is_there = fs::exists(fs::symlink_status(named, failed));  // another may have made it meanwhile
  if (is_there && !fs::is_directory(named))
    return Error{"not_empty", printable(folder) + " is there, and no folder; say another one with --into"};
  if (is_there && std::ranges::any_of(fs::directory_iterator(named), [&](const fs::directory_entry& entry) {
        return entry.path().filename() != draft_name;
      })) {
    if (fs::exists(named / draft_name / record_file, failed))
      return Error{"not_empty", "the folder " + printable(folder) +
                                    " has a part of what a 'tidings new' wrote that was stopped; empty it, also of " +
                                    draft_name + ", and say it again"};
    return Error{"not_empty", "the folder " + printable(folder) + " is not empty; say another one with --into"};
  }
  const auto parent = is_there ? named : named.parent_path();
  const Draft draft(parent / draft_name);
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

Result<Changes> compare_with(const std::string& folder, const Project& project, const std::string& record_before,
                             const std::vector<std::string>& kept) {
  Changes changes;
  for (const auto& path : kept)
    if (!contains(project.files, path, &GeneratedFile::path))
      return Error{
          "invalid_choice",
          printable(path) +
              " is no file of the project's that is generated: --keep takes paths as the differences show them"};
  std::map<std::string, std::string, std::less<>> hashes;
  if (auto text = read_file((fs::path(folder) / hashes_file).string()))
    hashes = read_hashes(*text);
  else if (text.error().code != "not_found")
    return text.error();
  const auto on_disk = [&](const std::string& path) -> Result<std::optional<std::string>> {
    auto text = read_file((fs::path(folder) / path).string());
    if (text) return std::optional(*std::move(text));
    if (text.error().code == "not_found") return std::optional<std::string>{};
    return text.error();
  };
  for (const auto& file : project.files) {
    if (contains(kept, file.path)) continue;
    auto there = on_disk(file.path);
    if (!there) return there.error();
    const auto recorded = hashes.find(file.path);
    const bool is_known = recorded != hashes.end();
    if ((*there && **there == file.text) || (is_known && recorded->second == hash_of(file.text))) continue;
    if (is_known ? *there && hash_of(**there) == recorded->second : !*there) {
      changes.written.push_back(file);
      if (!*there) changes.created.push_back(file.path);
    } else {
      changes.in_the_way.push_back(difference(file.path, there->value_or(""), file.text));
    }
  }
  for (const auto& [path, hash] : hashes) {
    if (contains(project.files, path, &GeneratedFile::path)) continue;
    auto there = on_disk(path);
    if (!there) return there.error();
    if (!*there) continue;
    if (hash_of(**there) == hash)
      changes.removed.push_back(path);
    else
      changes.in_the_way.push_back(difference(path, **there, ""));
  }
  changes.record = with_lists_of(record_before, project.record);
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
  auto text = read_file(path);
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
