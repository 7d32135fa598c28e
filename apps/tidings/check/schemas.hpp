#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "check/rule.hpp"
#include "tidings/base/result.hpp"

// What events looked like when they were recorded: `events.lock.json`, beside tidings.toml, for people and for git.
namespace tidings::check {

struct SchemaMember {
  std::string name;
  std::string type;
  bool is_optional = false;  ///< what lacks it is read all the same, and means nothing by it
  bool has_value = false;    ///< an initialiser
  // Of what stands in the code now, and not in the file:
  std::string written = {};  ///< the type before other names of it are looked through
  bool is_vague = false;     ///< what it is nobody knows here
};

/// A struct within an event.
struct SchemaType {
  std::string name;
  std::vector<SchemaMember> members;
};

/// An enumeration within an event, whose values travel by their names.
struct SchemaEnum {
  std::string name;
  std::vector<std::string> enumerators;
};

struct Schema {
  std::string event;
  std::uint32_t version = 1;
  std::string topic;
  std::string key;
  std::vector<SchemaMember> members;
  std::vector<SchemaType> types;
  std::vector<SchemaEnum> enums;
};

struct Schemas {
  std::uint32_t version = 1;
  std::vector<Schema> events;
};

/// Of all events with traits, in the order of their names and versions.
[[nodiscard]] Schemas schemas_of(const Facts& facts);
[[nodiscard]] std::string to_json(const Schemas& schemas);
/// Errors (never): `broken_schemas`, of a form that is not known.
[[nodiscard]] Result<Schemas> read_schemas(std::string_view json, const std::string& path);

/// Writes it anew where the project has events, or had some; how many events. Errors: `broken_schemas` (never): what is
/// there cannot be read, and is left as it is; those of writing.
[[nodiscard]] Result<std::size_t> update_schemas(const Project& project);

}  // namespace tidings::check
