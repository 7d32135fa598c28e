#include <optional>

#include "commands.hpp"
#include "outbox_store.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/stores/open.hpp"

// `tidings outbox schema`.
namespace tidings::cli {
namespace {

/// Of `--dialect`, or of the store; that is not opened, so it need not be there. Errors `invalid_dialect`, those of
/// URLs.
Result<SqlDialect> dialect_of(const OutboxArguments& arguments) {
  const auto& named = arguments.dialect;
  const auto word = named.empty() ? arguments.store.substr(0, arguments.store.find(':')) : named;
  if (word == "sqlite") return SqlDialect::sqlite;
  if (word == "postgres") return SqlDialect::postgres;
  if (!named.empty())
    return Error{"invalid_dialect", "'" + printable(named) + "' is no dialect; there are sqlite and postgres"};
  if (arguments.store.empty())
    return Error{"invalid_dialect", "say in whose words: --dialect sqlite or postgres, or --store URL"};
  auto opened = open_store(arguments.store, {.must_exist = true});  // which tells what is wrong with it
  return opened ? Result<SqlDialect>((*opened)->dialect()) : opened.error();
}

int print_schema(const OutboxArguments& arguments) {
  auto dialect = dialect_of(arguments);
  if (!dialect) return fail(dialect.error());
  auto tables = tables_of(arguments);
  if (!tables) return fail(tables.error());
  if (*dialect == SqlDialect::sqlite && !arguments.schema.empty())
    return fail({"invalid_name", "SQLite has no schemas; name the tables with --prefix alone"});
  if (*dialect == SqlDialect::sqlite && arguments.notify)
    return fail({"unsupported", "SQLite tells nobody of commits; leave --notify out"});
  return print(outbox::schema_sql(*dialect, *tables) + (arguments.notify ? outbox::notify_sql(*tables) : ""));
}

}  // namespace

int outbox_schema(const OutboxArguments& arguments) {
  if (arguments.sql == arguments.apply) {
    complain("say what to do: --sql prints the statements, --apply makes the tables");
    return wrong_usage;
  }
  if (arguments.sql) return print_schema(arguments);
  auto opened = open_outbox(arguments, true);
  if (!opened) return fail(opened.error());
  auto applied = outbox::apply_schema(*opened->store, opened->tables);
  if (applied && arguments.notify) applied = outbox::apply_notify(*opened->store, opened->tables);
  return applied ? done : fail(applied.error());
}

}  // namespace tidings::cli
