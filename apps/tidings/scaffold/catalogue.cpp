#include "scaffold/catalogue.hpp"

#include <algorithm>
#include <set>

#include "scaffold/catalogue_check.hpp"
#include "scaffold/contains.hpp"
#include "tidings/base/text.hpp"
#include "toml.hpp"

namespace tidings::scaffold {

namespace {

constexpr std::string_view suffix = ".mustache";

When read_when(TomlReader& reader) {
  return {.all = reader.texts("when"), .unless = reader.texts("unless")};
}

std::string at(const SourceFile& file, const Toml& table) {
  return file.where() + ":" + std::to_string(table.line);
}

void read_additions(TomlReader& reader, const SourceFile& file, Capability& made) {
  for (const auto* const table : reader.tables("add")) {
    TomlReader one(*table, file.where(), "addition");
    Addition addition{.to = one.text("to"),
                      .slot = one.text("slot"),
                      .text = one.text("text"),
                      .where = at(file, *table),
                      .when = read_when(one)};
    reader.take(one.finish());
    made.additions.push_back(std::move(addition));
  }
}

void read_slots(TomlReader& reader, const SourceFile& file, Capability& made) {
  for (const auto* const table : reader.tables("slot")) {
    TomlReader one(*table, file.where(), "slot");
    Slot slot{.file = one.text("file"), .name = one.text("name")};
    const auto style = one.text_or("style", "lines");
    if (style == "sorted")
      slot.style = SlotStyle::sorted;
    else if (style == "blocks")
      slot.style = SlotStyle::blocks;
    else if (style != "lines")
      one.wrong(table->line, "'" + style + "' is no style of a slot; there are lines, sorted and blocks");
    reader.take(one.finish());
    made.slots.push_back(std::move(slot));
  }
}

void read_relations(TomlReader& reader, const SourceFile& file, Capability& made) {
  for (const auto* const table : reader.tables("suggests")) {
    TomlReader one(*table, file.where(), "suggestion");
    made.suggests.push_back({.capability = one.text("capability"), .reason = one.text("reason")});
    reader.take(one.finish());
  }
  for (const auto* const table : reader.tables("conflicts")) {
    TomlReader one(*table, file.where(), "conflict");
    made.conflicts.push_back(
        {.capability = one.text("capability"), .reason = one.text("reason"), .way_out = one.text("way_out")});
    reader.take(one.finish());
  }
}

/// What capability.toml says of files: all others are written as they are.
void read_files(TomlReader& reader, const SourceFile& file, Capability& made) {
  for (const auto* const table : reader.tables("file")) {
    TomlReader one(*table, file.where(), "file");
    const auto path = one.text("path");
    auto when = read_when(one);
    const bool executable = one.truth("executable");
    const auto found = std::ranges::find(made.files, path, &Template::path);
    if (found == made.files.end())
      one.wrong(table->line, "there is no files/" + path + std::string(suffix));
    else
      found->when = std::move(when), found->executable = executable;
    reader.take(one.finish());
  }
}

Result<Capability> read_capability(const SourceFile& file, std::vector<Template> files) {
  auto table = parse_toml(file.text, file.where());
  if (!table) return table.error();
  table->line = 1;
  TomlReader reader(*table, file.where(), "capability");
  Capability made;
  made.where = file.where();
  made.files = std::move(files);
  made.name = reader.text("name");
  const auto folder = file.path.substr(0, file.path.find('/'));
  if (made.name != folder) reader.wrong(1, "its name must be that of its folder, " + folder);
  made.title = printable(reader.text("title"));  // a team's own, shown on terminals
  made.category = reader.text("category");
  made.description = printable(reader.text("description"));
  made.is_default = reader.truth("default");
  made.default_unless = reader.texts("default_unless");
  made.hidden = reader.truth("hidden");
  made.always = reader.truth("always");
  made.requires_all = reader.texts("requires");
  made.requires_one_of = reader.lists("requires_one_of");
  made.debian = reader.texts("debian");
  made.components = reader.texts("components");
  read_relations(reader, file, made);
  read_slots(reader, file, made);
  read_additions(reader, file, made);
  read_files(reader, file, made);
  if (auto fine = reader.finish(); !fine) return fine.error();
  return made;
}

Result<> read_categories(const SourceFile& file, Catalogue& catalogue) {
  auto table = parse_toml(file.text, file.where());
  if (!table) return table.error();
  TomlReader reader(*table, file.where(), "list of categories");
  for (const auto* const one : reader.tables("category")) {
    TomlReader category(*one, file.where(), "category");
    catalogue.categories.push_back({.name = category.text("name"), .title = category.text("title")});
    reader.take(category.finish());
  }
  return reader.finish();
}

Result<> read_warnings(const SourceFile& file, Catalogue& catalogue) {
  auto table = parse_toml(file.text, file.where());
  if (!table) return table.error();
  TomlReader reader(*table, file.where(), "list of warnings");
  for (const auto* const one : reader.tables("warning")) {
    TomlReader warning(*one, file.where(), "warning");
    WarningRule rule;
    rule.id = warning.text("id");
    const auto severity = warning.text("severity");
    if (severity == "critical")
      rule.severity = Severity::error;
    else if (severity == "advice")
      rule.severity = Severity::advice;
    else if (severity != "warning")
      warning.wrong(one->line, "'" + severity + "' is no severity; there are critical, warning and advice");
    rule.has_all = warning.texts("has_all");
    rule.has_any = warning.texts("has_any");
    rule.lacks_all = warning.texts("lacks_all");
    rule.lacks_any = warning.texts("lacks_any");
    rule.happens = warning.text("happens");
    rule.what_to_do = warning.text("what_to_do");
    if (contains(catalogue.warnings, rule.id, &WarningRule::id))
      warning.wrong(one->line, "there are two warnings " + rule.id);
    reader.take(warning.finish());
    catalogue.warnings.push_back(std::move(rule));
  }
  return reader.finish();
}

/// `outbox/files/x.cpp.mustache` is x.cpp of outbox.
std::map<std::string, std::vector<Template>> templates_in(std::span<const SourceFile> files) {
  std::map<std::string, std::vector<Template>> found;
  for (const auto& file : files) {
    const auto slash = file.path.find('/');
    if (slash == std::string::npos || !file.path.ends_with(suffix) || !file.path.substr(slash).starts_with("/files/"))
      continue;
    const auto begin = slash + std::string_view("/files/").size();
    found[file.path.substr(0, slash)].push_back(
        {.path = file.path.substr(begin, file.path.size() - begin - suffix.size()),
         .text = file.text,
         .where = file.where(),
         .when = {}});
  }
  return found;
}

}  // namespace

std::string_view to_text(Severity severity) {
  return severity == Severity::error ? "critical" : name_of(severity);
}

const Capability* Catalogue::find(std::string_view name) const {
  const auto found = capabilities.find(name);
  return found == capabilities.end() ? nullptr : &found->second;
}

std::vector<const Capability*> Catalogue::in_order() const {
  std::vector<const Capability*> all;
  for (const auto& category : categories)
    for (const auto& [name, capability] : capabilities)
      if (capability.category == category.name) all.push_back(&capability);
  return all;
}

std::vector<std::string> Catalogue::names() const {
  std::vector<std::string> all;
  for (const auto& [name, capability] : capabilities)
    if (!capability.hidden && !capability.always) all.push_back(name);
  return all;
}

Error unknown_capability(const Catalogue& catalogue, std::string_view name) {
  const auto names = catalogue.names();
  const auto near = nearest(name, names);
  auto meant = near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?";
  if (name.find_first_of(" ;+") != std::string_view::npos) meant = "; several are written with ',' between them";
  return {"unknown_capability",
          "there is no capability '" + printable(name) + "'" + meant +
              " (see: tidings capabilities; of a team's own the folder is named, by --capabilities or "
              "$TIDINGS_CAPABILITIES)"};
}

Result<Catalogue> make_catalogue(std::span<const SourceFile> files) {
  Catalogue catalogue;
  auto templates = templates_in(files);
  for (const auto& [name, some] : templates)
    if (!contains(files, name + "/capability.toml", &SourceFile::path))
      return Error{"invalid_capability",
                   some.front().where + ":1: there is no " + name + "/capability.toml that says what it is of"};
  for (const auto& file : files) {
    Result<> done;
    if (file.path == "categories.toml") {
      done = read_categories(file, catalogue);
    } else if (file.path == "warnings.toml") {
      done = read_warnings(file, catalogue);
    } else if (file.path.ends_with("/capability.toml")) {
      auto made = read_capability(file, std::move(templates[file.path.substr(0, file.path.find('/'))]));
      if (!made) return made.error();
      const auto before = catalogue.capabilities.find(made->name);
      if (before != catalogue.capabilities.end())
        return Error{"invalid_capability",
                     made->where + ":1: there is one of that name already, " + before->second.where};
      catalogue.capabilities.emplace(made->name, *std::move(made));
    } else if (!file.path.ends_with(suffix) || !file.path.contains("/files/")) {
      done = Error{"invalid_capability",
                   file.where() +
                       ":1: there is no place for it; a capability has capability.toml, and files/ whose "
                       "names end with .mustache"};
    }
    if (!done) return done.error();
  }
  if (auto fine = check_catalogue(catalogue); !fine) return fine.error();
  return catalogue;
}

}  // namespace tidings::scaffold
