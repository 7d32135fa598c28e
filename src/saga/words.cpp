#include "saga/words.hpp"

#include <algorithm>

namespace tidings::saga {

std::string in_words(std::string_view statement, SqlDialect dialect, const outbox::Tables& tables) {
  const bool is_sqlite = dialect == SqlDialect::sqlite;
  std::string made;
  while (true) {
    const auto at = statement.find('@');
    made += statement.substr(0, at);
    if (at == statement.npos) return made;
    statement.remove_prefix(at + 1);
    const auto size = static_cast<std::size_t>(
        std::ranges::find_if_not(statement, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; }) -
        statement.begin());
    const auto word = statement.substr(0, size);
    statement.remove_prefix(size);
    if (word == "lock")
      made += is_sqlite ? "" : "for update";
    else if (word == "skip")
      made += is_sqlite ? "" : "for update of s skip locked";
    else if (word == "long")
      made += is_sqlite ? "integer" : "bigint";
    else if (word == "strict")
      made += is_sqlite ? "strict" : "";  // SQLite would take a text for a number
    else if (word.starts_with("index_"))
      made += tables.prefix() + std::string(word.substr(6));  // it stands in its table's schema by itself
    else
      made += tables.name(word);
  }
}

}  // namespace tidings::saga
