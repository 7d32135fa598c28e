#pragma once

#include <string>

#include "tidings/outbox/tables.hpp"

namespace tidings::outbox {

/// What `notify_sql`'s trigger tells on.
[[nodiscard]] std::string channel_of(const Tables& tables);

}  // namespace tidings::outbox
