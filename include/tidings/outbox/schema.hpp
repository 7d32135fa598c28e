#pragma once

#include <string>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::outbox {

/// The version of the tables that this build makes and uses.
inline constexpr int schema_version = 1;

/// All the statements that make the tables of this version, each ended by `;`, for those whose tables are made by
/// somebody else. What they make is what `apply_schema` makes, which takes it as done.
[[nodiscard]] std::string schema_sql(SqlDialect dialect, const Tables& tables = default_tables());

/// Makes the tables that are missing, and brings those of an older version to this one, in one transaction; does
/// nothing where they are as they should be. Any number of processes may call it at once.
///
/// Errors: `newer_version` (never: the tables are of a newer Tidings), `corrupt` (never: one of them is missing), those
/// of `Store::begin` and of statements.
Result<> apply_schema(Store& store, const Tables& tables = default_tables(),
                      Duration wait_max = std::chrono::seconds{30});

/// Statements that have PostgreSQL tell relays in other processes of each commit (`RelayOptions::listens`): a trigger,
/// by whatever handle events are put in. Each commit with an event then takes a lock of the whole server's for a
/// moment.
[[nodiscard]] std::string notify_sql(const Tables& tables = default_tables());
/// Executes them; any number of processes may. Errors: `unsupported` (never) on SQLite, those of `Store::begin` and of
/// statements.
Result<> apply_notify(Store& store, const Tables& tables = default_tables(),
                      Duration wait_max = std::chrono::seconds{30});

/// Whether the tables are there, in this version. Errors: `no_outbox` (never: call `apply_schema`), `newer_version`,
/// `older_version`, `corrupt` (never), those of `Store::begin` and of statements.
Result<> check_schema(Store& store, const Tables& tables = default_tables(),
                      Duration wait_max = std::chrono::seconds{30});

}  // namespace tidings::outbox
