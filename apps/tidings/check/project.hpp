#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "check/cmake.hpp"
#include "check/settings.hpp"
#include "check/source.hpp"
#include "check/structure.hpp"
#include "tidings/base/result.hpp"

// What stands in a project's folder, as `tidings check` reads it: nothing is configured, built or run.
namespace tidings::check {

struct File {
  std::string path;   ///< from the project's folder, with '/'
  std::string shown;  ///< as findings name it
  std::string text;
  Tokens source;
  Structure structure;
  bool is_header = false;
  bool is_test = false;       ///< what it does is no finding
  bool is_generated = false;  ///< likewise

  [[nodiscard]] const std::vector<Token>& tokens() const { return source.tokens; }
};

/// An include that leads to a file of the project.
struct Edge {
  std::uint32_t to = 0;
  std::uint32_t line = 0;
};

struct CMakeFile {
  std::string path, shown;
  std::vector<CMakeCommand> commands;
};

struct Link {
  std::string to;
  const CMakeFile* file = nullptr;
  std::uint32_t line = 0;
};

struct Target {
  std::string name;
  std::string folder;                ///< of the CMakeLists.txt that makes it, from the project's
  std::vector<std::string> sources;  ///< from the project's folder
  std::vector<std::string> aliases;
  std::vector<Link> links;
};

struct Project {
  std::string folder;  ///< absolute
  std::string shown;   ///< as it was named
  bool has_record = false;
  std::string record;  ///< the text of tidings.toml
  Settings settings;
  std::vector<std::unique_ptr<File>> files;  ///< in the order of their paths
  std::vector<std::vector<Edge>> includes;   ///< of each file
  std::vector<CMakeFile> cmake;
  std::vector<Target> targets;
  std::vector<std::string> named_sources;  ///< patterns of what CMake, or a build folder, names
  bool has_other_build = false;            ///< of Make, Bazel, Meson: what it takes nobody knows
  bool uses_tidings = false;
  std::string schemas;  ///< the text of events.lock.json
  bool has_schemas = false;
  std::vector<std::string> notes;  ///< what was left out, and why
  std::vector<Error> failures;     ///< files that should be read and cannot be: the rest is looked at all the same

  /// As findings name what stands there.
  [[nodiscard]] std::string name_of(std::string_view path) const;
};

/// A project as it stands elsewhere than on disk, such as in git's index.
struct Snapshot {
  std::set<std::string> paths;               ///< of all its files, from the project's folder
  std::map<std::string, std::string> texts;  ///< of those that are other than on disk
};

struct ReadOptions {
  std::string folder;
  std::string compile_commands;           ///< file or folder; empty: what build folders have
  std::vector<std::string> rules;         ///< that settings may name; none: any
  std::optional<Snapshot> snapshot = {};  ///< of which files are read; else those on disk. Build folders are on disk.
};

/// Errors (never): `not_a_folder`, `no_sources`, `broken_record`, `broken_compile_commands`.
[[nodiscard]] Result<Project> read_project(const ReadOptions& options);

/// One that is in memory, for tests and for examples of rules: pairs of paths and texts, CMake files and the record
/// included.
[[nodiscard]] Result<Project> make_project(std::vector<std::pair<std::string, std::string>> files,
                                           const std::vector<std::string>& rules = {});

/// What a file's name and folders tell.
[[nodiscard]] bool is_source_path(std::string_view path);
[[nodiscard]] bool is_header_path(std::string_view path);
[[nodiscard]] bool is_test_path(std::string_view path);
/// Whether a project's file is read at all: sources, what builds them, settings, schemas.
[[nodiscard]] bool is_project_path(std::string_view path);
/// `a/b/../c` is `a/c`; what leads out of the folder is empty.
[[nodiscard]] std::string normal_path(std::string_view path);
[[nodiscard]] std::string_view folder_of(std::string_view path);
[[nodiscard]] std::string_view file_name(std::string_view path);

// ---- what read_project is made of

/// Sources, includes, targets, from what `files` and `cmake` hold.
void parse_files(Project& project);
void resolve_includes(Project& project, const std::vector<std::string>& include_folders);
void find_targets(Project& project);
/// What build folders, or the file named, tell: adds to `named_sources`; the folders of includes, from the project's.
/// One that cannot be read is among the `failures` where it was named, else among the notes.
[[nodiscard]] Result<std::vector<std::string>> read_builds(Project& project, const std::string& compile_commands,
                                                           const std::vector<std::string>& build_folders);

}  // namespace tidings::check
