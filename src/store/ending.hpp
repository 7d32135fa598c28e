#pragma once

#include <string_view>

namespace tidings {

/// Whether a statement ends the transaction that it runs in: `COMMIT`, `END`, `ABORT`, `ROLLBACK` (not `ROLLBACK TO` a
/// savepoint), `PREPARE TRANSACTION`.
[[nodiscard]] bool ends_transaction(std::string_view sql);

}  // namespace tidings
