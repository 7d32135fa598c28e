#include "tidings/aggregate/schema.hpp"

#include "aggregate/migrations.hpp"

namespace tidings::aggregate {

namespace {

std::string version_table(const outbox::Tables& tables) {
  return "create table if not exists " + tables.name("aggregate_schema") + "(version integer not null)";
}

std::string schema_of_tables(const outbox::Tables& tables) {
  return "create schema if not exists \"" + tables.schema() + "\"";
}

Error newer(std::int64_t found, std::size_t known) {
  return {"newer_version", "the tables of aggregates are of version " + std::to_string(found) +
                               ", and this build knows up to " + std::to_string(known) +
                               "; run it with the newer Tidings that made them"};
}

Result<> refuse_schema(SqlDialect dialect, const outbox::Tables& tables) {
  if (dialect == SqlDialect::sqlite && !tables.schema().empty())
    return Error{"invalid_name", "SQLite has no schemas; name the tables with a prefix alone"};
  return {};
}

Result<> run(Transaction& tx, const std::string& statement) {
  auto done = tx.execute(statement);
  return done ? Result<>{} : done.error();
}

}  // namespace

std::vector<Migration> migrations(SqlDialect dialect, const outbox::Tables& tables) {
  const bool is_sqlite = dialect == SqlDialect::sqlite;
  const std::string number =
      is_sqlite ? "integer primary key autoincrement" : "bigint generated always as identity primary key";
  const std::string without_rowid = is_sqlite ? " without rowid" : "";
  Migration first{
      // One row for each aggregate, which is what a change locks. `state`: as it was after the event number `state_at`;
      // of those that are kept by their events a snapshot, or null. Times are ns since 1970.
      "create table " + tables.name("aggregates") +
          "(type text not null, id text not null, version bigint not null, state text, state_at bigint not null, "
          "state_version integer not null, state_shape bigint not null, updated_at bigint not null, "
          "primary key (type, id))" +
          without_rowid,
      // What happened to those that are kept by their events.
      "create table " + tables.name("aggregate_events") + "(position " + number +
          ", type text not null, id text not null, version bigint not null, message_id text not null, event_type text "
          "not null, event_version integer not null, event_time bigint not null, source text not null, correlation_id "
          "text not null, causation_id text not null, trace_parent text not null, data text not null, "
          "unique (type, id, version))",
      // Projections, their generations of tables, and how far one has been built: fixed for what serves.
      "create table " + tables.name("projections") + "(name text primary key, generation bigint not null)",
      "create table " + tables.name("projection_generations") +
          "(name text not null, generation bigint not null, version bigint not null, tables text not null, primary key "
          "(name, generation))",
      "create table " + tables.name("projection_positions") +
          "(name text not null, generation bigint not null, part bigint not null, next_offset bigint not null, primary "
          "key (name, generation, part))"};
  return {std::move(first)};
}

Result<> migrate(Transaction& tx, SqlDialect dialect, const outbox::Tables& tables, std::span<const Migration> steps) {
  if (dialect == SqlDialect::postgres) {
    // `if not exists` alone is no guard against another process that does the same; and who has waited for the lock is
    // to see what the other has made.
    if (auto done = run(tx, "set transaction isolation level read committed"); !done) return done;
    if (auto done = run(tx, "select pg_advisory_xact_lock(7233183901390)"); !done) return done;
    if (!tables.schema().empty())
      if (auto done = run(tx, schema_of_tables(tables)); !done) return done;
  }
  if (auto done = run(tx, version_table(tables)); !done) return done;
  const auto found = tx.query_one<std::int64_t>("select version from " + tables.name("aggregate_schema"));
  if (!found) return found.error();
  const auto version = found->value_or(0);
  const auto newest = static_cast<std::int64_t>(steps.size());
  if (version < 0 || version > newest) return newer(version, steps.size());
  if (version == newest) return {};
  for (const auto& step : steps.subspan(static_cast<std::size_t>(version)))
    for (const auto& statement : step)
      if (auto done = run(tx, statement); !done) return done;
  if (auto done = run(tx, "delete from " + tables.name("aggregate_schema")); !done) return done;
  return run(tx, "insert into " + tables.name("aggregate_schema") + " values (" + std::to_string(newest) + ")");
}

std::string schema_sql(SqlDialect dialect, const outbox::Tables& tables) {
  std::string all;
  const auto add = [&](const std::string& statement) { all += statement + ";\n"; };
  if (dialect == SqlDialect::postgres && !tables.schema().empty()) add(schema_of_tables(tables));
  add(version_table(tables));
  for (const auto& step : migrations(dialect, tables))
    for (const auto& statement : step) add(statement);
  add("insert into " + tables.name("aggregate_schema") + " values (" + std::to_string(schema_version) + ")");
  return all;
}

Result<> apply_schema(Store& store, const outbox::Tables& tables, Duration wait_max) {
  if (auto fine = refuse_schema(store.dialect(), tables); !fine) return fine;
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  if (auto done = migrate(**tx, store.dialect(), tables, migrations(store.dialect(), tables)); !done) return done;
  return (*tx)->commit();
}

Result<> check_schema(Store& store, const outbox::Tables& tables, Duration wait_max) {
  if (auto fine = refuse_schema(store.dialect(), tables); !fine) return fine;
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  const auto name = tables.name("aggregate_schema");
  // Not by asking for the table itself: what fails says only that a statement is wrong.
  const auto there = (*tx)->query_one<std::int64_t>(
      store.dialect() == SqlDialect::sqlite ? "select count(*) from sqlite_master where type = 'table' and name = $1"
                                            : "select count(to_regclass($1::text))",
      name);
  if (!there) return there.error();
  const Error missing{"no_aggregates", "the database has no table " + name +
                                           "; make the tables of aggregates with apply_schema, or as schema_sql says"};
  if (there->value_or(0) == 0) return missing;
  const auto found = (*tx)->query_one<std::int64_t>("select version from " + name);
  if (!found) return found.error();
  if (!*found) return missing;
  if (**found > schema_version) return newer(**found, schema_version);
  if (**found < schema_version)
    return Error{"older_version", "the tables of aggregates are of version " + std::to_string(**found) + ", and " +
                                      std::to_string(schema_version) +
                                      " is needed; bring them there with apply_schema"};
  return {};
}

}  // namespace tidings::aggregate
