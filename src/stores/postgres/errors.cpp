#include "stores/postgres/errors.hpp"

#include <array>

#include "tidings/base/text.hpp"

namespace tidings::stores::postgres {

namespace {

struct Entry {
  std::string_view state;  // or how it begins
  Kind kind;
};

/// The first that fits.
constexpr std::array<Entry, 28> entries{{
    {"08P01", {"sql_error", Retry::never}},  // as a parameter too few
    {"08007", {"outcome_unknown", Retry::same_call}},
    {"08", {"unavailable", Retry::same_call}},
    {"23", {"constraint", Retry::never}},
    {"25006", {"read_only", Retry::never}},
    {"25P02", {"transaction_failed", Retry::never}},
    {"25P03", {"unavailable", Retry::same_call}},  // it waited too long for its next statement, and is gone
    {"26000", {"conflict", Retry::same_call}},     // somebody took away a statement that was made ready
    {"28", {"permission_denied", Retry::never}},
    {"3D000", {"unavailable", Retry::same_call}},  // no such database, yet
    {"40002", {"constraint", Retry::never}},
    {"40003", {"outcome_unknown", Retry::same_call}},
    {"40", {"conflict", Retry::same_call}},
    {"42501", {"permission_denied", Retry::never}},
    {"53100", {"disk_full", Retry::same_call}},
    {"53200", {"out_of_memory", Retry::same_call}},
    {"53", {"unavailable", Retry::same_call}},
    {"54", {"sql_error", Retry::never}},
    {"55P03", {"conflict", Retry::same_call}},  // `nowait`, or its lock_timeout
    {"55006", {"conflict", Retry::same_call}},
    {"57014", {"timeout", Retry::same_call}},  // its statement_timeout
    {"57P", {"unavailable", Retry::same_call}},
    {"57", {"sql_error", Retry::never}},
    {"58P01", {"corrupt", Retry::never}},  // a file of a table is not there
    {"58", {"unavailable", Retry::same_call}},
    {"XX001", {"corrupt", Retry::never}},
    {"XX002", {"corrupt", Retry::never}},
    {"", {"sql_error", Retry::never}},
}};

/// libpq's messages end with line ends, and may have several.
std::string told(std::string_view message) {
  std::string text(message);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (auto& sign : text)
    if (sign == '\n' || sign == '\t') sign = ' ';
  return printable(text.empty() ? "no more is known" : text);
}

std::string_view field(const PGresult* result, int code) {
  const auto* const text = result == nullptr ? nullptr : PQresultErrorField(result, code);
  return text == nullptr ? std::string_view{} : text;
}

}  // namespace

Kind kind_of(std::string_view sqlstate) {
  for (const auto& entry : entries)
    if (sqlstate.starts_with(entry.state)) return entry.kind;
  return entries.back().kind;
}

std::string in_statement(std::string_view sql) {
  constexpr std::size_t shown_max = 200;
  return ", in: " + printable(sql.substr(0, shown_max)) + (sql.size() > shown_max ? "…" : "");
}

Error error_of(const PGresult* result, const PGconn* connection, std::string_view sql) {
  const auto state = field(result, PG_DIAG_SQLSTATE);
  if (state.empty()) {
    if (PQstatus(connection) != CONNECTION_BAD)  // libpq's own refusal, such as of too many parameters
      return {"sql_error", "postgres: " + told(PQerrorMessage(connection)) + in_statement(sql)};
    return {"unavailable", "the connection to the database broke: " + told(PQerrorMessage(connection)),
            Retry::same_call};
  }
  auto [code, retry] = kind_of(state);
  // A table was changed by another connection, and what the statement gives with it.
  // https://www.postgresql.org/docs/15/sql-prepare.html; the message has no state of its own.
  const auto message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == "0A000" && (field(result, PG_DIAG_SOURCE_FUNCTION) == "RevalidateCachedQuery" ||
                           message == "cached plan must not change result type"))
    return {"conflict", "postgres: the statement is older than what it is about; it is made anew" + in_statement(sql),
            Retry::same_call};
  auto text = "postgres: " + told(message);
  if (const auto hint = field(result, PG_DIAG_MESSAGE_HINT); !hint.empty()) text += " (" + told(hint) + ")";
  return {std::string(code), text + " [" + printable(state) + "]" + in_statement(sql), retry};
}

Error connect_error(const PGconn* connection, const std::string& where) {
  // libpq tells of a refusal in words only.
  const auto text = told(PQerrorMessage(connection));
  const auto has = [&](std::string_view words) { return text.find(words) != text.npos; };
  if (has("password authentication failed") || has("no password supplied") || has("no pg_hba.conf entry") ||
      has("pg_hba.conf rejects") || has("authentication failed") || has("is not permitted to log in") ||
      has("permission denied for database"))
    return {"permission_denied", "postgres: " + text};
  if (text.starts_with("invalid ")) return {"invalid_url", "postgres: " + text};  // the value of an option
  if (has("certificate verify failed") || has("does not match host name") || has("does not support SSL") ||
      has("root certificate file") || has("could not load") || has("could not read certificate") ||
      has("certificate file") || has("private key file"))
    return {"permission_denied", "postgres: TLS to " + where + ": " + text};
  return {"unavailable", "postgres: " + where + ": " + text, Retry::same_call};
}

}  // namespace tidings::stores::postgres
