#include "tidings/saga/schema.hpp"

#include <vector>

#include "saga/words.hpp"
#include "tidings/store/schema.hpp"

namespace tidings::saga {

namespace {

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

Schema schema_of(SqlDialect dialect, const Tables& tables) {
  std::vector<std::string> first{std::string(sagas),
                                 "create index @index_sagas_by_status on @sagas(type, status, id)",
                                 std::string(timers),
                                 "create index @index_saga_timers_by_time on @saga_timers(type, due_at)",
                                 std::string(history),
                                 std::string(commands),
                                 "create index @index_saga_commands_by_time on @saga_commands(at)"};
  // What is over, by when it ended: for `clean_up`, which comes often and mostly finds nothing.
  std::vector<std::string> second{
      "create index @index_sagas_by_end on @sagas(updated_at) where status in ('completed', 'failed', 'abandoned')"};
  for (auto* const step : {&first, &second})
    for (auto& statement : *step) statement = in_words(statement, dialect, tables);
  return {.what = "the tables of sagas",
          .version_table = tables.name("saga_schema"),
          .postgres_schema = tables.schema(),
          .steps = {std::move(first), std::move(second)},
          .tables = {tables.name("sagas"), tables.name("saga_timers"), tables.name("saga_history"),
                     tables.name("saga_commands")},
          .missing_code = "no_sagas"};
}

}  // namespace

std::string schema_sql(SqlDialect dialect, const Tables& tables) {
  return tidings::schema_sql(schema_of(dialect, tables), dialect);
}

Result<> apply_schema(Store& store, const Tables& tables, Duration wait_max) {
  return tidings::apply_schema(store, schema_of(store.dialect(), tables), wait_max);
}

Result<> check_schema(Store& store, const Tables& tables, Duration wait_max) {
  return tidings::check_schema(store, schema_of(store.dialect(), tables), wait_max);
}

}  // namespace tidings::saga
