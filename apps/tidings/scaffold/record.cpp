#include "scaffold/record.hpp"

#include <algorithm>

#include "scaffold/contains.hpp"
#include "tidings/base/text.hpp"
#include "toml.hpp"

namespace tidings::scaffold {

namespace {

std::string list_text(const std::vector<std::string>& names) {
  if (names.empty()) return "[]";
  std::string out = "[\n";
  for (const auto& one : names) out += "  \"" + one + "\",\n";
  return out + "]";
}

constexpr std::string_view blanks = " \t";

/// Behind blanks, ends of lines and comments.
std::size_t next_sign(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
    if (at == text.size() || text[at] != '#') break;
    at = std::min(text.find('\n', at), text.size());
  }
  return at;
}

bool has_comments(std::string_view text, const Toml& list) {
  auto at = list.begin;
  for (const auto& item : list.items) {
    if (text.substr(at, item.begin - at).find('#') != std::string_view::npos) return true;
    at = item.end;
  }
  return text.substr(at, list.end - at).find('#') != std::string_view::npos;
}

/// `list` as it stands in `text`, where it is known to be one of texts.
void change_list(std::string& text, const Toml& list, const std::vector<std::string>& names) {
  std::set<std::string> there;
  for (const auto& item : list.items) there.insert(item.text);
  if (!has_comments(text, list)) {
    if (there != std::set(names.begin(), names.end()))
      text.replace(list.begin, list.end - list.begin, list_text(names));
    return;
  }
  std::string more;
  for (const auto& name : names)
    if (!there.contains(name)) more += "  \"" + name + "\",\n";
  if (!more.empty()) {
    const auto close = list.end - 1;
    if (text[close - 1] != '\n') more.insert(0, "\n");
    text.insert(close, more);
    if (!list.items.empty() && text[next_sign(text, list.items.back().end)] != ',')
      text.insert(list.items.back().end, ",");
  }
  for (auto item = list.items.rbegin(); item != list.items.rend(); ++item) {
    if (contains(names, item->text)) continue;
    auto begin = item->begin, end = item->end;
    if (const auto comma = next_sign(text, end); text[comma] == ',') {
      const bool is_beside = comma == text.find_first_not_of(blanks, end);
      text.erase(comma, 1);
      if (is_beside) end = comma;
    }
    const auto line_begin = text.rfind('\n', begin) + 1;
    const auto line_end = text.find('\n', end);
    const bool is_alone =
        text.find_first_not_of(blanks, line_begin) == begin && text.find_first_not_of(blanks, end) == line_end;
    if (is_alone) begin = line_begin, end = line_end + 1;
    text.erase(begin, end - begin);
  }
}

Result<> set_list(std::string& text, std::string_view key, const std::vector<std::string>& names) {
  const auto table = parse_toml(text, record_file);
  if (!table) return table.error();
  if (const auto* const list = table->find(key); list != nullptr) {
    change_list(text, *list, names);
  } else if (!names.empty()) {  // in front of all else, where no table has begun
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    text.insert(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0,
                std::string(key) + " = " + list_text(names) + "\n");
  }
  return {};
}

bool is_same(const Toml& one, const Toml& other) {
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name && is_same(a.value, b.value); };
  return one.kind == other.kind && one.text == other.text && one.whole == other.whole && one.truth == other.truth &&
         std::ranges::equal(one.items, other.items, is_same) && std::ranges::equal(one.members, other.members, same);
}

/// Whether `text` says of all but the two lists what `before` said.
bool keeps_all_else(std::string_view before, std::string_view text) {
  auto was = parse_toml(before, record_file), is = parse_toml(text, record_file);
  if (!was || !is) return false;
  for (auto* const table : {&*was, &*is})
    std::erase_if(table->members, [](const auto& one) { return one.name == "capabilities" || one.name == "implied"; });
  return is_same(*was, *is);
}

}  // namespace

std::set<std::string> Record::asked() const {
  std::set<std::string> names(capabilities.begin(), capabilities.end());
  for (const auto& one : implied) names.erase(one);
  return names;
}

namespace {

std::string no_such_layout(const std::string& text) {
  std::vector<std::string> known;
  for (const auto layout : layouts) known.emplace_back(to_text(layout));
  const auto near = nearest(text, known);
  return "there is no layout '" + printable(text) + "'; " +
         (near.empty() ? "there are layered, hexagonal and flat" : "did you mean '" + std::string(near) + "'?");
}

/// All but what a project's record must have.
void read_rest(const Toml& table, TomlReader& reader, Record& record) {
  for (const auto& [key, member] : table.members) {
    if (key == "layout" && member.kind == Toml::Kind::text && !layout_of(member.text))
      reader.wrong(member.line, no_such_layout(member.text));
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
  for (const auto* const key : {"acknowledged", "check", "guarantees"}) reader.know(key);
}

Result<Record> read(std::string_view text, const std::string& file, bool is_of_a_project) {
  const auto as_record = [](Error error) { return Error{"invalid_record", std::move(error.message)}; };
  auto table = parse_toml(text, file);
  if (!table) return as_record(table.error());
  table->line = 1;
  TomlReader reader(*table, file, "record");
  const auto must_have = [&](std::string_view key) { return is_of_a_project || table->find(key) != nullptr; };
  Record record;
  if (must_have("version")) reader.whole("version", 1);
  if (must_have("name")) record.name = reader.text("name");
  if (must_have("layout")) record.layout = layout_of(reader.text("layout")).value_or(Layout::layered);
  record.capabilities = reader.texts("capabilities");
  if (const auto* const list = table->find("capabilities"); list != nullptr) record.capabilities_line = list->line;
  record.implied = reader.texts("implied");
  read_rest(*table, reader, record);
  for (const auto* const key : {"version", "name", "layout"}) reader.know(key);
  if (auto fine = reader.finish(); !fine) return as_record(fine.error());
  return record;
}

}  // namespace

Result<Record> read_record(std::string_view text, const std::string& file) {
  return read(text, file, true);
}

Result<Record> read_settings_record(std::string_view text, const std::string& file) {
  return read(text, file, false);
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

Result<std::string> with_lists_of(const std::string& before, const Record& record) {
  auto text = before;
  for (const auto& [key, names] : {std::pair("capabilities", &record.capabilities), {"implied", &record.implied}})
    if (auto set = set_list(text, key, *names); !set) return Error{"invalid_record", set.error().message};
  const auto as_set = [](const std::vector<std::string>& names) { return std::set(names.begin(), names.end()); };
  const auto made = read_record(text, record_file);
  if (made && as_set(made->capabilities) == as_set(record.capabilities) &&
      as_set(made->implied) == as_set(record.implied) && keeps_all_else(before, text))
    return text;
  return Error{"invalid_record", std::string(record_file) +
                                     " is written in a way that no list can be put into; write capabilities and "
                                     "implied as 'tidings new' does, each a list above the first table"};
}

}  // namespace tidings::scaffold
