#pragma once

#include <cstdint>
#include <string_view>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::outbox {

/// The number that names the outbox to brokers. Its rows have topics without a namespace, so the first relay's is the
/// outbox's for good. Errors: `other_namespace`, `corrupt` (never), those of statements.
Result<std::uint64_t> claim(Transaction& tx, SqlDialect dialect, const Tables& tables, std::string_view name_space);

/// The same in a transaction of its own. Errors: those of `Store::begin` besides.
Result<> claim(Store& store, const Tables& tables, std::string_view name_space, Duration wait_max);

}  // namespace tidings::outbox
