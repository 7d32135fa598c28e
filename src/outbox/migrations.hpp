#pragma once

#include <span>
#include <string>
#include <vector>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::outbox {

/// What brings the tables from one version to the next, in the words of `in_dialect`. Never changed once released.
struct Migration {
  std::vector<std::string> statements;
};

/// The first makes version 1.
[[nodiscard]] std::vector<Migration> migrations(SqlDialect dialect);

/// Of PostgreSQL, as the first of a transaction: who changes the tables of an outbox waits here for others that do, and
/// sees what they have made.
Result<> lock_schema(Transaction& tx);

/// Brings the tables to the version that the last of `steps` makes. Errors as `apply_schema`.
Result<> migrate(Transaction& tx, SqlDialect dialect, const Tables& tables, std::span<const Migration> steps);

}  // namespace tidings::outbox
