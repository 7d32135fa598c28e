#include <algorithm>
#include <set>
#include <unordered_map>

#include "check/project.hpp"

namespace tidings::check {

void resolve_includes(Project& project, const std::vector<std::string>& include_folders) {
  std::unordered_map<std::string_view, std::uint32_t> by_path;
  std::unordered_map<std::string_view, std::vector<std::uint32_t>> by_name;
  for (std::uint32_t i = 0; i < project.files.size(); ++i) {
    by_path.emplace(project.files[i]->path, i);
    by_name[file_name(project.files[i]->path)].push_back(i);
  }
  const auto at = [&](const std::string& path) {
    const auto found = by_path.find(path);
    return found == by_path.end() || path.empty() ? none : found->second;
  };
  std::vector<std::string> folders = include_folders;
  for (const auto* usual : {"", "include/", "src/"}) folders.emplace_back(usual);

  const auto resolve = [&](const File& from, const Include& include) {
    const std::string path(include.path);
    if (include.is_quoted) {
      const std::string folder(folder_of(from.path));
      if (const auto found = at(normal_path(folder.empty() ? path : folder + "/" + path)); found != none) return found;
    }
    for (const auto& folder : folders)
      if (const auto found = at(normal_path(folder + path)); found != none) return found;
    // Where no build says where includes are looked for: the only file whose path ends so.
    if (!include.is_quoted && path.find('/') == std::string::npos) return none;
    const auto wanted = "/" + normal_path(path);
    const auto same = by_name.find(file_name(path));
    if (wanted.size() == 1 || same == by_name.end()) return none;
    auto only = none;
    for (const auto one : same->second) {
      if (!project.files[one]->path.ends_with(wanted)) continue;
      if (only != none) return none;
      only = one;
    }
    return only;
  };

  project.includes.assign(project.files.size(), {});
  for (std::uint32_t i = 0; i < project.files.size(); ++i)
    for (const auto& include : project.files[i]->source.includes)
      if (const auto to = resolve(*project.files[i], include); to != none && to != i)
        project.includes[i].push_back({to, include.line});
}

}  // namespace tidings::check
