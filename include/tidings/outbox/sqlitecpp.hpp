#pragma once

#include <SQLiteCpp/Database.h>

#include "tidings/outbox/sqlite3.hpp"

/// `outbox::enqueue` within a transaction of SQLiteCpp: `enqueue(database, event)`, while an `SQLite::Transaction` is
/// open on it. All else as in sqlite3.hpp.
namespace tidings::outbox {

inline Result<> tidings_outbox_insert(Hook hook, SQLite::Database& database, const Row& row) {
  return tidings_outbox_insert(hook, database.getHandle(), row);
}
inline void tidings_outbox_refuse(Hook hook, SQLite::Database& database, const Tables& tables, const Error& why) {
  tidings_outbox_refuse(hook, database.getHandle(), tables, why);
}

}  // namespace tidings::outbox
