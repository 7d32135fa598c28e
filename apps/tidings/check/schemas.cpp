#include "check/schemas.hpp"

#include <algorithm>
#include <set>

#include "project_file.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::check {

namespace {

constexpr std::size_t types_max = 64;

bool may_be_missing(std::string_view type) {
  for (const std::string_view one :
       {"optional", "vector", "map", "set", "list", "deque", "variant<monostate", "unordered_map", "unordered_set"})
    if (type.starts_with(one)) return true;
  return false;
}

std::string without_std(std::string type) {
  for (auto at = type.find("std::"); at != std::string::npos; at = type.find("std::", at)) type.erase(at, 5);
  return type;
}

constexpr int aliases_deep_max = 6;

/// A type as it is when all other names of it are looked through, and what no byte tells of is left out.
class Spelling {
 public:
  Spelling(const Code& code, const File& file, Range type, int depth = 0) : code_(code) { add(file, type, depth); }

  [[nodiscard]] bool is_vague() const { return is_vague_; }
  /// As `Code::spelled` has it.
  [[nodiscard]] std::string text() const {
    std::string out;
    bool was_word = false;
    for (const auto& word : words_) {
      const bool is_word = word.front() == '_' || is_alphanumeric(word.front());
      if (is_word && was_word) out += ' ';
      out += word;
      if (word == ",") out += ' ';
      was_word = is_word;
    }
    return out;
  }
  /// Names in it, with their qualifiers, and where they stand.
  struct Name {
    std::string text;
    const File* file;
    std::uint32_t at;  ///< the last word
    [[nodiscard]] std::string_view qualifier() const {
      return at > 1 && Code::is(*file, at - 1, "::") ? Code::text(*file, at - 2) : std::string_view();
    }
  };
  [[nodiscard]] const std::vector<Name>& names() const { return names_; }

 private:
  static bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }

  void add(const File& file, Range type, int depth) {
    for (auto at = type.begin; at < type.end; ++at) {
      const auto word = Code::text(file, at);
      if (word == "const" || word == "volatile" || word == "typename" || word == "struct" || word == "class" ||
          word == "enum")
        continue;
      if (!file.tokens()[at].is_identifier() || is_keyword(word)) {
        const bool is_outermost = word == "::" && (at == type.begin || !file.tokens()[at - 1].is_identifier());
        if (!is_outermost) words_.emplace_back(word);
        continue;
      }
      const auto begin = at;
      while (at + 2 < type.end && Code::is(file, at + 1, "::") && file.tokens()[at + 2].is_identifier()) at += 2;
      name(file, {begin, at + 1}, Code::is(file, at + 1, "<") && at + 1 < type.end, depth);
    }
  }

  void name(const File& file, Range range, bool has_templates, int depth) {
    const auto last = range.end - 1;
    const auto as_written = without_std(Code::spelled(file, range));
    const auto keep = [&] {
      words_.push_back(as_written);
      names_.push_back({as_written, &file, last});
    };
    const auto word = Code::text(file, last);
    const auto all = code_.aliases_named(word);
    const bool is_of_std = Code::is(file, range.begin, "std") && range.end > range.begin + 1;
    if (all.empty() || is_of_std || !code_.structs_named(word).empty() || code_.enum_named(word)) return keep();
    const auto vague = [&] {
      is_vague_ = true;
      keep();
    };
    if (has_templates || depth >= aliases_deep_max) return vague();
    std::vector<In<Alias>> here;
    for (const auto& one : all)
      if (one.file == &file) here.push_back(one);
    const auto& meant = here.size() == 1 && range.end == range.begin + 1 ? here : all;
    if (std::ranges::any_of(meant, [](const auto& one) { return one->is_template; })) return vague();
    const auto spelled = [&](const In<Alias>& one) { return Spelling(code_, *one.file, one->type, depth + 1).text(); };
    for (std::size_t i = 1; i < meant.size(); ++i)
      if (spelled(meant[i]) != spelled(meant[0])) return vague();
    add(*meant[0].file, meant[0]->type, depth + 1);
  }

  const Code& code_;
  std::vector<std::string> words_;
  std::vector<Name> names_;
  bool is_vague_ = false;
};

std::vector<SchemaMember> members_of(const Code& code, In<Struct> of) {
  std::vector<SchemaMember> members;
  for (const auto& member : of->members) {
    if (member.is_static) continue;
    const Spelling type(code, *of.file, member.type);
    const auto text = type.text();
    members.push_back({std::string(member.name), text, may_be_missing(text), member.has_value,
                       without_std(Code::spelled(*of.file, member.type)), type.is_vague()});
  }
  return members;
}

/// `shop::OrderLine`.
std::string full_name(const std::string& scope, std::string_view name) {
  return scope + (scope.empty() ? "" : "::") + std::string(name);
}

bool has_include(const File& file, Range range) {
  const auto& tokens = file.tokens();
  return range.end < tokens.size() && std::ranges::any_of(
                                          file.source.includes,
                                          [&](const auto& one) {
                                            return one.line >= tokens[range.begin].line &&
                                                   one.line <= tokens[range.end].line;
                                          });
}

}  // namespace

Schemas schemas_of(const Facts& facts) {
  Schemas out;
  for (const auto& event : facts.events) {
    if (!event.is_known || !event.has_traits) continue;
    Schema made{event.name, event.version, event.topic, event.key, members_of(*facts.code, event.type), {}, {}};
    std::set<const Enum*> enums;
    std::vector<In<Struct>> open{event.type};
    std::set<const Struct*> seen{event.type.it};
    for (std::size_t i = 0; i < open.size() && i < types_max; ++i)
      for (const auto& member : open[i]->members) {
        if (member.is_static) continue;
        // Also of `std::vector<OrderLine>`: each name in the type.
        const Spelling type(*facts.code, *open[i].file, member.type);
        for (const auto& name : type.names()) {
          const auto word = Code::text(*name.file, name.at);
          if (const auto list = facts.code->enum_named(name.text);
              list && list->is_known && !has_include(*list.file, list->body) && enums.insert(list.it).second)
            made.enums.push_back(
                {full_name(list->scope, list->name), {list->enumerators.begin(), list->enumerators.end()}});
          const auto inner = facts.code->struct_of({.name = word, .qualifier = name.qualifier(), .file = name.file});
          if (!inner || inner->is_template || !seen.insert(inner.it).second) continue;
          open.push_back(inner);
          made.types.push_back({full_name(inner->scope, inner->name), members_of(*facts.code, inner)});
        }
      }
    std::ranges::sort(made.types, {}, &SchemaType::name);
    std::ranges::sort(made.enums, {}, &SchemaEnum::name);
    out.events.push_back(std::move(made));
  }
  std::ranges::sort(out.events, {}, [](const Schema& one) { return std::tie(one.event, one.version, one.topic); });
  const auto same =
      std::ranges::unique(out.events, {}, [](const Schema& one) { return std::tie(one.event, one.version); });
  out.events.erase(same.begin(), same.end());
  return out;
}

namespace {

/// A text that may not be UTF-8, as the sources may not be.
void append_text(std::string& out, std::string_view text) {
  append_json_string(out, is_utf8(text) ? std::string(text) : printable(text));
}

void append_members(std::string& out, const std::vector<SchemaMember>& members, std::string_view indent) {
  out += "[";
  for (std::size_t i = 0; i < members.size(); ++i) {
    out += (i == 0 ? "\n" : ",\n") + std::string(indent) + "  {\"name\": ";
    append_text(out, members[i].name);
    out += ", \"type\": ";
    append_text(out, members[i].type);
    if (members[i].is_optional) out += ", \"is_optional\": true";
    if (members[i].has_value) out += ", \"has_value\": true";
    out += "}";
  }
  out += members.empty() ? "]" : "\n" + std::string(indent) + "]";
}

}  // namespace

std::string to_json(const Schemas& schemas) {
  std::string out = "{\n  \"version\": 1,\n  \"events\": [";
  for (std::size_t i = 0; i < schemas.events.size(); ++i) {
    const auto& one = schemas.events[i];
    out += (i == 0 ? "\n    {\"event\": " : ",\n    {\"event\": ");
    append_text(out, one.event);
    out += ", \"version\": " + std::to_string(one.version) + ", \"topic\": ";
    append_text(out, one.topic);
    out += ", \"key\": ";
    append_text(out, one.key);
    out += ", \"members\": ";
    append_members(out, one.members, "    ");
    if (!one.types.empty()) {
      out += ", \"types\": [";
      for (std::size_t k = 0; k < one.types.size(); ++k) {
        out += (k == 0 ? "\n      {\"name\": " : ",\n      {\"name\": ");
        append_text(out, one.types[k].name);
        out += ", \"members\": ";
        append_members(out, one.types[k].members, "      ");
        out += "}";
      }
      out += "\n    ]";
    }
    if (!one.enums.empty()) {
      out += ", \"enums\": [";
      for (std::size_t k = 0; k < one.enums.size(); ++k) {
        out += (k == 0 ? "\n      {\"name\": " : ",\n      {\"name\": ");
        append_text(out, one.enums[k].name);
        out += ", \"enumerators\": [";
        for (const auto& name : one.enums[k].enumerators) {
          if (&name != &one.enums[k].enumerators.front()) out += ", ";
          append_text(out, name);
        }
        out += "]}";
      }
      out += "\n    ]";
    }
    out += "}";
  }
  return out + (schemas.events.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

Result<Schemas> read_schemas(std::string_view json, const std::string& path) {
  auto read = JsonCodec::decode<Schemas>(json);
  if (!read)
    return Error{"broken_schemas", path + " is not what 'tidings check --update-schemas' writes: " +
                                       read.error().message + "; take it from version control again"};
  if (read->version != 1)
    return Error{"broken_schemas", path + " has version " + std::to_string(read->version) +
                                       ", which this tidings does not know; use the one that wrote it"};
  return read;
}

Result<std::size_t> update_schemas(const Project& project) {
  const Code code(project);
  const Facts facts(code);
  const auto schemas = schemas_of(facts);
  if (schemas.events.empty() && !project.has_schemas) return std::size_t{0};
  // What was agreed to is not written over unread.
  if (project.has_schemas)
    if (const auto before = read_schemas(project.schemas, project.name_of("events.lock.json")); !before)
      return before.error();
  const auto text = to_json(schemas);
  if (project.has_schemas && project.schemas == text) return schemas.events.size();
  if (auto written = write_project_file(project.folder + "/events.lock.json", text); !written) return written.error();
  return schemas.events.size();
}

}  // namespace tidings::check
