#include "store/ending.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tidings {

namespace {

/// Where a comment ends, `npos` where it does not. PostgreSQL has comments within comments, SQLite has not.
std::size_t end_of_comment(std::string_view sql, bool nests) {
  for (std::size_t depth = 1, at = 2; at + 1 < sql.size(); ++at) {
    const auto two = sql.substr(at, 2);
    if (two == "*/" && --depth == 0) return at + 2;
    if (two == "/*" && nests) ++depth;
    if (two == "*/" || (two == "/*" && nests)) ++at;
  }
  return std::string_view::npos;
}

/// What databases skip, empty statements before the first among it.
std::string_view skip_blank(std::string_view sql, bool nests) {
  while (true) {
    const auto begin = sql.find_first_not_of(" \t\r\n\f\v;");
    if (begin == sql.npos) return {};
    sql.remove_prefix(begin);
    const bool is_line = sql.starts_with("--");
    if (!is_line && !sql.starts_with("/*")) return sql;
    const auto end = is_line ? sql.find_first_of("\r\n", 2) : end_of_comment(sql, nests);
    if (end == sql.npos) return {};
    sql.remove_prefix(end);
  }
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// `word` is in lower case.
bool is_next(std::string_view& sql, std::string_view word, bool nests) {
  const auto found = skip_blank(sql, nests);
  const auto is_same = [](char a, char b) { return (is_letter(a) ? static_cast<char>(a | 0x20) : a) == b; };
  if (found.size() < word.size() || !std::ranges::equal(found.substr(0, word.size()), word, is_same)) return false;
  if (found.size() > word.size() && (is_letter(found[word.size()]) || found[word.size()] == '_')) return false;
  sql = found.substr(word.size());
  return true;
}

bool ends_transaction(std::string_view sql, bool nests) {
  sql = skip_blank(sql, nests);
  // Almost every statement goes here.
  if (sql.empty() || std::string_view("cCeEaArRpP").find(sql.front()) == std::string_view::npos) return false;
  const auto next = [&](std::string_view word) { return is_next(sql, word, nests); };
  if (next("commit") || next("end") || next("abort")) return true;
  if (next("prepare")) return next("transaction");
  if (!next("rollback")) return false;
  (void)(next("transaction") || next("work"));
  return !next("to");
}

}  // namespace

/// As either database reads it: what one takes for a comment may be a statement to the other.
bool ends_transaction(std::string_view sql) {
  if (sql.starts_with("\xEF\xBB\xBF")) sql.remove_prefix(3);
  return ends_transaction(sql, false) || ends_transaction(sql, true);
}

}  // namespace tidings
