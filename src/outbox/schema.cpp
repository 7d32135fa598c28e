#include "tidings/outbox/schema.hpp"

#include "outbox/dialect.hpp"
#include "outbox/migrations.hpp"

namespace tidings::outbox {

namespace {

/// Of an event: in the outbox, held, and archived.
constexpr std::string_view event_columns =
    "part integer not null, message_id text not null, topic text not null, key text not null, type text not null, "
    "type_version integer not null, event_time @long not null, attributes @bytes not null, payload @bytes not null, ";

}  // namespace

Schema schema_of(SqlDialect dialect, const Tables& tables) {
  const auto columns = std::string(event_columns);
  std::vector<std::string> first{
      "create table @outbox(id @id, " + columns + "created_at @time not null default (@now)) @strict",
      // A relay reads the rows of a part in the order of their ids.
      "create index @outbox_by_part on @outbox(part, id)",
      // `flight`: what was handed to the broker last, with the sequences that it has there.
      "create table @parts(part integer primary key, owner text, epoch @long not null default 0, expires_at @time, "
      "next_sequence @long not null default 1, flight text not null default '') @strict",
      "create table @relays(owner text primary key, expires_at @time not null, place text not null, "
      "process text not null) @strict",
      // A key whose events are held, since one of them could not be published. `lane`: 0, or the row of an event
      // without a key, which is held alone.
      "create table @keys(part integer not null, topic text not null, key text not null, lane @long not null, "
      "attempts integer not null, next_at @time not null, parked_at @time, code text not null, error text not null) "
      "@strict",
      "create unique index @outbox_keys_by_key on @keys(part, topic, @mark(key), lane)",
      "create index @outbox_due on @keys(part, next_at) where parked_at is null",
      "create table @held(id @long primary key, lane @long not null, " + columns + "created_at @time not null) @strict",
      "create index @outbox_held_by_key on @held(part, topic, @mark(key), lane, id)",
      "create table @archive(id @long primary key, " + columns +
          "created_at @time not null, sent_at @time not null default (@now)) @strict",
      "create index @outbox_archive_by_time on @archive(sent_at)",
      // Names the outbox to brokers, whatever else publishes there: its producers are `identity * 64 + part`. The
      // namespace is that of its first relay: rows have topics without one.
      "create table @identity(identity @long not null, name_space text) @strict",
      dialect == SqlDialect::sqlite
          ? "insert into @identity(identity) values (1 + (random() & 4503599627370495))"
          : "insert into @identity(identity) values (1 + floor(random() * 4503599627370495)::bigint)",
      "with recursive numbers(number) as (select 0 union all select number + 1 from numbers where number < " +
          std::to_string(part_count - 1) + ") insert into @parts(part) select number from numbers"};
  // A row in it leads nowhere, so that a transaction that has one cannot be committed where foreign keys are looked at:
  // SQLite has no other way to fail a transaction without ending it.
  if (dialect == SqlDialect::sqlite)
    first.emplace_back(
        "create table @refused(id integer primary key, parent integer not null references "
        "@refused(id) deferrable initially deferred, why text not null)");
  if (dialect == SqlDialect::postgres) {
    // Rows come and go all the time: what is dead must go long before a fifth of a large table is.
    constexpr std::string_view eager =
        " set (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000, "
        "autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.0, "
        "autovacuum_vacuum_insert_threshold = 100000, autovacuum_analyze_scale_factor = 0.0, "
        "autovacuum_analyze_threshold = 50000)";
    for (const auto* const table : {"@outbox", "@held"})
      first.push_back("alter table " + std::string(table) + std::string(eager));
    first.emplace_back("alter table @parts set (fillfactor = 10, autovacuum_vacuum_threshold = 200)");
  }
  for (auto& statement : first) statement = in_dialect(statement, dialect, tables);
  Schema schema{.what = "the outbox's tables",
                .version_table = tables.name("outbox_schema"),
                .postgres_schema = tables.schema(),
                .steps = {std::move(first)},
                .tables = {},
                .missing_code = "no_outbox"};
  for (const auto* const table :
       {"outbox", "outbox_held", "outbox_archive", "outbox_keys", "outbox_parts", "outbox_relays", "outbox_identity"})
    schema.tables.push_back(tables.name(table));
  if (dialect == SqlDialect::sqlite) schema.tables.push_back(tables.name("outbox_refused"));
  return schema;
}

std::string schema_sql(SqlDialect dialect, const Tables& tables) {
  return tidings::schema_sql(schema_of(dialect, tables), dialect);
}

Result<> apply_schema(Store& store, const Tables& tables, Duration wait_max) {
  return tidings::apply_schema(store, schema_of(store.dialect(), tables), wait_max);
}

Result<> check_schema(Store& store, const Tables& tables, Duration wait_max) {
  return tidings::check_schema(store, schema_of(store.dialect(), tables), wait_max);
}

}  // namespace tidings::outbox
