#include "tidings/store/schema.hpp"

#include <optional>

namespace tidings {

namespace {

Result<> run(Transaction& tx, std::string_view statement) {
  auto done = tx.execute(statement);
  return done ? Result<>{} : done.error();
}

std::string make_version_table(const Schema& schema) {
  return "create table if not exists " + schema.version_table + "(version integer not null)";
}

std::string make_postgres_schema(const Schema& schema) {
  return "create schema if not exists \"" + schema.postgres_schema + "\"";
}

std::string put_version(const Schema& schema) {
  return "insert into " + schema.version_table + " values (" + std::to_string(schema.steps.size()) + ")";
}

Result<> refuse_schema(SqlDialect dialect, const Schema& schema) {
  if (dialect == SqlDialect::sqlite && !schema.postgres_schema.empty())
    return Error{"invalid_name", "SQLite has no schemas; name " + schema.what + " with a prefix alone"};
  return {};
}

Result<std::optional<std::int64_t>> version_in(Transaction& tx, const Schema& schema) {
  return tx.query_one<std::int64_t>("select version from " + schema.version_table);
}

std::string are_of_version(const Schema& schema, std::int64_t version) {
  return schema.what + " are of version " + std::to_string(version);
}

Result<> refuse_version(const Schema& schema, std::int64_t version) {
  const auto newest = std::to_string(schema.steps.size());
  if (version < 0)
    return Error{"corrupt", are_of_version(schema, version) + ", as " + schema.version_table +
                                " says, which there is none of; put " + newest + " into it if they are of this one"};
  if (version > static_cast<std::int64_t>(schema.steps.size()))
    return Error{"newer_version", are_of_version(schema, version) + ", and this build knows up to " + newest +
                                      "; run it with the newer program that made them"};
  return {};
}

/// One that went, whatever the version says, would be missed only by what is to be put into it.
Result<> has_all_tables(Transaction& tx, SqlDialect dialect, const Schema& schema) {
  for (const auto& table : schema.tables) {
    const auto there = has_table(tx, dialect, table);
    if (!there) return there.error();
    if (!*there)
      return Error{"corrupt", "table " + table + " is missing, though " + schema.version_table + " says that all of " +
                                  schema.what +
                                  " are there; put it back from a copy of the database, or make it as schema_sql says"};
  }
  return {};
}

}  // namespace

Result<bool> has_table(Transaction& tx, SqlDialect dialect, std::string_view name) {
  const auto there = tx.query_one<std::int64_t>(
      dialect == SqlDialect::sqlite ? "select count(*) from sqlite_master where type = 'table' and name = $1"
                                    : "select count(to_regclass($1::text))",
      name);
  if (!there) return there.error();
  return there->value_or(0) > 0;
}

Result<> lock_schemas(Transaction& tx, SqlDialect dialect) {
  if (dialect != SqlDialect::postgres) return {};
  // Who has waited for the lock is to see what the other has made.
  if (auto done = run(tx, "set transaction isolation level read committed"); !done) return done;
  return run(tx, "select pg_advisory_xact_lock(7233183901389)");
}

Result<> apply_schema(Transaction& tx, SqlDialect dialect, const Schema& schema) {
  if (auto fine = refuse_schema(dialect, schema); !fine) return fine;
  if (auto locked = lock_schemas(tx, dialect); !locked) return locked;
  if (!schema.postgres_schema.empty())
    if (auto done = run(tx, make_postgres_schema(schema)); !done) return done;
  if (auto done = run(tx, make_version_table(schema)); !done) return done;
  const auto found = version_in(tx, schema);
  if (!found) return found.error();
  const auto version = found->value_or(0);
  if (auto fine = refuse_version(schema, version); !fine) return fine;
  const auto known = static_cast<std::size_t>(version);
  if (known == schema.steps.size()) return has_all_tables(tx, dialect, schema);
  for (auto at = known; at < schema.steps.size(); ++at)
    for (const auto& statement : schema.steps[at])
      if (auto done = run(tx, statement); !done) return done;
  if (auto done = run(tx, "delete from " + schema.version_table); !done) return done;
  return run(tx, put_version(schema));
}

Result<> apply_schema(Store& store, const Schema& schema, Duration wait_max) {
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  if (auto done = apply_schema(**tx, store.dialect(), schema); !done) return done;
  return (*tx)->commit();
}

Result<> check_schema(Store& store, const Schema& schema, Duration wait_max) {
  const auto dialect = store.dialect();
  if (auto fine = refuse_schema(dialect, schema); !fine) return fine;
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  const auto there = has_table(**tx, dialect, schema.version_table);
  if (!there) return there.error();
  const Error missing{schema.missing_code, "the database has no table " + schema.version_table + "; make " +
                                               schema.what + " with apply_schema, or as schema_sql says"};
  if (!*there) return missing;
  const auto found = version_in(**tx, schema);
  if (!found) return found.error();
  if (!*found) return missing;
  if (auto fine = refuse_version(schema, **found); !fine) return fine;
  if (**found < static_cast<std::int64_t>(schema.steps.size()))
    return Error{"older_version", are_of_version(schema, **found) + ", and " + std::to_string(schema.steps.size()) +
                                      " is needed; bring them there with apply_schema"};
  return has_all_tables(**tx, dialect, schema);
}

std::string schema_sql(const Schema& schema, SqlDialect dialect) {
  std::string all;
  const auto add = [&](const std::string& statement) { all += statement + ";\n"; };
  if (dialect == SqlDialect::postgres && !schema.postgres_schema.empty()) add(make_postgres_schema(schema));
  add(make_version_table(schema));
  for (const auto& step : schema.steps)
    for (const auto& statement : step) add(statement);
  add(put_version(schema));
  return all;
}

}  // namespace tidings
