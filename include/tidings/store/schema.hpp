#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/store/store.hpp"

namespace tidings {

/// Tables that belong together, in versions: what Tidings' own rooms keep theirs by, and programs may.
///
///     const tidings::Schema shop{.what = "the shop's tables",
///                                .version_table = "shop_schema",
///                                .steps = {{"create table orders(id text primary key)"},
///                                          {"alter table orders add column note text not null default ''"}}};
///     tidings::apply_schema(store, shop).or_throw();
struct Schema {
  std::string what;           ///< what messages call them, in the plural: `the shop's tables`
  std::string version_table;  ///< as statements name it; it has one row, the version, and belongs to these tables alone
  std::string postgres_schema{};  ///< that they stand in, made where it is missing; none: what the connection has first
  /// The statements that lead from each version to the next, the first to version 1: the version of the tables is the
  /// number of steps. What was released stays as it is; a change is one more step.
  std::vector<std::vector<std::string>> steps;
  std::vector<std::string> tables{};       ///< of the last version, as statements name them: missed where one went
  std::string missing_code = "no_tables";  ///< of the error where there are none at all
};

/// All the statements that make the tables of the last version, each ended by `;` and a line's end, for those whose
/// tables are made by somebody else. What they make is what `apply_schema` makes, which takes it as done.
[[nodiscard]] std::string schema_sql(const Schema& schema, SqlDialect dialect);

/// Makes the tables that are missing, and brings those of an older version to the last, in one transaction; does
/// nothing where they are as they should be. Any number of processes may call it at once.
///
/// Errors: `newer_version` (never: there are more steps than this program knows), `corrupt` (never: one of `tables` is
/// missing, or the version is none), `invalid_name` (never: SQLite has no schemas), those of `Store::begin` and of
/// statements.
Result<> apply_schema(Store& store, const Schema& schema, Duration wait_max = std::chrono::seconds{30});

/// The same within a transaction that has done nothing yet, for who does more in it. Who made it commits it.
Result<> apply_schema(Transaction& tx, SqlDialect dialect, const Schema& schema);

/// Whether the tables are there, in the last version. Errors: `missing_code` (never: call `apply_schema`),
/// `newer_version`, `older_version`, `corrupt`, `invalid_name` (never), those of `Store::begin` and of statements.
Result<> check_schema(Store& store, const Schema& schema, Duration wait_max = std::chrono::seconds{30});

/// As the first of a transaction that makes tables: waits for other processes that do, and sees what they have made.
/// `create table if not exists` alone is no guard on PostgreSQL; on SQLite there is nothing to wait for.
Result<> lock_schemas(Transaction& tx, SqlDialect dialect);

/// Whether there is a table of that name, as statements name it. Asking for the table itself would fail the
/// transaction.
Result<bool> has_table(Transaction& tx, SqlDialect dialect, std::string_view name);

}  // namespace tidings
