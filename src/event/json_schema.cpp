#include "tidings/event/json_schema.hpp"

#include "tidings/event/json.hpp"

namespace tidings::detail {

namespace {

/// As a reference spells it: `shop.OrderLine`.
std::string dotted(std::string_view name) {
  std::string made;
  for (std::size_t at = 0; at < name.size(); ++at) {
    const bool is_colon = name.substr(at).starts_with("::");
    made += is_colon ? '.' : name[at] == '/' || name[at] == '~' || name[at] == '%' || name[at] == ' ' ? '_' : name[at];
    if (is_colon) ++at;
  }
  return made;
}

}  // namespace

void JsonSchemaWriter::quoted(std::string_view text) {
  append_json_string(out_, text);
}

void JsonSchemaWriter::names(std::string_view keyword, std::span<const std::string_view> names) {
  out_.append("{\"").append(keyword).append("\":[");
  for (std::size_t at = 0; at < names.size(); ++at) {
    if (at > 0) out_ += ',';
    quoted(names[at]);
  }
  out_ += "]}";
}

void JsonSchemaWriter::integer(std::int64_t least, std::uint64_t most) {
  out_ += R"({"type":"integer","minimum":)" + std::to_string(least) + ",\"maximum\":" + std::to_string(most) + "}";
}

bool JsonSchemaWriter::begin_struct(std::string_view name) {
  const auto key = dotted(name);
  out_ += R"({"$ref":)";
  quoted("#/$defs/" + key);
  out_ += '}';
  if (!structs_.try_emplace(key).second) return false;
  open_.push_back({.name = key, .before = std::exchange(out_, {})});
  return true;
}

void JsonSchemaWriter::end_struct() {
  auto open = std::move(open_.back());
  open_.pop_back();
  structs_[open.name] = std::exchange(out_, std::move(open.before));
}

std::string JsonSchemaWriter::document() && {
  // `{"$ref":…}`, or what else a value is.
  std::string made = R"({"$schema":"https://json-schema.org/draft/2020-12/schema")";
  if (out_.size() > 2) made += "," + out_.substr(1, out_.size() - 2);
  if (!structs_.empty()) {
    made += R"(,"$defs":{)";
    bool is_first = true;
    for (const auto& [name, schema] : structs_) {
      if (!std::exchange(is_first, false)) made += ',';
      append_json_string(made, name);
      made += ':' + schema;
    }
    made += '}';
  }
  return made + "}";
}

}  // namespace tidings::detail
