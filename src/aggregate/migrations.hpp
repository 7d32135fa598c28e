#pragma once

#include "tidings/outbox/tables.hpp"
#include "tidings/store/schema.hpp"

namespace tidings::aggregate {

/// The tables of aggregates and projections, in all their versions.
[[nodiscard]] Schema schema_of(SqlDialect dialect, const outbox::Tables& tables);

}  // namespace tidings::aggregate
