#include "stores/sqlite/connection.hpp"

#include <algorithm>
#include <vector>

#include "tidings/base/text.hpp"

namespace tidings::stores::sqlite {

namespace {

constexpr std::size_t kept_max = 64;

/// Code and whether trying again helps, by sqlite3.h's primary result codes.
std::pair<std::string_view, Retry> kind_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
      return {"constraint", Retry::never};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {"busy", Retry::same_call};
    case SQLITE_FULL:
      return {"disk_full", Retry::same_call};
    case SQLITE_NOMEM:
      return {"out_of_memory", Retry::same_call};
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
    case SQLITE_CANTOPEN:
      return {"unavailable", Retry::same_call};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {"corrupt", Retry::never};
    case SQLITE_READONLY:
      return {"read_only", Retry::never};
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {"permission_denied", Retry::never};
    default:
      return {"sql_error", Retry::never};
  }
}

SqlView cell(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    }
    case SQLITE_BLOB: {
      const auto* const bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
      return std::span(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    }
    default:
      return {};
  }
}

}  // namespace

Error Connection::error(int code, std::string_view sql) const {
  const auto [word, retry] = kind_of(code);
  auto message = "sqlite: " + printable(database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code));
  constexpr std::size_t shown_max = 200;
  if (!sql.empty()) message += ", in: " + printable(sql.substr(0, shown_max)) + (sql.size() > shown_max ? "…" : "");
  return {std::string(word), message, retry};
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, bool must_exist) {
  auto connection = std::make_unique<Connection>();
  sqlite3* database = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (must_exist ? 0 : SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
  connection->database_.reset(database);
  if (code != SQLITE_OK) {
    auto why = connection->error(code);
    why.message += ", at " + printable(path);
    return why;
  }
  return connection;
}

Result<sqlite3_stmt*> Connection::ready(std::string_view sql) {
  if (const auto found = by_sql_.find(sql); found != by_sql_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    return found->second->statement.get();
  }
  sqlite3_stmt* made = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &made, &rest);
  Statement statement(made);
  if (code != SQLITE_OK) return error(code, sql);
  const std::string_view more(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
  if (made == nullptr || more.find_first_not_of(" \t\r\n;") != more.npos)
    return Error{"sql_error", std::string(made == nullptr ? "there is no statement" : "one statement at a time") +
                                  ", in: " + printable(sql.substr(0, 200))};
  if (kept_.size() >= kept_max) {
    by_sql_.erase(kept_.back().sql);
    kept_.pop_back();
  }
  kept_.push_front({std::string(sql), std::move(statement)});
  by_sql_[kept_.front().sql] = kept_.begin();
  return made;
}

Result<> Connection::bind(sqlite3_stmt* statement, std::string_view sql, std::span<const SqlView> parameters) {
  // `$1` is a name to SQLite; one that stands nowhere, or is not given, is a mistake of the statement's.
  std::vector<bool> given(static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)), false);
  for (std::size_t at = 0; at < parameters.size(); ++at) {
    const auto name = "$" + std::to_string(at + 1);
    const int index = sqlite3_bind_parameter_index(statement, name.c_str());
    if (index == 0)
      return Error{"sql_error", "the statement has no " + name + ", in: " + printable(sql.substr(0, 200))};
    given[static_cast<std::size_t>(index - 1)] = true;
    struct Bind {
      sqlite3_stmt* statement;
      int index;
      int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
      int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
      int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
      int operator()(std::string_view text) const {
        return sqlite3_bind_text64(statement, index, text.data() == nullptr ? "" : text.data(), text.size(),
                                   SQLITE_STATIC, SQLITE_UTF8);
      }
      int operator()(std::span<const std::byte> bytes) const {
        return bytes.empty() ? sqlite3_bind_zeroblob(statement, index, 0)
                             : sqlite3_bind_blob64(statement, index, bytes.data(), bytes.size(), SQLITE_STATIC);
      }
    };
    if (const int code = std::visit(Bind{statement, index}, parameters[at]); code != SQLITE_OK) return error(code, sql);
  }
  if (const auto missing = std::ranges::find(given, false); missing != given.end())
    return Error{"sql_error", "the statement has parameters that no value is given for; write them as $1, $2 …, in: " +
                                  printable(sql.substr(0, 200))};
  return {};
}

Result<std::uint64_t> Connection::execute(std::string_view sql, std::span<const SqlView> parameters) {
  const auto statement = ready(sql);
  if (!statement) return statement.error();
  const Ready again(*statement);
  if (auto bound = bind(*statement, sql, parameters); !bound) return bound.error();
  const auto before = sqlite3_total_changes64(database_.get());
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(*statement);
  if (code != SQLITE_DONE) return error(code, sql);
  return sqlite3_stmt_readonly(*statement) != 0 || sqlite3_total_changes64(database_.get()) == before
             ? 0
             : static_cast<std::uint64_t>(sqlite3_changes64(database_.get()));
}

Result<> Connection::query(std::string_view sql, std::span<const SqlView> parameters, tidings::detail::RowSink& rows) {
  const auto statement = ready(sql);
  if (!statement) return statement.error();
  const Ready again(*statement);
  if (auto bound = bind(*statement, sql, parameters); !bound) return bound.error();
  // Only the first step makes the statement anew where the schema has changed, and with it what it gives.
  int code = sqlite3_step(*statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) return error(code, sql);
  std::vector<std::string> names;
  std::vector<SqlView> cells(static_cast<std::size_t>(sqlite3_column_count(*statement)));
  for (std::size_t column = 0; column < cells.size(); ++column)
    names.emplace_back(sqlite3_column_name(*statement, static_cast<int>(column)));
  Result<> taken = rows.columns(names);
  // To the end, also where a row is not what was expected: `insert … returning` is done then all the same.
  for (; code == SQLITE_ROW; code = sqlite3_step(*statement)) {
    if (!taken) continue;
    for (std::size_t column = 0; column < cells.size(); ++column)
      cells[column] = cell(*statement, static_cast<int>(column));
    taken = rows.row(cells);
  }
  if (code != SQLITE_DONE) return error(code, sql);
  if (!taken) taken.error().message += ", in: " + printable(sql.substr(0, 200));
  return taken;
}

}  // namespace tidings::stores::sqlite
