#include "tidings/outbox/tables.hpp"

#include <algorithm>

#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"

namespace tidings::outbox {

namespace {

constexpr std::size_t name_bytes_max = 40;

bool is_identifier(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() <= name_bytes_max && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

std::uint32_t part_of(std::string_view key) {
  return static_cast<std::uint32_t>(key_hash(key) % part_count);
}

Tables::Tables() : Tables("", "tidings_") {}

Tables::Tables(std::string_view schema, std::string_view prefix) : schema_(schema), prefix_(prefix) {
  insert_ = "insert into " + name("outbox") +
            "(part, message_id, topic, key, type, type_version, event_time, attributes, payload) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
}

Result<Tables> Tables::named(std::string_view schema, std::string_view prefix) {
  for (const auto& [what, name] : {std::pair{"schema", schema}, std::pair{"prefix", prefix}})
    if (!name.empty() && !is_identifier(name))
      return Error{"invalid_name", "'" + printable(name) + "' cannot be the " + what +
                                       " of the outbox's tables; take a-z, 0-9 and _, a letter first, 40 at most"};
  return Tables(schema, prefix);
}

std::string Tables::name(std::string_view table) const {
  // Quoted, since a schema may be called like a word of SQL; lower case is the same with quotes and without.
  return (schema_.empty() ? "" : "\"" + schema_ + "\".") + prefix_ + std::string(table);
}

const Tables& default_tables() {
  static const Tables tables;
  return tables;
}

}  // namespace tidings::outbox
