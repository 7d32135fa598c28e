#pragma once

#include <sqlite3.h>

#include <string>
#include <utility>

#include "tidings/outbox/enqueue.hpp"

/// `outbox::enqueue` within a transaction of a program's own on SQLite: `enqueue(database, event)`, where `database` is
/// a `sqlite3*` between its BEGIN and its COMMIT. Who includes this links sqlite3.
///
/// A connection that is not in WAL mode, or whose `synchronous` is below FULL, is refused (`not_durable`), unless
/// `EnqueueOptions::any_durability` says otherwise.
///
/// SQLite knows no transaction that has failed. Where the connection has `PRAGMA foreign_keys=ON`, a refusal leaves a
/// row behind whose reference leads nowhere, and the COMMIT fails; else look at what `enqueue` returns.
namespace tidings::outbox {

namespace detail {

inline Error sqlite_error(sqlite3* database, const Tables& tables) {
  const int code = sqlite3_errcode(database) & 0xff;
  auto why = not_put_in(tables, sqlite3_errmsg(database));
  const bool is_busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  if (!is_busy && code != SQLITE_FULL) return why;
  return {is_busy ? "busy" : "disk_full", std::move(why.message), Retry::same_call};
}

/// What a pragma says; nothing where it says nothing.
inline std::string sqlite_pragma(sqlite3* database, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  std::string said;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) != SQLITE_OK) return said;
  if (sqlite3_step(statement) == SQLITE_ROW)
    if (const auto* const text = sqlite3_column_text(statement, 0); text != nullptr)
      said = reinterpret_cast<const char*>(text);
  sqlite3_finalize(statement);
  return said;
}

}  // namespace detail

inline Result<> tidings_outbox_insert(Hook, sqlite3* database, const Row& row) {
  if (sqlite3_get_autocommit(database) != 0)
    return Error{"no_transaction",
                 "the connection is in no transaction, so that the event would not leave with anything; BEGIN first"};
  if (!row.any_durability) {
    const auto synchronous = detail::sqlite_pragma(database, "pragma synchronous");
    auto durable = detail::check_durability(detail::sqlite_pragma(database, "pragma journal_mode"),
                                            synchronous.empty() ? 0 : synchronous.front() - '0');
    if (!durable) return durable;
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database, row.tables->insert().c_str(), -1, &statement, nullptr) != SQLITE_OK)
    return detail::sqlite_error(database, *row.tables);
  int at = 0;
  const auto text = [&](std::string_view value) {
    sqlite3_bind_text64(statement, ++at, value.data() == nullptr ? "" : value.data(), value.size(), nullptr,
                        SQLITE_UTF8);
  };
  const auto bytes = [&](std::string_view value) {
    if (value.empty())
      sqlite3_bind_zeroblob(statement, ++at, 0);
    else
      sqlite3_bind_blob64(statement, ++at, value.data(), value.size(), nullptr);
  };
  sqlite3_bind_int64(statement, ++at, row.part);
  for (const auto value : {row.message_id, row.topic, row.key, row.type}) text(value);
  sqlite3_bind_int64(statement, ++at, row.type_version);
  sqlite3_bind_int64(statement, ++at, row.event_time);
  for (const auto value : {std::string_view(row.attributes), row.payload}) bytes(value);
  const int code = sqlite3_step(statement);
  Result<> done;
  if (code != SQLITE_DONE) done = detail::sqlite_error(database, *row.tables);
  sqlite3_finalize(statement);
  if (done) detail::expect_commit(*row.tables);
  return done;
}

inline void tidings_outbox_refuse(Hook, sqlite3* database, const Tables& tables, const Error& why) {
  if (sqlite3_get_autocommit(database) != 0) return;
  const auto sql = "insert into " + tables.name("outbox_refused") + "(parent, why) values (0, $1)";
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) return;
  const auto text = to_string(why);
  sqlite3_bind_text64(statement, 1, text.data(), text.size(), nullptr, SQLITE_UTF8);
  sqlite3_step(statement);
  sqlite3_finalize(statement);
}

}  // namespace tidings::outbox
