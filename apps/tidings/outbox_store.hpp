#pragma once

#include <memory>
#include <string>

#include "commands.hpp"
#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::cli {

/// The store and the names of the tables in it that the options mean.
struct OutboxStore {
  std::unique_ptr<Store> store;
  outbox::Tables tables;
};

/// What the tables are called. Error `invalid_name`.
[[nodiscard]] Result<outbox::Tables> tables_of(const OutboxArguments& arguments);

/// Opens the store. `may_create`: also a file that is not there; and without it the tables must be. Errors:
/// `invalid_store` where none is named, those of `open_store` and of `check_schema`.
[[nodiscard]] Result<OutboxStore> open_outbox(const OutboxArguments& arguments, bool may_create = false);

}  // namespace tidings::cli
