#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "tidings/store/store.hpp"

namespace tidings {

/// Opens the store that `url` names: `sqlite:FILE`, `postgres://HOST/DATABASE`. Errors: `invalid_url`, `unknown_store`
/// (naming those there are), and what the store says.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(std::string_view url, const StoreOptions& options = {});

/// Those that this build has, by scheme.
[[nodiscard]] std::span<const StoreFactory> store_factories();

}  // namespace tidings
