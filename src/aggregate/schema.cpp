#include "tidings/aggregate/schema.hpp"

#include "aggregate/migrations.hpp"

namespace tidings::aggregate {

Schema schema_of(SqlDialect dialect, const outbox::Tables& tables) {
  const bool is_sqlite = dialect == SqlDialect::sqlite;
  const std::string number =
      is_sqlite ? "integer primary key autoincrement" : "bigint generated always as identity primary key";
  // SQLite would take a text for a number.
  const std::string strict = is_sqlite ? " strict" : "";
  const std::string whole = is_sqlite ? "integer" : "bigint";
  std::vector<std::string> first{
      // One row for each aggregate, which is what a change locks. `state`: as it was after the event number `state_at`;
      // of those that are kept by their events a snapshot, or null. Times are ns since 1970.
      "create table " + tables.name("aggregates") + "(type text not null, id text not null, version " + whole +
          " not null, state text, state_at " + whole + " not null, state_version integer not null, state_shape " +
          whole + " not null, updated_at " + whole + " not null, primary key (type, id))" +
          (is_sqlite ? " strict, without rowid" : ""),
      // What happened to those that are kept by their events.
      "create table " + tables.name("aggregate_events") + "(position " + number +
          ", type text not null, id text not null, version " + whole +
          " not null, message_id text not null, event_type text not null, event_version integer not null, event_time " +
          whole +
          " not null, source text not null, correlation_id text not null, causation_id text not null, trace_parent "
          "text not null, data text not null, unique (type, id, version))" +
          strict,
      // Projections, their generations of tables, and how far one has been built: fixed for what serves.
      "create table " + tables.name("projections") + "(name text primary key, generation " + whole + " not null)" +
          strict,
      "create table " + tables.name("projection_generations") + "(name text not null, generation " + whole +
          " not null, version " + whole + " not null, tables text not null, primary key (name, generation))" + strict,
      "create table " + tables.name("projection_positions") + "(name text not null, generation " + whole +
          " not null, part " + whole + " not null, next_offset " + whole +
          " not null, primary key (name, generation, part))" + strict};
  return {.what = "the tables of aggregates",
          .version_table = tables.name("aggregate_schema"),
          .postgres_schema = tables.schema(),
          .steps = {std::move(first),
                    // For who looks at projections from outside: when a batch was built last, in ns since 1970.
                    {"alter table " + tables.name("projections") + " add column topic text not null default ''",
                     "alter table " + tables.name("projection_generations") + " add column built_at " + whole +
                         " not null default 0"}},
          .tables = {tables.name("aggregates"), tables.name("aggregate_events"), tables.name("projections"),
                     tables.name("projection_generations"), tables.name("projection_positions")},
          .missing_code = "no_aggregates"};
}

std::string schema_sql(SqlDialect dialect, const outbox::Tables& tables) {
  return tidings::schema_sql(schema_of(dialect, tables), dialect);
}

Result<> apply_schema(Store& store, const outbox::Tables& tables, Duration wait_max) {
  return tidings::apply_schema(store, schema_of(store.dialect(), tables), wait_max);
}

Result<> check_schema(Store& store, const outbox::Tables& tables, Duration wait_max) {
  return tidings::check_schema(store, schema_of(store.dialect(), tables), wait_max);
}

}  // namespace tidings::aggregate
