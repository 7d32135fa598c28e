#pragma once

#include "tidings/outbox/tables.hpp"
#include "tidings/store/schema.hpp"

namespace tidings::outbox {

/// The tables of an outbox, in all their versions.
[[nodiscard]] Schema schema_of(SqlDialect dialect, const Tables& tables);

}  // namespace tidings::outbox
