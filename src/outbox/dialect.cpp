#include "outbox/dialect.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace tidings::outbox {

namespace {

/// `%` is what stands in the parentheses.
struct Word {
  std::string_view name;
  std::string_view sqlite;
  std::string_view postgres;
};

// julianday() is the clock of SQLite with the finest grain that every version of it has.
#define TIDINGS_SQLITE_NOW "cast((julianday('now') - 2440587.5) * 86400000 as integer)"
constexpr std::array words{
    Word{"now", TIDINGS_SQLITE_NOW, "clock_timestamp()"},
    Word{"now_ms", TIDINGS_SQLITE_NOW, "(extract(epoch from clock_timestamp()) * 1000)::bigint"},
    Word{"later", "(" TIDINGS_SQLITE_NOW " + %)", "(clock_timestamp() + (%)::bigint * interval '1 millisecond')"},
    Word{"ms", "(%)", "(extract(epoch from %) * 1000)::bigint"},
    Word{"seconds", "(" TIDINGS_SQLITE_NOW " / 1000 - 1704067200)",
         "(extract(epoch from clock_timestamp())::bigint - 1704067200)"},
    Word{"micros", "(" TIDINGS_SQLITE_NOW " * 1000)", "(extract(epoch from clock_timestamp()) * 1000000)::bigint"},
    Word{"among", "in (select value from json_each(%))", "= any((%)::text::bigint[])"},
    Word{"each", "json_each(%)", "json_array_elements((%)::text::json)"},
    Word{"lock", "", "for update"},
    Word{"skip", "", "for update skip locked"},
    Word{"id", "integer primary key autoincrement", "bigint generated always as identity primary key"},
    Word{"bytes", "blob", "bytea"},
    Word{"time", "integer", "timestamptz"},
    Word{"long", "integer", "bigint"},
    Word{"mark", "%", "md5(%)"},   // of a key, for an index: PostgreSQL has a bound on what stands in one
    Word{"strict", "strict", ""},  // SQLite would take a text for a number, or bytes for a text
};
#undef TIDINGS_SQLITE_NOW

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || c == '_';
}

}  // namespace

std::string in_dialect(std::string_view statement, SqlDialect dialect, const Tables& tables) {
  std::string made;
  while (true) {
    const auto at = statement.find('@');
    made += statement.substr(0, at);
    if (at == statement.npos) return made;
    statement.remove_prefix(at + 1);
    const auto size = static_cast<std::size_t>(std::ranges::find_if_not(statement, is_letter) - statement.begin());
    const auto name = statement.substr(0, size);
    statement.remove_prefix(size);
    const auto word = std::ranges::find(words, name, &Word::name);
    if (word == words.end()) {  // a table
      if (name.starts_with("outbox_"))
        made += tables.prefix() + std::string(name);  // an index stands in its table's schema by itself
      else
        made += tables.name(name == "outbox" ? "outbox" : "outbox_" + std::string(name));
      continue;
    }
    const auto text = dialect == SqlDialect::sqlite ? word->sqlite : word->postgres;
    const auto hole = text.find('%');
    made += text.substr(0, hole);
    if (hole == text.npos) continue;
    assert(statement.starts_with('('));
    const auto end = statement.find(')');
    made += statement.substr(1, end - 1);
    made += text.substr(hole + 1);
    statement.remove_prefix(end + 1);
  }
}

}  // namespace tidings::outbox
