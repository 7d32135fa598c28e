#pragma once

#include <string>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/transaction.hpp"

namespace tidings::outbox {

/// What `notify_sql`'s trigger tells on.
[[nodiscard]] std::string channel_of(const Tables& tables);

/// Whether that trigger is there; on PostgreSQL.
[[nodiscard]] Result<bool> has_notify(Transaction& tx, const Tables& tables);

}  // namespace tidings::outbox
