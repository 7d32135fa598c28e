#include "tidings/outbox/schema.hpp"

#include "outbox/dialect.hpp"
#include "outbox/migrations.hpp"

namespace tidings::outbox {

namespace {

/// Of an event: in the outbox, held, and archived.
constexpr std::string_view event_columns =
    "part integer not null, message_id text not null, topic text not null, key text not null, type text not null, "
    "type_version integer not null, event_time @long not null, attributes @bytes not null, payload @bytes not null, ";

constexpr std::string_view version_table = "create table if not exists @schema(version integer not null)";

Error newer(std::int64_t found, std::size_t known) {
  return {"newer_version", "the outbox's tables are of version " + std::to_string(found) +
                               ", and this build knows up to " + std::to_string(known) +
                               "; run it with the newer Tidings that made them"};
}

Result<> refuse_schema(SqlDialect dialect, const Tables& tables) {
  if (dialect == SqlDialect::sqlite && !tables.schema().empty())
    return Error{"invalid_name", "SQLite has no schemas; name the outbox's tables with a prefix alone"};
  return {};
}

/// Not by asking for the table itself: what fails says only that a statement is wrong.
Result<bool> has_table(Transaction& tx, SqlDialect dialect, const Tables& tables, std::string_view table) {
  const auto there = tx.query_one<std::int64_t>(
      dialect == SqlDialect::sqlite ? "select count(*) from sqlite_master where type = 'table' and name = $1"
                                    : "select count(to_regclass($1::text))",
      tables.name(table));
  if (!there) return there.error();
  return there->value_or(0) > 0;
}

/// One that went, whatever the version says, would be missed only by what is to be put into it.
Result<> has_all_tables(Transaction& tx, SqlDialect dialect, const Tables& tables) {
  for (const auto* const table : {"outbox", "outbox_held", "outbox_archive", "outbox_keys", "outbox_parts",
                                  "outbox_relays", "outbox_identity", "outbox_refused"}) {
    if (dialect != SqlDialect::sqlite && std::string_view(table) == "outbox_refused") continue;
    const auto there = has_table(tx, dialect, tables, table);
    if (!there) return there.error();
    if (!*there)
      return Error{"corrupt", "the outbox's table " + tables.name(table) + " is missing, though " +
                                  tables.name("outbox_schema") +
                                  " says that all are there; put it back from a copy of the database, or make it as "
                                  "schema_sql says"};
  }
  return {};
}

}  // namespace

std::vector<Migration> migrations(SqlDialect dialect) {
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
  return {Migration{std::move(first)}};
}

Result<> lock_schema(Transaction& tx) {
  // Who has waited for the lock is to see what the other has made.
  if (auto done = tx.execute("set transaction isolation level read committed"); !done) return done.error();
  auto done = tx.execute("select pg_advisory_xact_lock(7233183901389)");
  return done ? Result<>{} : done.error();
}

Result<> migrate(Transaction& tx, SqlDialect dialect, const Tables& tables, std::span<const Migration> steps) {
  const auto run = [&](std::string_view statement) -> Result<> {
    auto done = tx.execute(in_dialect(statement, dialect, tables));
    return done ? Result<>{} : done.error();
  };
  if (dialect == SqlDialect::postgres) {
    // `if not exists` alone is no guard against another process that does the same.
    if (auto done = lock_schema(tx); !done) return done;
    if (!tables.schema().empty())
      if (auto done = run("create schema if not exists \"" + tables.schema() + "\""); !done) return done;
  }
  if (auto done = run(version_table); !done) return done;
  const auto found = tx.query_one<std::int64_t>(in_dialect("select version from @schema", dialect, tables));
  if (!found) return found.error();
  const auto version = found->value_or(0);
  if (version < 0)
    return Error{"corrupt", "the outbox's tables say that they are of version " + std::to_string(version) +
                                ", which there is none of; put " + std::to_string(steps.size()) + " into " +
                                tables.name("outbox_schema") + " if they are of this one"};
  if (version > static_cast<std::int64_t>(steps.size())) return newer(version, steps.size());
  if (version == static_cast<std::int64_t>(steps.size())) return has_all_tables(tx, dialect, tables);
  for (const auto& step : steps.subspan(static_cast<std::size_t>(version)))
    for (const auto& statement : step.statements)
      if (auto done = run(statement); !done) return done;
  if (auto done = run("delete from @schema"); !done) return done;
  return run("insert into @schema values (" + std::to_string(steps.size()) + ")");
}

std::string schema_sql(SqlDialect dialect, const Tables& tables) {
  std::string all;
  const auto add = [&](std::string_view statement) { all += in_dialect(statement, dialect, tables) + ";\n"; };
  if (dialect == SqlDialect::postgres && !tables.schema().empty())
    add("create schema if not exists \"" + tables.schema() + "\"");
  add(version_table);
  for (const auto& step : migrations(dialect))
    for (const auto& statement : step.statements) add(statement);
  add("insert into @schema values (" + std::to_string(schema_version) + ")");
  return all;
}

Result<> apply_schema(Store& store, const Tables& tables, Duration wait_max) {
  if (auto fine = refuse_schema(store.dialect(), tables); !fine) return fine;
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  if (auto done = migrate(**tx, store.dialect(), tables, migrations(store.dialect())); !done) return done;
  return (*tx)->commit();
}

Result<> check_schema(Store& store, const Tables& tables, Duration wait_max) {
  if (auto fine = refuse_schema(store.dialect(), tables); !fine) return fine;
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  const auto dialect = store.dialect();
  const auto there = has_table(**tx, dialect, tables, "outbox_schema");
  if (!there) return there.error();
  const auto missing = Error{"no_outbox", "the database has no table " + tables.name("outbox_schema") +
                                              "; make the outbox's tables with apply_schema, or as schema_sql says"};
  if (!*there) return missing;
  const auto found = tx->get()->query_one<std::int64_t>(in_dialect("select version from @schema", dialect, tables));
  if (!found) return found.error();
  if (!*found) return missing;
  if (**found > schema_version) return newer(**found, schema_version);
  if (**found < schema_version)
    return Error{"older_version", "the outbox's tables are of version " + std::to_string(**found) + ", and " +
                                      std::to_string(schema_version) +
                                      " is needed; bring them there with apply_schema"};
  return has_all_tables(**tx, dialect, tables);
}

}  // namespace tidings::outbox
