#pragma once

#include <cstdint>
#include <string_view>

#include "tidings/outbox/relay.hpp"
#include "tidings/store/store.hpp"

namespace tidings::outbox {

/// The number that names the outbox to brokers. Its rows have topics without a namespace, so the first relay's is the
/// outbox's for good. Errors: `other_namespace`, `corrupt` (never), those of statements.
Result<std::uint64_t> claim(Transaction& tx, SqlDialect dialect, const Tables& tables, std::string_view name_space);

/// Relays to two places at once would spread the events over both. A relay that is there and publishes to another place
/// than `place`, which may be empty: nobody knows. Error `other_broker` (same call), those of statements.
Result<> look_elsewhere(Transaction& tx, SqlDialect dialect, const Tables& tables, std::string_view place,
                        std::string_view unless_after = {});

/// Both in a transaction of its own. Errors: those of `Store::begin` besides.
Result<> claim(Store& store, const RelayOptions& options, Duration wait_max);

}  // namespace tidings::outbox
