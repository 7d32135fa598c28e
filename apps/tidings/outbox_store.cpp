#include "outbox_store.hpp"

#include "named_store.hpp"
#include "tidings/outbox/schema.hpp"

namespace tidings::cli {

Result<outbox::Tables> tables_of(const OutboxArguments& arguments) {
  return outbox::Tables::named(arguments.schema, arguments.prefix);
}

Result<OutboxStore> open_outbox(const OutboxArguments& arguments, bool may_create) {
  auto tables = tables_of(arguments);
  if (!tables) return tables.error();
  auto store = open_named_store(arguments.store, may_create);
  if (!store && !may_create && store.error().code == "not_found" && arguments.store.starts_with("sqlite:"))
    return Error{"not_found",
                 store.error().message + "; where there is none yet, `tidings outbox schema --apply` makes it"};
  if (!store) return store.error();
  OutboxStore opened{.store = std::move(*store), .tables = std::move(*tables)};
  if (may_create) return opened;
  if (auto there = outbox::check_schema(*opened.store, opened.tables); !there) {
    const auto& code = there.error().code;
    if (code == "no_outbox")
      return Error{code, "the database has no table " + opened.tables.name("outbox_schema") +
                             "; make the outbox's tables with `tidings outbox schema --apply`"};
    if (code == "older_version")
      return Error{code, there.error().message + ", as `tidings outbox schema --apply` does"};
    return there.error();
  }
  return opened;
}

}  // namespace tidings::cli
