#pragma once

#include <memory>
#include <string>

#include "tidings/store/store.hpp"

namespace tidings::cli {

/// Opens the database that `--store` names; what it warns of goes to standard error. `may_create`: also a file that is
/// not there. Errors: `invalid_store` where none is named, those of `open_store`.
[[nodiscard]] Result<std::unique_ptr<Store>> open_named_store(const std::string& url, bool may_create = false);

}  // namespace tidings::cli
