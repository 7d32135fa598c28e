#include <algorithm>
#include <set>

#include "check/project.hpp"

namespace tidings::check {

namespace {

/// `${CMAKE_CURRENT_SOURCE_DIR}/x` is x here, `${PROJECT_SOURCE_DIR}/x` x from the top; any other variable may be
/// anything.
std::string pattern_of(std::string word, std::string_view folder, bool is_anywhere) {
  bool is_absolute = false;
  for (const std::string_view here : {"${CMAKE_CURRENT_SOURCE_DIR}/", "${CMAKE_CURRENT_LIST_DIR}/"})
    if (word.starts_with(here)) word.erase(0, here.size());
  for (const std::string_view top : {"${PROJECT_SOURCE_DIR}/", "${CMAKE_SOURCE_DIR}/"})
    if (word.starts_with(top)) {
      word.erase(0, top.size());
      is_absolute = true;
    }
  std::string out;
  for (std::size_t at = 0; at < word.size();) {
    const bool is_variable = word.compare(at, 2, "${") == 0 || word.compare(at, 2, "$<") == 0;
    if (!is_variable) {
      out += word[at++];
      continue;
    }
    const char close = word[at + 1] == '{' ? '}' : '>';
    at = std::min(word.find(close, at), word.size() - 1) + 1;
    const bool is_path = out.empty() && at < word.size() && word[at] == '/';
    out += is_path ? "**" : "*";
    is_absolute = is_absolute || is_path;
  }
  if (out.starts_with('/')) return "**" + out;
  if (is_absolute) return out;
  if (is_anywhere) return "**/" + out;
  const auto whole = normal_path(std::string(folder) + "/" + out);
  return whole.empty() ? "**/" + std::string(file_name(out)) : whole;
}

bool is_word_of_cmake(std::string_view word) {
  for (const std::string_view one :
       {"PUBLIC", "PRIVATE", "INTERFACE", "STATIC", "SHARED", "MODULE", "OBJECT", "EXCLUDE_FROM_ALL", "WIN32"})
    if (word == one) return true;
  return false;
}

Target* target(std::vector<Target>& targets, std::string_view name) {
  const auto found = std::ranges::find_if(targets, [&](const Target& one) {
    return one.name == name || std::ranges::find(one.aliases, name) != one.aliases.end();
  });
  return found == targets.end() ? nullptr : &*found;
}

}  // namespace

void find_targets(Project& project) {
  std::set<std::string> named;
  for (const auto& file : project.cmake) {
    const auto folder = folder_of(file.path);
    int functions = file.path.ends_with(".cmake") ? 1 : 0;  // where a function is called from nobody knows
    for (const auto& command : file.commands) {
      if (command.name == "function" || command.name == "macro") ++functions;
      if (command.name == "endfunction" || command.name == "endmacro") --functions;
      const bool is_recursive = command.name == "file" && !command.words.empty() && command.words[0] == "GLOB_RECURSE";
      for (const auto& word : command.words) {
        if (!is_source_path(word) && !is_header_path(word)) continue;
        auto pattern = pattern_of(word, folder, functions > 0);
        if (is_recursive)
          pattern = std::string(folder_of(pattern)) + (folder_of(pattern).empty() ? "**/" : "/**/") +
                    std::string(file_name(pattern));
        named.insert(std::move(pattern));
      }
      if (command.words.size() < 2) {
        if (command.name == "aux_source_directory" && !command.words.empty())
          named.insert(pattern_of(command.words[0] + "/*", folder, functions > 0));
        continue;
      }
      if (command.name == "aux_source_directory")
        named.insert(pattern_of(command.words[0] + "/*", folder, functions > 0));
      const auto& name = command.words[0];
      if (functions > 0 || name.find('$') != std::string::npos) continue;
      if (command.name == "add_library" || command.name == "add_executable") {
        if (command.words.size() == 3 && command.words[1] == "ALIAS") {
          if (auto* const of = target(project.targets, command.words[2]); of != nullptr) of->aliases.push_back(name);
          continue;
        }
        if (target(project.targets, name) == nullptr)
          project.targets.push_back({.name = name, .folder = std::string(folder)});
      }
      const bool has_sources =
          command.name == "add_library" || command.name == "add_executable" || command.name == "target_sources";
      const bool has_links = command.name == "target_link_libraries";
      if (!has_sources && !has_links) continue;
      auto* of = target(project.targets, name);
      if (of == nullptr) {
        project.targets.push_back({.name = name, .folder = std::string(folder)});
        of = &project.targets.back();
      }
      for (std::size_t i = 1; i < command.words.size(); ++i) {
        const auto& word = command.words[i];
        if (is_word_of_cmake(word) || word.find('$') != std::string::npos) continue;
        if (has_links)
          of->links.push_back({word, &file, command.line});
        else if (is_source_path(word) || is_header_path(word))
          of->sources.push_back(normal_path(std::string(folder) + "/" + word));
      }
    }
  }
  project.named_sources.assign(named.begin(), named.end());
}

}  // namespace tidings::check
