#pragma once

#include <chrono>
#include <string>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

/// The tables of aggregates. They stand beside the outbox's, under the same names: one `outbox::Tables` says where both
/// are.
namespace tidings::aggregate {

/// The version of the tables that this build makes and uses.
inline constexpr int schema_version = 2;

/// All the statements that make the tables of this version, each ended by `;`, for those whose tables are made by
/// somebody else. What they make is what `apply_schema` makes, which takes it as done.
[[nodiscard]] std::string schema_sql(SqlDialect dialect, const outbox::Tables& tables = outbox::default_tables());

/// Makes the tables that are missing, and brings those of an older version to this one, in one transaction; does
/// nothing where they are as they should be. Any number of processes may call it at once. The outbox's are made by
/// `outbox::apply_schema`.
///
/// Errors: `newer_version` (never: the tables are of a newer Tidings), `corrupt` (never: one of them is missing),
/// those of `Store::begin` and of statements.
Result<> apply_schema(Store& store, const outbox::Tables& tables = outbox::default_tables(),
                      Duration wait_max = std::chrono::seconds{30});

/// Whether the tables are there, in this version. Errors: `no_aggregates` (never: call `apply_schema`),
/// `newer_version`, `older_version`, `corrupt` (never), those of `Store::begin` and of statements.
Result<> check_schema(Store& store, const outbox::Tables& tables = outbox::default_tables(),
                      Duration wait_max = std::chrono::seconds{30});

}  // namespace tidings::aggregate
