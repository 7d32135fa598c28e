// The one place that includes kainjow's mustache.
#include "scaffold/mustache.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <kainjow/mustache.hpp>
#pragma GCC diagnostic pop

#include <algorithm>

#include "scaffold/neat.hpp"

namespace tidings::scaffold {

namespace {

using kainjow::mustache::data;

/// `has.outbox` is a member of `has`.
void put(std::map<std::string, data>& groups, data& root, const std::string& name, data value) {
  const auto dot = name.find('.');
  if (dot == std::string::npos) {
    root.set(name, std::move(value));
    return;
  }
  auto& group = groups.try_emplace(name.substr(0, dot), data::type::object).first->second;
  group.set(name.substr(dot + 1), std::move(value));
}

/// Stands for the end of a line, so that the engine sees one line: which of them go with their tags is decided here.
constexpr char line_end = '\x02';

/// Whether a line has tags of sections and nothing else.
bool is_of_tags(std::string_view line) {
  bool has_one = false;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty()) return has_one;
    const auto end = line.find("%>");
    if (!line.starts_with("<%#") && !line.starts_with("<%^") && !line.starts_with("<%/")) return false;
    if (end == std::string_view::npos) return false;
    line.remove_prefix(end + 2);
    has_one = true;
  }
}

std::string as_one_line(std::string_view text) {
  std::string out;
  for (const auto& line : lines_of(text)) {
    if (is_of_tags(line))
      out += line.substr(line.find('<'), line.find_last_of('>') + 1 - line.find('<'));
    else
      out += line + line_end;
  }
  return out;
}

}  // namespace

Result<std::string> fill(std::string_view text, const TagValues& values, const std::string& where) {
  data root;
  std::map<std::string, data> groups;
  for (const auto& [name, value] : values.texts) put(groups, root, name, data(value));
  for (const auto& [name, value] : values.truths) put(groups, root, name, data(value));
  for (const auto& [name, rows] : values.lists) {
    data list(data::type::list);
    for (const auto& row : rows) {
      data one;
      for (const auto& [key, value] : row) one.set(key, data(value));
      list.push_back(std::move(one));
    }
    root.set(name, std::move(list));
  }
  for (const auto& [name, group] : groups) root.set(name, group);
  kainjow::mustache::mustache engine("{{=<% %>=}}" + as_one_line(text));
  if (!engine.is_valid()) return Error{"invalid_capability", where + ": " + engine.error_message()};
  engine.set_custom_escape([](const std::string& plain) { return plain; });
  auto made = engine.render(root);
  std::ranges::replace(made, line_end, '\n');
  return made;
}

}  // namespace tidings::scaffold
