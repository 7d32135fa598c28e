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

std::vector<SchemaMember> members_of(In<Struct> of) {
  std::vector<SchemaMember> members;
  for (const auto& member : of->members) {
    if (member.is_static) continue;
    auto type = without_std(Code::spelled(*of.file, member.type));
    const bool is_optional = may_be_missing(type);
    members.push_back({std::string(member.name), std::move(type), is_optional, member.has_value});
  }
  return members;
}

}  // namespace

Schemas schemas_of(const Facts& facts) {
  Schemas out;
  for (const auto& event : facts.events) {
    if (!event.is_known || !event.has_traits) continue;
    Schema made{event.name, event.version, event.topic, event.key, members_of(event.type), {}};
    std::vector<In<Struct>> open{event.type};
    std::set<const Struct*> seen{event.type.it};
    for (std::size_t i = 0; i < open.size() && i < types_max; ++i)
      for (const auto& member : open[i]->members) {
        if (member.is_static) continue;
        // Also of `std::vector<OrderLine>`: each word of the type.
        for (auto at = member.type.begin; at < member.type.end; ++at) {
          if (!open[i].file->tokens()[at].is_identifier()) continue;
          const auto inner = facts.code->struct_of({.name = Code::text(*open[i].file, at), .file = open[i].file});
          if (!inner || inner->is_template || !seen.insert(inner.it).second) continue;
          open.push_back(inner);
          made.types.push_back(
              {inner->scope + (inner->scope.empty() ? "" : "::") + std::string(inner->name), members_of(inner)});
        }
      }
    std::ranges::sort(made.types, {}, &SchemaType::name);
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
