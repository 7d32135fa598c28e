#include <algorithm>
#include <filesystem>
#include <set>

#include "check/project.hpp"
#include "project_file.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::check {

namespace fs = std::filesystem;

constexpr auto commands_bytes_max = std::size_t{512} << 20U;  // programs write it, a line or more for each source

/// One of compile_commands.json.
struct CompileCommand {
  std::string directory, file, command;
  std::vector<std::string> arguments;
};
/// What CMake's file API replies of a target.
struct ApiSource {
  std::string path;
};
struct ApiTarget {
  std::string name;
  std::vector<ApiSource> sources;
};

namespace {

/// As a shell would take it apart, as far as compilers' command lines need it.
std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  bool is_open = false;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (c == '\\' && quote != '\'' && i + 1 < command.size()) {
      word += command[++i];
      is_open = true;
    } else if (quote != '\0') {
      if (c == quote)
        quote = '\0';
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      is_open = true;
    } else if (c == ' ') {
      if (is_open) words.push_back(std::move(word));
      word.clear();
      is_open = false;
    } else {
      word += c;
      is_open = true;
    }
  }
  if (is_open) words.push_back(std::move(word));
  return words;
}

/// From the project's folder; empty where it stands elsewhere.
std::string within(const Project& project, const std::string& directory, const std::string& path) {
  const auto full = fs::path(path).is_absolute() ? fs::path(path) : fs::path(directory) / path;
  const auto text = full.lexically_normal().string();
  if (text == project.folder || text == project.folder + "/") return ".";
  if (!text.starts_with(project.folder + "/")) return {};
  return normal_path(std::string_view(text).substr(project.folder.size() + 1));
}

Result<> read_commands(Project& project, const std::string& path, std::set<std::string>& sources,
                       std::vector<std::string>& folders) {
  auto text = read_project_file(path, commands_bytes_max);
  if (!text) return Error{"unreadable", text.error().message};
  auto commands = JsonCodec::decode<std::vector<CompileCommand>>(*text);
  if (!commands)
    return Error{"broken_compile_commands",
                 printable(path) + " is no list of compile commands: " + commands.error().message};
  for (const auto& one : *commands) {
    if (const auto source = within(project, one.directory, one.file); !source.empty()) sources.insert(source);
    const auto words = one.arguments.empty() ? words_of(one.command) : one.arguments;
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::string folder;
      for (const std::string_view flag : {"-I", "-isystem", "-iquote"}) {
        if (!words[i].starts_with(flag)) continue;
        folder = words[i].size() > flag.size() ? words[i].substr(flag.size())
                 : i + 1 < words.size()        ? words[i + 1]
                                               : std::string();
        break;
      }
      if (folder.empty()) continue;
      const auto found = within(project, one.directory, folder);
      if (found.empty() || found == ".") continue;
      if (std::ranges::find(folders, found + "/") == folders.end()) folders.push_back(found + "/");
    }
  }
  return {};
}

void read_api(const Project& project, const std::string& build, std::set<std::string>& sources) {
  std::error_code error;
  fs::directory_iterator entries(build + "/.cmake/api/v1/reply", error);
  if (error) return;
  for (const fs::directory_iterator end; entries != end; entries.increment(error)) {
    if (error) return;
    const auto name = entries->path().filename().string();
    if (!name.starts_with("target-") || !name.ends_with(".json")) continue;
    const auto text = read_project_file(entries->path().string(), commands_bytes_max);
    if (!text) continue;
    const auto target = JsonCodec::decode<ApiTarget>(*text);
    if (!target) continue;
    for (const auto& source : target->sources)
      if (const auto found = within(project, project.folder, source.path); !found.empty()) sources.insert(found);
  }
}

}  // namespace

Result<std::vector<std::string>> read_builds(Project& project, const std::string& compile_commands,
                                             const std::vector<std::string>& build_folders) {
  std::set<std::string> sources;
  std::vector<std::string> folders;
  std::error_code error;
  if (!compile_commands.empty()) {
    const auto path =
        fs::is_directory(compile_commands, error) ? compile_commands + "/compile_commands.json" : compile_commands;
    if (auto read = read_commands(project, path, sources, folders); !read) {
      if (read.error().code != "unreadable") return read.error();
      project.failures.push_back(
          {"unreadable",
           read.error().message + "; where includes are looked for is not known, and the rest is looked at"});
    }
  } else {
    auto places = build_folders;
    places.emplace_back();
    for (const auto& place : places) {
      const auto path = project.folder + (place.empty() ? "" : "/" + place) + "/compile_commands.json";
      if (fs::symlink_status(path, error).type() == fs::file_type::not_found) continue;
      // One that nobody named may be broken by whatever wrote it: the sources are there all the same.
      if (auto read = read_commands(project, path, sources, folders); !read)
        project.notes.push_back(read.error().message);
    }
  }
  for (const auto& build : build_folders) read_api(project, project.folder + "/" + build, sources);
  project.named_sources.insert(project.named_sources.end(), sources.begin(), sources.end());
  return folders;
}

}  // namespace tidings::check
