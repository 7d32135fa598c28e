#include "check/project.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "project_file.hpp"
#include "tidings/base/text.hpp"

namespace tidings::check {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t source_bytes_max = 4U << 20U;  // larger ones are made by programs
constexpr std::size_t depth_max = 64;
constexpr unsigned threads_max = 4;

struct Found {
  std::vector<std::string> sources, cmake, builds;
  bool has_other_build = false;
};

bool is_of_others(std::string_view name) {
  for (const std::string_view one : {"third_party", "thirdparty", "3rdparty", "vendor", "vendored", "external",
                                     "node_modules", "_deps", "CMakeFiles"})
    if (name == one) return true;
  return name.starts_with('.');
}

bool is_cmake(std::string_view name) {
  return name == "CMakeLists.txt" || name.ends_with(".cmake");
}

bool is_other_build(std::string_view name) {
  for (const std::string_view one :
       {"Makefile", "GNUmakefile", "BUILD", "BUILD.bazel", "meson.build", "SConstruct", "configure.ac", "premake5.lua"})
    if (name == one) return true;
  return name.ends_with(".pro") || name.ends_with(".vcxproj");
}

Error left_out(const Project& project, const std::string& path, const Error& why) {
  return {"unreadable", project.name_of(path) + " is left out: " + why.message};
}

class Walk {
 public:
  explicit Walk(Project& project) : project_(project) {}

  Found run(const std::optional<Snapshot>& snapshot) {
    const auto failures = project_.failures.size();
    folder(project_.folder, "", 0);
    if (snapshot) project_.failures.resize(failures);  // what stands on disk is not what is read
    if (snapshot) take(snapshot->paths);
    std::ranges::sort(found_.sources);
    std::ranges::sort(found_.cmake);
    std::ranges::sort(found_.builds);
    return std::move(found_);
  }

 private:
  // Links are not followed: what they lead to stands somewhere else, or above.
  void folder(const std::string& at, const std::string& relative, std::size_t depth) {
    std::error_code error;
    if (depth > 0 && fs::exists(at + "/CMakeCache.txt", error)) {
      found_.builds.push_back(relative);
      return;
    }
    fs::directory_iterator entries(at, error);
    if (error || depth > depth_max) {
      project_.notes.push_back(project_.name_of(relative) +
                               " is left out: " + (error ? error.message() : "it stands too deep"));
      return;
    }
    for (const fs::directory_iterator end; entries != end; entries.increment(error)) {
      if (error) break;
      const auto name = entries->path().filename().string();
      const auto path = relative.empty() ? name : relative + "/" + name;
      const auto status = entries->symlink_status(error);
      if (error || is_ignored(path)) continue;
      if (fs::is_symlink(status)) {
        const auto leads_to = fs::status(entries->path(), error);
        if (error || (!fs::is_regular_file(leads_to) && !fs::is_directory(leads_to))) not_a_file(path, name);
      } else if (fs::is_directory(status) && name != "CMakeLists.txt") {
        if (!is_of_others(name)) folder(at + "/" + name, path, depth + 1);
      } else if (fs::is_regular_file(status)) {
        file(path, name);
      } else {
        not_a_file(path, name);
      }
    }
  }

  /// Where a source should stand, or what builds it: reading it says why it cannot be. Editors leave such links, with
  /// names that are hidden.
  void not_a_file(const std::string& path, const std::string& name) {
    if (name.starts_with('.') || (!is_source_path(path) && !is_header_path(path) && !is_cmake(name))) return;
    if (const auto text = read_project_file(project_.folder + "/" + path); !text)
      project_.failures.push_back(left_out(project_, path, text.error()));
  }

  /// These instead of what stands on disk.
  void take(const std::set<std::string>& paths) {
    found_.sources.clear();
    found_.cmake.clear();
    found_.has_other_build = false;
    for (const auto& path : paths)
      if (!is_ignored(path) && !stands_in_ignored_folder(path)) file(path, file_name(path));
  }

  [[nodiscard]] bool is_ignored(const std::string& path) const {
    return std::ranges::any_of(project_.settings.ignore, [&](const auto& one) { return matches(one, path); });
  }

  [[nodiscard]] bool stands_in_ignored_folder(std::string_view path) const {
    for (auto folder = folder_of(path); !folder.empty(); folder = folder_of(folder))
      if (is_of_others(file_name(folder)) || std::ranges::find(found_.builds, folder) != found_.builds.end())
        return true;
    return false;
  }

  void file(const std::string& path, std::string_view name) {
    if (is_source_path(path) || is_header_path(path))
      found_.sources.push_back(path);
    else if (is_cmake(name))
      found_.cmake.push_back(path);
    else if (is_other_build(name))
      found_.has_other_build = true;
  }

  Project& project_;
  Found found_;
};

/// The comments that stand in front of all else.
std::string_view leading_comments(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t at = 0;
  for (;;) {
    at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
    const auto rest = text.substr(at);
    const bool is_block = rest.starts_with("/*");
    if (!is_block && !rest.starts_with("//")) return text.substr(0, at);
    const auto end = is_block ? text.find("*/", at + 2) : text.find('\n', at);
    if (end == std::string_view::npos) return text;
    at = end + (is_block ? 2 : 0);
  }
}

/// Whether programs made it, by what its first comments say: that nobody may edit it, or in a sentence of its own that
/// it is generated. Elsewhere, or in the middle of a sentence, the words mean something else.
bool says_generated(std::string_view text) {
  auto head = leading_comments(text.substr(0, 2000));
  for (const std::string_view one : {"DO NOT EDIT", "Do not edit", "@generated", "automatically generated"})
    if (head.find(one) != std::string_view::npos) return true;
  while (!head.empty()) {
    auto line = head.substr(0, head.find('\n'));
    head.remove_prefix(std::min(line.size() + 1, head.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t/*!"), line.size()));
    if (line.starts_with("Generated by") || line.starts_with("Autogenerated") || line.starts_with("do not edit"))
      return true;
  }
  return false;
}

/// One note for all of them: there may be hundreds.
void tell_generated(Project& project) {
  const File* first = nullptr;
  std::size_t count = 0;
  for (const auto& file : project.files) {
    if (!file->is_generated) continue;
    if (first == nullptr) first = file.get();
    ++count;
  }
  if (count == 0) return;
  project.notes.push_back(first->shown + (count == 1 ? " is not judged: its first comment says that it is generated"
                                                     : " and " + std::to_string(count - 1) +
                                                           " more are not judged: their first comments say that they "
                                                           "are generated"));
}

/// Files of the project, on disk or in the snapshot.
class Files {
 public:
  Files(const std::string& folder, const std::optional<Snapshot>& snapshot) : folder_(folder), snapshot_(snapshot) {}
  [[nodiscard]] bool has(const std::string& path) const {
    std::error_code error;
    if (snapshot_) return snapshot_->paths.contains(path);
    // Also a link that leads nowhere: what should be there is missing.
    return fs::symlink_status(folder_ + "/" + path, error).type() != fs::file_type::not_found;
  }
  /// 0 where nobody knows.
  [[nodiscard]] std::uintmax_t size(const std::string& path) const {
    if (const auto* const text = other(path); text != nullptr) return text->size();
    std::error_code error;
    const auto size = fs::file_size(folder_ + "/" + path, error);
    return error ? 0 : size;
  }
  [[nodiscard]] Result<std::string> read(const std::string& path) const {
    if (const auto* const text = other(path); text != nullptr) return *text;
    return read_project_file(folder_ + "/" + path);
  }

 private:
  [[nodiscard]] const std::string* other(const std::string& path) const {
    if (!snapshot_) return nullptr;
    const auto at = snapshot_->texts.find(path);
    return at == snapshot_->texts.end() ? nullptr : &at->second;
  }
  const std::string& folder_;
  const std::optional<Snapshot>& snapshot_;
};

void read_files(Project& project, const std::vector<std::string>& paths, const Files& files) {
  for (const auto& path : paths) {
    const auto size = files.size(path);
    const auto note = [&](const std::string& why) {
      project.notes.push_back(project.name_of(path) + " is left out: " + why);
    };
    if (size > source_bytes_max) {
      note("it has " + bytes_text(size) + ", and nobody writes more than " + bytes_text(source_bytes_max) + " by hand");
      continue;
    }
    auto text = files.read(path);
    if (!text) {
      project.failures.push_back(left_out(project, path, text.error()));
      continue;
    }
    if (text->substr(0, 8000).find('\0') != std::string::npos) {
      note("it is no text");
      continue;
    }
    auto file = std::make_unique<File>();
    file->path = path;
    file->text = std::move(*text);
    project.files.push_back(std::move(file));
  }
}

}  // namespace

bool is_project_path(std::string_view path) {
  return is_source_path(path) || is_header_path(path) || is_cmake(file_name(path)) || path == "tidings.toml" ||
         path == "events.lock.json";
}

void parse_files(Project& project) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (auto i = next++; i < project.files.size(); i = next++) {
      auto& file = *project.files[i];
      file.shown = project.name_of(file.path);
      file.is_header = is_header_path(file.path);
      file.is_test = is_test_path(file.path);
      file.is_generated = says_generated(file.text);
      file.source = tokenize(file.text);
      file.structure = find_structure(file.source);
    }
  };
  {
    std::vector<std::jthread> helpers;
    const auto count = std::min({std::max(1U, std::thread::hardware_concurrency()), threads_max,
                                 static_cast<unsigned>(project.files.size() / 8 + 1)});
    for (unsigned i = 1; i < count; ++i) helpers.emplace_back(work);
    work();
  }
  tell_generated(project);
  for (const auto& file : project.files)
    for (const auto& include : file->source.includes)
      project.uses_tidings =
          project.uses_tidings || include.path.starts_with("tidings/") || include.path == "tidings.hpp";
}

Result<Project> read_project(const ReadOptions& options) {
  Project project;
  project.shown = options.folder;
  std::error_code error;
  if (options.folder.empty())
    return Error{"not_a_folder", "the name of a folder is empty; leave it out for the current one"};
  const auto folder = fs::canonical(options.folder, error);
  const auto wrong = [&](const std::string& what) {
    return Error{"not_a_folder", "'" + printable(options.folder) + "' " + what + "; name the folder of a project"};
  };
  if (error == std::errc::no_such_file_or_directory) return wrong("is not there");
  if (error == std::errc::too_many_symbolic_link_levels) return wrong("is a link that leads back to itself");
  if (error) return wrong("cannot be looked at: " + error.message());
  if (!fs::is_directory(folder, error)) return wrong("is no folder");
  project.folder = folder.string();
  const Files files(project.folder, options.snapshot);
  if (files.has("tidings.toml")) {
    auto text = files.read("tidings.toml");
    if (!text) {
      project.failures.push_back(
          {"unreadable", text.error().message + "; what it sets is not known, and the rest is looked at"});
    } else {
      auto settings = read_settings(*text, project.name_of("tidings.toml"), options.rules);
      if (!settings) return settings.error();
      project.settings = std::move(*settings);
      project.record = std::move(*text);
      project.has_record = true;
    }
  }
  auto found = Walk(project).run(options.snapshot);
  project.has_other_build = found.has_other_build;
  read_files(project, found.sources, files);
  if (project.files.empty()) {
    std::string left_out;
    for (const auto& note : project.notes) left_out += "; " + note;
    for (const auto& failure : project.failures) left_out += "; " + failure.message;
    return Error{"no_sources", "there is no C++ source in '" + printable(options.folder) + "'" + left_out};
  }
  for (const auto& path : found.cmake)
    if (auto text = files.read(path); !text)
      project.failures.push_back(left_out(project, path, text.error()));
    else if (text->size() <= source_bytes_max)
      project.cmake.push_back({path, project.name_of(path), read_cmake(*text)});
  if (files.has("events.lock.json")) {
    auto text = files.read("events.lock.json");
    if (text) project.schemas = std::move(*text);
    project.has_schemas = text.has_value();
    if (!text)
      project.failures.push_back(
          {"unreadable", text.error().message + "; what events looked like is not known, and the rest is looked at"});
  }
  parse_files(project);
  find_targets(project);
  auto folders = read_builds(project, options.compile_commands, found.builds);
  if (!folders) return folders.error();
  resolve_includes(project, *folders);
  return project;
}

Result<Project> make_project(std::vector<std::pair<std::string, std::string>> files,
                             const std::vector<std::string>& rules) {
  Project project;
  project.shown = ".";
  std::ranges::sort(files);
  for (auto& [path, text] : files) {
    if (path == "tidings.toml") {
      auto settings = read_settings(text, path, rules);
      if (!settings) return settings.error();
      project.settings = std::move(*settings);
      project.record = std::move(text);
      project.has_record = true;
    } else if (path == "events.lock.json") {
      project.schemas = std::move(text);
      project.has_schemas = true;
    } else if (is_cmake(file_name(path))) {
      project.cmake.push_back({path, path, read_cmake(text)});
    } else {
      auto file = std::make_unique<File>();
      file->path = path;
      file->text = std::move(text);
      project.files.push_back(std::move(file));
    }
  }
  parse_files(project);
  find_targets(project);
  resolve_includes(project, {});
  return project;
}

}  // namespace tidings::check
