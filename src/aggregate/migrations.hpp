#pragma once

#include <span>
#include <string>
#include <vector>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::aggregate {

/// What leads from one version of the tables to the next.
using Migration = std::vector<std::string>;

[[nodiscard]] std::vector<Migration> migrations(SqlDialect dialect, const outbox::Tables& tables);

/// Brings the tables to the version `steps.size()`. Errors as `apply_schema`.
Result<> migrate(Transaction& tx, SqlDialect dialect, const outbox::Tables& tables, std::span<const Migration> steps);

}  // namespace tidings::aggregate
