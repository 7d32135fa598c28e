#include "scaffold/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "scaffold/contains.hpp"
#include "tidings/base/text.hpp"

namespace tidings::scaffold {

namespace {

std::string joined(const std::vector<std::string>& names, std::string_view between) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : std::string(between)) + name;
  return text;
}

/// What it requires, in words; what a hidden one requires in its place.
void collect_required(const Catalogue& catalogue, const Capability& capability, const std::string& of,
                      std::set<std::string>& all) {
  for (const auto& name : capability.requires_all) {
    const auto* const one = catalogue.find(name);
    if (one->hidden)
      collect_required(catalogue, *one, of, all);
    else if (!one->always && name != of)
      all.insert(name);
  }
  for (const auto& list : capability.requires_one_of)
    if (!contains(list, of)) all.insert(joined(list, " or "));
}

std::string requires_text(const Catalogue& catalogue, const Capability& capability) {
  std::set<std::string> all;
  collect_required(catalogue, capability, capability.name, all);
  return joined({all.begin(), all.end()}, ", ");
}

template <class List>
std::string capabilities_in(const List& list) {
  std::vector<std::string> names;
  for (const auto& one : list) names.push_back(one.capability);
  return joined(names, ", ");
}

/// Both sides of a conflict, whichever says it.
std::string conflicts_text(const Catalogue& catalogue, const Capability& capability) {
  std::set<std::string> names;
  for (const auto& one : capability.conflicts) names.insert(one.capability);
  for (const auto& [name, other] : catalogue.capabilities)
    if (contains(other.conflicts, capability.name, &Conflict::capability)) names.insert(name);
  return joined({names.begin(), names.end()}, ", ");
}

/// What is no UTF-8, as names of folders may be, cannot stand in JSON: its bytes are shown.
std::string json_text(std::string_view given) {
  const auto shown = is_utf8(given) ? std::string() : printable(given);
  const auto text = shown.empty() ? given : std::string_view(shown);
  std::string out = "\"";
  for (const char c : text) {
    std::array<char, 8> escape{};
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape.data();
    } else
      out += c;
  }
  return out + "\"";
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) out += (out.size() > 1 ? "," : "") + json_text(text);
  return out + "]";
}

bool is_shown(const Capability& one) {
  return !one.hidden && !one.always;
}

}  // namespace

std::string folded(std::string_view text, std::size_t indent, std::size_t columns) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (column > indent && column + 1 + word.size() > columns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += " ";
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return out;
}

std::string choice_text(const Resolution& resolution, std::size_t columns) {
  std::string out;
  const auto line = [&](const std::string& text) { out += "  " + folded(text, 4, columns) + "\n"; };
  for (const auto& one : resolution.taken) line(one.capability + " is taken along: " + one.because);
  for (const auto& one : resolution.suggested) line(one.capability + " goes well with " + one.by + ": " + one.reason);
  return out;
}

std::string warnings_text(const std::vector<Warning>& found, bool coloured, std::size_t columns) {
  std::string out;
  for (const auto& one : found) {
    const auto* const colour = one.severity == Severity::error     ? "1;31"
                               : one.severity == Severity::warning ? "33"
                                                                   : "36";
    const auto severity = std::string(to_text(one.severity));
    out += (coloured ? "\x1b[" + std::string(colour) + "m" + severity + "\x1b[0m" : severity) + ": " + one.id + "\n";
    out += "  " + folded(one.happens, 2, columns) + "\n";
    out += "  -> " + folded(one.what_to_do, 5, columns) + "\n";
  }
  return out;
}

std::string matrix_text(const Catalogue& catalogue, std::size_t columns) {
  std::size_t width = 0;
  for (const auto& name : catalogue.names()) width = std::max(width, name.size());
  std::string out;
  for (const auto& category : catalogue.categories) {
    std::string rows;
    for (const auto& [name, one] : catalogue.capabilities) {
      if (one.category != category.name || !is_shown(one)) continue;
      rows +=
          "  " + name + std::string(width - name.size() + 2, ' ') + folded(one.description, width + 4, columns) + "\n";
      const auto more = [&](const char* what, const std::string& names) {
        if (!names.empty()) rows += std::string(width + 4, ' ') + folded(what + names, width + 6, columns) + "\n";
      };
      more("requires ", requires_text(catalogue, one));
      more("suggests ", capabilities_in(one.suggests));
      more("not with ", conflicts_text(catalogue, one));
    }
    if (!rows.empty()) out += (out.empty() ? "" : "\n") + category.title + "\n" + rows;
  }
  return out;
}

std::string matrix_markdown(const Catalogue& catalogue) {
  std::string out =
      "# Capabilities\n\n"
      "What `tidings new` and `tidings add` know ([scaffolding.md](scaffolding.md)). This page is what `tidings "
      "capabilities --markdown` prints.\n";
  for (const auto& category : catalogue.categories) {
    std::string rows;
    for (const auto& [name, one] : catalogue.capabilities) {
      if (one.category != category.name || !is_shown(one)) continue;
      rows += "| `" + name + "`" + (one.is_default ? " (default)" : "") + " | " + one.description + " | " +
              requires_text(catalogue, one) + " | " + capabilities_in(one.suggests) + " | " +
              conflicts_text(catalogue, one) + " |\n";
    }
    if (!rows.empty())
      out += "\n## " + category.title +
             "\n\n| capability | gives | requires | suggests | not with |\n|---|---|---|---|---|\n" + rows;
  }
  out +=
      "\n## Warnings\n\nOf combinations that hurt in production, told by `new`, `add` and `check`.\n\n| warning | "
      "severity | what can happen | what to do |\n|---|---|---|---|\n";
  for (const auto& rule : catalogue.warnings)
    out += "| `" + rule.id + "` | " + std::string(to_text(rule.severity)) + " | " + rule.happens + " | " +
           rule.what_to_do + " |\n";
  return out;
}

std::string capability_json(const Catalogue& catalogue, const Capability& one) {
  std::string lists;
  for (const auto& list : one.requires_one_of) lists += (lists.empty() ? "" : ",") + json_list(list);
  std::vector<std::string> required, suggested;
  for (const auto& name : one.requires_all) {
    const auto* const other = catalogue.find(name);
    if (is_shown(*other)) required.push_back(name);
    if (other->hidden)
      for (const auto& list : other->requires_one_of) lists += (lists.empty() ? "" : ",") + json_list(list);
  }
  std::string suggests, conflicts;
  for (const auto& other : one.suggests)
    suggests += (suggests.empty() ? "" : ",") + ("{\"capability\":" + json_text(other.capability)) +
                ",\"reason\":" + json_text(other.reason) + "}";
  for (const auto& other : one.conflicts)
    conflicts += (conflicts.empty() ? "" : ",") + ("{\"capability\":" + json_text(other.capability)) +
                 ",\"reason\":" + json_text(other.reason) + ",\"way_out\":" + json_text(other.way_out) + "}";
  return "{\"version\":1,\"name\":" + json_text(one.name) + ",\"title\":" + json_text(one.title) +
         ",\"category\":" + json_text(one.category) + ",\"description\":" + json_text(one.description) +
         ",\"default\":" + (one.is_default ? "true" : "false") + ",\"requires\":" + json_list(required) +
         ",\"requires_one_of\":[" + lists + "],\"suggests\":[" + suggests + "],\"conflicts\":[" + conflicts + "]}\n";
}

std::string matrix_json(const Catalogue& catalogue) {
  std::string out;
  for (const auto* const one : catalogue.in_order())
    if (is_shown(*one)) out += capability_json(catalogue, *one);
  return out;
}

std::string capability_text(const Catalogue& catalogue, const Capability& one, std::size_t columns) {
  std::string out = one.name + ": " + one.title + "\n  " + folded(one.description, 2, columns) + "\n";
  if (one.is_default) out += "  in every new project, unless it is left out by --without " + one.name + "\n";
  if (const auto names = requires_text(catalogue, one); !names.empty())
    out += "  requires " + folded(names, 4, columns) + "\n";
  for (const auto& other : one.suggests)
    out += "  suggests " + other.capability + ": " + folded(other.reason, 4, columns) + "\n";
  for (const auto& other : one.conflicts)
    out += "  not with " + other.capability + ": " + folded(other.reason + "; " + other.way_out, 4, columns) + "\n";
  for (const auto& [name, other] : catalogue.capabilities)
    for (const auto& conflict : other.conflicts)
      if (conflict.capability == one.name)
        out += "  not with " + name + ": " + folded(conflict.reason + "; " + conflict.way_out, 4) + "\n";
  if (!one.debian.empty()) out += "  takes the packages " + joined(one.debian, " ") + "\n";
  for (const auto& file : one.files) out += "  file " + file.path + "\n";
  return out;
}

namespace {

/// Without its end, so that more can follow.
std::string project_json(const std::string& folder, const Project& project, const std::vector<Warning>& found) {
  std::string taken, suggested, warned;
  for (const auto& one : project.resolution.taken)
    taken += (taken.empty() ? "" : ",") + ("{\"capability\":" + json_text(one.capability)) +
             ",\"because\":" + json_text(one.because) + "}";
  for (const auto& one : project.resolution.suggested)
    suggested += (suggested.empty() ? "" : ",") + ("{\"capability\":" + json_text(one.capability)) +
                 ",\"by\":" + json_text(one.by) + ",\"reason\":" + json_text(one.reason) + "}";
  for (const auto& one : found)
    warned += (warned.empty() ? "" : ",") + ("{\"id\":" + json_text(one.id)) +
              ",\"severity\":" + json_text(to_text(one.severity)) + ",\"happens\":" + json_text(one.happens) +
              ",\"what_to_do\":" + json_text(one.what_to_do) + "}";
  return "{\"version\":1,\"name\":" + json_text(project.record.name) + ",\"folder\":" + json_text(folder) +
         ",\"layout\":" + json_text(to_text(project.record.layout)) +
         ",\"capabilities\":" + json_list(project.record.capabilities) +
         ",\"implied\":" + json_list(project.record.implied) + ",\"taken\":[" + taken + "],\"suggested\":[" +
         suggested + "],\"warnings\":[" + warned + "]";
}

}  // namespace

std::vector<std::string> paths_of(const Project& project) {
  std::vector<std::string> paths{hashes_file, record_file};
  for (const auto& file : project.files) paths.push_back(file.path);
  std::ranges::sort(paths);
  return paths;
}

std::string made_json(const std::string& folder, const Project& project, const std::vector<Warning>& found) {
  return project_json(folder, project, found) + ",\"files\":" + json_list(paths_of(project)) + "}\n";
}

std::string refused_json(const Changes& changes) {
  return "{\"version\":1,\"in_the_way\":" + json_list(changes.in_the_way) + "}\n";
}

std::string added_json(const std::string& folder, const Project& project, const std::vector<Warning>& found,
                       const Changes& changes) {
  std::vector<std::string> changed;
  for (const auto& file : changes.written)
    if (!contains(changes.created, file.path) && !contains(changes.merged, file.path)) changed.push_back(file.path);
  if (changes.record_differs) changed.emplace_back(record_file);
  return project_json(folder, project, found) + ",\"new\":" + json_list(changes.created) +
         ",\"changed\":" + json_list(changed) + ",\"merged\":" + json_list(changes.merged) +
         ",\"removed\":" + json_list(changes.removed) + ",\"yours\":" + json_list(changes.disowned) + "}\n";
}

}  // namespace tidings::scaffold
