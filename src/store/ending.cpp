#include "store/ending.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tidings {

namespace {

/// What databases skip, empty statements before the first among it.
std::string_view skip_blank(std::string_view sql) {
  while (true) {
    const auto begin = sql.find_first_not_of(" \t\r\n\f\v;");
    if (begin == sql.npos) return {};
    sql.remove_prefix(begin);
    const bool is_line = sql.starts_with("--");
    if (!is_line && !sql.starts_with("/*")) return sql;
    const auto end = sql.find(is_line ? "\n" : "*/", 2);
    if (end == sql.npos) return {};
    sql.remove_prefix(end + (is_line ? 1 : 2));
  }
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// `word` is in lower case.
bool is_next(std::string_view& sql, std::string_view word) {
  const auto found = skip_blank(sql);
  const auto is_same = [](char a, char b) { return (is_letter(a) ? static_cast<char>(a | 0x20) : a) == b; };
  if (found.size() < word.size() || !std::ranges::equal(found.substr(0, word.size()), word, is_same)) return false;
  if (found.size() > word.size() && (is_letter(found[word.size()]) || found[word.size()] == '_')) return false;
  sql = found.substr(word.size());
  return true;
}

}  // namespace

bool ends_transaction(std::string_view sql) {
  sql = skip_blank(sql);
  // Almost every statement goes here.
  if (sql.empty() || std::string_view("cCeEaArRpP").find(sql.front()) == std::string_view::npos) return false;
  if (is_next(sql, "commit") || is_next(sql, "end") || is_next(sql, "abort")) return true;
  if (is_next(sql, "prepare")) return is_next(sql, "transaction");
  if (!is_next(sql, "rollback")) return false;
  (void)(is_next(sql, "transaction") || is_next(sql, "work"));
  return !is_next(sql, "to");
}

}  // namespace tidings
