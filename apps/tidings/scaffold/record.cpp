#include "scaffold/record.hpp"

#include <algorithm>

#include "scaffold/contains.hpp"
#include "scaffold/toml.hpp"
#include "tidings/base/text.hpp"

namespace tidings::scaffold {

namespace {

std::string list_text(const std::vector<std::string>& names) {
  if (names.empty()) return "[]";
  std::string out = "[\n";
  for (const auto& one : names) out += "  \"" + one + "\",\n";
  return out + "]";
}

/// Where a list of texts stands, and what is in it.
struct ListPlace {
  struct Item {
    std::string text;
    std::size_t begin, end;  ///< with its quotes
  };
  std::size_t begin = 0, end = 0;  ///< from `[` to behind `]`
  std::vector<Item> items;
  bool has_comments = false;
};

/// The list `key = […]` above the first table; its text is known to be TOML. An empty place where there is none.
ListPlace find_list(std::string_view text, std::string_view key) {
  ListPlace place;
  std::size_t line = 0;
  for (; line < text.size(); line = std::min(text.find('\n', line), text.size() - 1) + 1) {
    auto at = text.find_first_not_of(" \t", line);
    if (at == std::string_view::npos || text[at] == '[') return place;
    if (!text.substr(at).starts_with(key)) continue;
    at = text.find_first_not_of(" \t", at + key.size());
    if (at != std::string_view::npos && text[at] == '=') {
      place.begin = text.find('[', at);
      break;
    }
  }
  if (line >= text.size() || place.begin == std::string_view::npos) return {};
  for (auto at = place.begin + 1; at < text.size(); ++at) {
    if (text[at] == ']') {
      place.end = at + 1;
      return place;
    }
    if (text[at] == '#') {
      place.has_comments = true;
      at = std::min(text.find('\n', at), text.size());
    } else if (text[at] == '"' || text[at] == '\'') {
      const auto close = text.find(text[at], at + 1);
      if (close == std::string_view::npos) return {};
      place.items.push_back({std::string(text.substr(at + 1, close - at - 1)), at, close + 1});
      at = close;
    }
  }
  return {};
}

void set_list(std::string& text, std::string_view key, const std::vector<std::string>& names) {
  auto place = find_list(text, key);
  if (place.end == 0) {  // in front of all else, where no table has begun
    if (!names.empty()) text.insert(0, std::string(key) + " = " + list_text(names) + "\n");
    return;
  }
  if (!place.has_comments) {
    std::vector<std::string> there;
    for (const auto& item : place.items) there.push_back(item.text);
    if (std::set(there.begin(), there.end()) != std::set(names.begin(), names.end()))
      text.replace(place.begin, place.end - place.begin, list_text(names));
    return;
  }
  std::string more;
  for (const auto& name : names)
    if (!contains(place.items, name, &ListPlace::Item::text)) more += "  \"" + name + "\",\n";
  if (!more.empty()) {
    auto at = place.end - 1;
    if (at > 0 && text[at - 1] != '\n') more.insert(0, "\n");
    text.insert(at, more);
  }
  if (!more.empty() && !place.items.empty()) {
    const auto behind = text.find_first_not_of(" \t", place.items.back().end);
    if (text[behind] != ',') text.insert(place.items.back().end, ",");
  }
  for (auto item = place.items.rbegin(); item != place.items.rend(); ++item) {
    if (contains(names, item->text)) continue;
    auto end = item->end;
    if (const auto comma = text.find_first_not_of(" \t", end); text[comma] == ',') end = comma + 1;
    auto begin = item->begin;
    const auto line_begin = text.rfind('\n', begin) + 1;
    const auto line_end = text.find('\n', end);
    const bool is_alone =
        text.find_first_not_of(" \t", line_begin) == begin && text.find_first_not_of(" \t", end) == line_end;
    if (is_alone) begin = line_begin, end = line_end + 1;
    text.erase(begin, end - begin);
  }
}

}  // namespace

std::set<std::string> Record::asked() const {
  std::set<std::string> names(capabilities.begin(), capabilities.end());
  for (const auto& one : implied) names.erase(one);
  return names;
}

Result<Record> read_record(std::string_view text, const std::string& file) {
  const auto as_record = [](Error error) { return Error{"invalid_record", std::move(error.message)}; };
  auto table = parse_toml(text, file);
  if (!table) return as_record(table.error());
  table->line = 1;
  TomlReader reader(*table, file, "record");
  Record record;
  reader.whole("version", 1);
  record.name = reader.text("name");
  const auto layout = layout_of(reader.text("layout"));
  record.layout = layout.value_or(Layout::layered);
  record.capabilities = reader.texts("capabilities");
  record.implied = reader.texts("implied");
  for (const auto& [key, member] : table->members) {
    if (key == "layout" && !layout)
      reader.wrong(member.line, "there is no such layout; there are layered, hexagonal and flat");
    if (key == "guarantees" && member.kind != Toml::Kind::table)
      reader.wrong(member.line, "guarantees must be a table");
    if (key == "check" && member.kind != Toml::Kind::table) reader.wrong(member.line, "check must be a table");
    if (key != "acknowledged") continue;
    if (member.kind != Toml::Kind::table) reader.wrong(member.line, "acknowledged must be a table");
    for (const auto& [id, reason] : member.members) {
      if (reason.kind != Toml::Kind::text || reason.text.find_first_not_of(" \t\n") == std::string::npos)
        reader.wrong(reason.line,
                     "write why " + printable(id) + " is accepted: " + printable(id) + " = \"the reason\"");
      record.acknowledged[id] = reason.text;
    }
  }
  reader.know("acknowledged");
  reader.know("check");
  reader.know("guarantees");
  if (auto fine = reader.finish(); !fine) return as_record(fine.error());
  return record;
}

std::string record_text(const Record& record) {
  return "# The record of this project: what it is made of. 'tidings add' keeps the two lists, and leaves all else "
         "alone.\n"
         "version = 1\n"
         "name = \"" +
         record.name +
         "\"\n"
         "layout = \"" +
         std::string(to_text(record.layout)) +
         "\"\n"
         "capabilities = " +
         list_text(record.capabilities) +
         "\n"
         "# Of these, what nobody asked for: others require it.\n"
         "implied = " +
         list_text(record.implied) +
         "\n"
         "\n"
         "# Warnings that are known and accepted: id = \"the reason\".\n"
         "[acknowledged]\n";
}

std::string with_lists_of(std::string text, const Record& record) {
  set_list(text, "capabilities", record.capabilities);
  set_list(text, "implied", record.implied);
  return text;
}

}  // namespace tidings::scaffold
