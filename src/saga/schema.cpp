#include "tidings/saga/schema.hpp"

#include <array>
#include <vector>

#include "saga/words.hpp"

namespace tidings::saga {

namespace {

constexpr std::string_view version_table = "create table if not exists @saga_schema(version integer not null)";

// Version 1.
constexpr std::string_view sagas =
    "create table @sagas(type text not null, id text not null, definition integer not null, status text not null, "
    "revision @long not null, state text not null, progress text not null, correlation text not null, started_at @long "
    "not null, updated_at @long not null, primary key (type, id)) @strict";
// Times are nanoseconds since 1970, by the clock of the process. `kind` is that of a timer, or what a person asks for.
constexpr std::string_view timers =
    "create table @saga_timers(type text not null, id text not null, step text not null, kind text not null, token "
    "@long not null, due_at @long not null, attempts integer not null default 0, primary key (type, id, step, kind)) "
    "@strict";
constexpr std::string_view history =
    "create table @saga_history(type text not null, id text not null, revision @long not null, part integer not null, "
    "at @long not null, what text not null, step text not null, cause_id text not null, cause_type text not null, note "
    "text not null, primary key (type, id, revision, part)) @strict";
// Of participants: commands by their round, and what undoes them by 0 and less.
constexpr std::string_view commands =
    "create table @saga_commands(command text not null, round integer not null, admitted integer not null, at @long "
    "not "
    "null, primary key (command, round)) @strict";

/// What brings the tables from one version to the next. Never changed once released.
const std::vector<std::vector<std::string_view>>& migrations() {
  static const std::vector<std::vector<std::string_view>> steps{
      {sagas, "create index @index_sagas_by_status on @sagas(type, status, id)", timers,
       "create index @index_saga_timers_by_time on @saga_timers(type, due_at)", history, commands,
       "create index @index_saga_commands_by_time on @saga_commands(at)"},
      // What is over, by when it ended: for `clean_up`, which comes often and mostly finds nothing.
      {"create index @index_sagas_by_end on @sagas(updated_at) where status in ('completed', 'failed', 'abandoned')"}};
  return steps;
}

Result<> refuse_schema(SqlDialect dialect, const Tables& tables) {
  if (dialect == SqlDialect::sqlite && !tables.schema().empty())
    return Error{"invalid_name", "SQLite has no schemas; name the tables of sagas with a prefix alone"};
  return {};
}

}  // namespace

std::string schema_sql(SqlDialect dialect, const Tables& tables) {
  std::string all;
  const auto add = [&](std::string_view statement) { all += in_words(statement, dialect, tables) + ";\n"; };
  if (dialect == SqlDialect::postgres && !tables.schema().empty())
    add("create schema if not exists \"" + tables.schema() + "\"");
  add(version_table);
  for (const auto& step : migrations())
    for (const auto statement : step) add(statement);
  add("insert into @saga_schema values (" + std::to_string(schema_version) + ")");
  return all;
}

Result<> apply_schema(Store& store, const Tables& tables, Duration wait_max) {
  const auto dialect = store.dialect();
  if (auto fine = refuse_schema(dialect, tables); !fine) return fine;
  auto begun = store.begin(wait_max);
  if (!begun) return begun.error();
  auto& tx = **begun;
  const auto run = [&](std::string_view statement) -> Result<> {
    auto done = tx.execute(in_words(statement, dialect, tables));
    return done ? Result<>{} : done.error();
  };
  if (dialect == SqlDialect::postgres) {
    // `if not exists` alone is no guard against another process that does the same.
    if (auto done = run("select pg_advisory_xact_lock(7233183901390)"); !done) return done;
    if (!tables.schema().empty())
      if (auto done = run("create schema if not exists \"" + tables.schema() + "\""); !done) return done;
  }
  if (auto done = run(version_table); !done) return done;
  const auto found = tx.query_one<std::int64_t>(in_words("select version from @saga_schema", dialect, tables));
  if (!found) return found.error();
  const auto version = found->value_or(0);
  const auto& steps = migrations();
  if (version < 0 || std::cmp_greater(version, steps.size()))
    return Error{"newer_version", "the tables of sagas are of version " + std::to_string(version) +
                                      ", and this build knows up to " + std::to_string(steps.size()) +
                                      "; run it with the newer Tidings that made them"};
  if (std::cmp_equal(version, steps.size())) return {};
  for (auto at = static_cast<std::size_t>(version); at < steps.size(); ++at)
    for (const auto statement : steps[at])
      if (auto done = run(statement); !done) return done;
  if (auto done = run(*found ? "update @saga_schema set version = " + std::to_string(steps.size())
                             : "insert into @saga_schema values (" + std::to_string(steps.size()) + ")");
      !done)
    return done;
  return tx.commit();
}

}  // namespace tidings::saga
