#include "saga/ledger.hpp"

#include <array>
#include <utility>

#include "saga/words.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/enumerators.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::saga {

namespace {

/// What of an instance is looked for by nobody.
struct Progress {
  bool backward = false;
  int stage = 0;
  std::vector<StepProgress> steps;
  std::string why;
  std::string started_by;
  std::optional<std::string> trace_parent;
  std::optional<std::string> redacted;
};

struct InstanceRow {
  std::string type;
  std::string id;
  int definition = 1;
  std::string status;
  std::int64_t revision = 0;
  std::string state;
  std::string progress;
  std::string correlation;
  std::int64_t started_at = 0;
  std::int64_t updated_at = 0;
};

/// With `unreadable`, where what is no column of its own is no JSON of ours.
Instance any_instance_of(InstanceRow row) {
  Instance made;
  auto progress = JsonCodec::decode<Progress>(row.progress);
  if (!progress) {
    made.unreadable = "its progress is no JSON of ours: " + progress.error().message;
    progress = Progress{};
  }
  bool is_known = false;
  for (const auto& one : enumerators<Status>)
    if (one.name == row.status) made.status = one.value, is_known = true;
  if (!is_known) {
    made.unreadable = "its status is '" + printable(row.status) + "'";
    progress = Progress{};
  }
  made.type = std::move(row.type);
  made.id = std::move(row.id);
  made.definition = row.definition;
  made.backward = progress->backward;
  made.stage = progress->stage;
  made.steps = std::move(progress->steps);
  made.why = std::move(progress->why);
  made.started_by = std::move(progress->started_by);
  made.trace_parent = std::move(progress->trace_parent).value_or("");
  made.redacted = std::move(progress->redacted).value_or("");
  made.state = std::move(row.state);
  made.revision = row.revision;
  made.correlation = std::move(row.correlation);
  made.started_at = from_ns(row.started_at);
  made.updated_at = from_ns(row.updated_at);
  return made;
}

Result<Instance> instance_of(InstanceRow row) {
  auto made = any_instance_of(std::move(row));
  if (made.unreadable.empty()) return made;
  return Error{"corrupt",
               "saga " + printable(made.type) + " " + printable(made.id) + " cannot be read: " + made.unreadable};
}

constexpr std::string_view instance_columns =
    "type, id, definition, status, revision, state, progress, correlation, started_at, updated_at";
constexpr std::string_view key_of_timer = " where type = $1 and id = $2 and step = $3 and kind = $4";
constexpr std::string_view one_of_them =
    " from @saga_timers t join @sagas s on s.type = t.type and s.id = t.id where t.type = $1 and ',' || $2 || ',' like "
    "'%,' || s.definition || ',%'";

std::string list_of(std::span<const int> versions) {
  std::string text;
  for (const auto version : versions) text += (text.empty() ? "" : ",") + std::to_string(version);
  return text;
}

/// Rows that a statement gets as one parameter, a JSON array of objects: `r`, with these columns.
std::string rows_of(SqlDialect dialect, std::string_view parameter,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> columns) {
  std::string text;
  for (const auto& [name, kind] : columns) {
    text += text.empty() ? "" : ", ";
    if (dialect == SqlDialect::sqlite)
      text.append("json_extract(value, '$.").append(name).append("') as ").append(name);
    else
      text.append(name).append(" ").append(kind);
  }
  const std::string from(parameter);
  return dialect == SqlDialect::sqlite ? "(select " + text + " from json_each(" + from + ")) r"
                                       : "json_to_recordset(" + from + "::text::json) as r(" + text + ")";
}

template <class T>
Result<std::string> json_of(const T& value) {
  std::string json;
  auto written = JsonCodec::encode(value, json);
  return written ? Result<std::string>(std::move(json)) : written.error();
}

Result<std::string> progress_of(const Instance& now) {
  return json_of(Progress{now.backward, now.stage, now.steps, now.why, now.started_by,
                          now.trace_parent.empty() ? std::nullopt : std::optional(now.trace_parent),
                          now.redacted.empty() ? std::nullopt : std::optional(now.redacted)});
}

template <class... Args>
Result<> run(Transaction& tx, const std::string& statement, const Args&... args) {
  return tx.execute_later(statement, args...);
}

}  // namespace

std::string_view name_of(Steering steering) {
  for (const auto& one : enumerators<Steering>)
    if (one.value == steering) return one.name;
  return {};
}
std::optional<Steering> steering_of(std::string_view kind) {
  for (const auto& one : enumerators<Steering>)
    if (one.name == kind) return one.value;
  return std::nullopt;
}
std::optional<TimerKind> timer_kind_of(std::string_view kind) {
  for (const auto& one : enumerators<TimerKind>)
    if (one.name == kind) return one.value;
  return std::nullopt;
}

std::string Ledger::words(std::string_view statement) const {
  return in_words(statement, dialect_, tables_);
}

Ledger::Ledger(SqlDialect dialect, Tables tables) : dialect_(dialect), tables_(std::move(tables)) {
  const std::string columns(instance_columns);
  const std::string timer(key_of_timer);
  const std::string known(one_of_them);
  load_ = words("select " + columns + " from @sagas where type = $1 and id = $2");
  load_one_ = words("select " + columns + " from @sagas where type = $1 and id = $2 @lock");
  // One after the other by the key, in the order of the array, however few rows the database thinks there are.
  load_many_ =
      dialect_ == SqlDialect::sqlite
          ? words("select " + columns +
                  " from (select value as one from json_each($2)) w cross join @sagas where type = $1 and id = w.one")
          : words("select s.* from json_array_elements_text($2::text::json) as w(one) cross join lateral (select " +
                  columns + " from @sagas where type = $1 and id = w.one for update) s");
  insert_ = words("insert into @sagas(" + columns +
                  ") select $1, id, definition, status, revision, state, progress, correlation, started_at, updated_at "
                  "from " +
                  rows_of(dialect_, "$2",
                          {{"id", "text"},
                           {"definition", "integer"},
                           {"status", "text"},
                           {"revision", "bigint"},
                           {"state", "text"},
                           {"progress", "text"},
                           {"correlation", "text"},
                           {"started_at", "bigint"},
                           {"updated_at", "bigint"}}) +
                  " where true on conflict do nothing");
  update_ = words(
      "update @sagas set status = $4, revision = $5, state = $6, progress = $7, updated_at = $8 where type = $1 and id "
      "= $2 and revision = $3");
  note_ = words(
      "insert into @saga_history(type, id, revision, part, at, what, step, cause_id, cause_type, note) select $1, id, "
      "revision, part, at, what, step, cause_id, cause_type, note from " +
      rows_of(dialect_, "$2",
              {{"id", "text"},
               {"revision", "bigint"},
               {"part", "integer"},
               {"at", "bigint"},
               {"what", "text"},
               {"step", "text"},
               {"cause_id", "text"},
               {"cause_type", "text"},
               {"note", "text"}}));
  clear_all_ = words("delete from @saga_timers where type = $1 and id = $2");
  clear_ = words(
      "delete from @saga_timers where type = $1 and id = $2 and step = $3 and kind in ('within', 'remind', "
      "'deadline')");
  set_ = words(
      "insert into @saga_timers(type, id, step, kind, token, due_at) values ($1, $2, $3, $4, $5, $6) on conflict "
      "(type, id, step, kind) do update set token = excluded.token, due_at = excluded.due_at, attempts = 0");
  due_ = words(
      "select t.id as id, t.step as step, t.kind as kind, t.token as token, t.due_at as due_at, t.attempts as "
      "attempts" +
      known + " and t.due_at <= $3 order by t.due_at limit $4 @skip");
  next_due_ = words("select t.due_at as due_at" + known + " order by t.due_at limit 1");
  remove_ = words("delete from @saga_timers" + timer + " and token = $5");
  postpone_ = words(  // a person's wish may have been taken out already
      "insert into @saga_timers(type, id, step, kind, token, due_at, attempts) values ($1, $2, $3, $4, $5, $6, $7) on "
      "conflict (type, id, step, kind) do update set due_at = excluded.due_at, attempts = excluded.attempts");
  ask_ = words(
      "insert into @saga_timers(type, id, step, kind, token, due_at) values ($1, $2, '', $3, 0, 0) on conflict do "
      "nothing");
  list_ = words("select " + columns +
                " from @sagas where ($1 = '' or type = $1) and ($2 = '' or status = $2) and (type > $3 or (type = $3 "
                "and id > $4)) order by type, id limit $5");
  history_ = words(
      "select at, what, step, cause_id, cause_type, note from @saga_history where type = $1 and id = $2 order by "
      "revision, part");
  waits_ = words(
      "select step, kind, due_at, attempts from @saga_timers where type = $1 and id = $2 order by due_at, step, kind");
}

Result<std::optional<Instance>> Ledger::load(Transaction& tx, std::string_view type, std::string_view id) const {
  auto row = tx.query_one<InstanceRow>(load_, type, id);
  if (!row) return row.error();
  if (!*row) return std::optional<Instance>{};
  auto made = instance_of(std::move(**row));
  if (!made) return made.error();
  return std::optional<Instance>(std::move(*made));
}

Result<std::vector<Ledger::Loaded>> Ledger::load(Transaction& tx, std::string_view type,
                                                 const std::vector<std::string>& ids) const {
  Result<std::vector<InstanceRow>> rows = std::vector<InstanceRow>{};
  if (ids.size() == 1) {
    rows = tx.query<InstanceRow>(load_one_, type, ids.front());
  } else {
    const auto json = json_of(ids);
    if (!json) return json.error();
    rows = tx.query<InstanceRow>(load_many_, type, *json);
  }
  if (!rows) return rows.error();
  std::vector<Loaded> all;
  for (auto& row : *rows) {
    auto id = row.id;
    all.push_back({std::move(id), instance_of(std::move(row))});
  }
  return all;
}

Result<std::vector<Instance>> Ledger::list(Transaction& tx, const ListFilter& filter) const {
  auto rows = tx.query<InstanceRow>(list_, filter.type, filter.status ? name_of(*filter.status) : std::string_view{},
                                    filter.after_type, filter.after_id, static_cast<std::int64_t>(filter.limit));
  if (!rows) return rows.error();
  std::vector<Instance> all;
  for (auto& row : *rows) all.push_back(any_instance_of(std::move(row)));
  return all;
}

Result<std::vector<Note>> Ledger::history(Transaction& tx, std::string_view type, std::string_view id) const {
  struct Row {
    std::int64_t at = 0;
    std::string what;
    std::string step;
    std::string cause_id;
    std::string cause_type;
    std::string note;
  };
  auto rows = tx.query<Row>(history_, type, id);
  if (!rows) return rows.error();
  std::vector<Note> all;
  for (auto& row : *rows)
    all.push_back({from_ns(row.at), std::move(row.what), std::move(row.step), std::move(row.cause_id),
                   std::move(row.cause_type), std::move(row.note)});
  return all;
}

Result<std::vector<Waiting>> Ledger::waits(Transaction& tx, std::string_view type, std::string_view id) const {
  struct Row {
    std::string step;
    std::string kind;
    std::int64_t due_at = 0;
    int attempts = 0;
  };
  auto rows = tx.query<Row>(waits_, type, id);
  if (!rows) return rows.error();
  std::vector<Waiting> all;
  for (auto& row : *rows) all.push_back({std::move(row.step), std::move(row.kind), from_ns(row.due_at), row.attempts});
  return all;
}

Result<> Ledger::write(Transaction& tx, std::string_view type, std::span<const Written> all) const {
  if (auto done = write_new(tx, type, all); !done) return done;
  for (const auto& [now, changes] : all)
    if (changes->before > 0)
      if (auto done = write_known(tx, *now, changes->before); !done) return done;
  if (auto done = write_notes(tx, type, all); !done) return done;
  for (const auto& [now, changes] : all)
    if (auto done = write_timers(tx, *now, *changes); !done) return done;
  return {};
}

Result<> Ledger::write_new(Transaction& tx, std::string_view type, std::span<const Written> all) const {
  struct New {
    std::string id;
    int definition = 1;
    std::string status;
    std::int64_t revision = 0;
    std::string state;
    std::string progress;
    std::string correlation;
    std::int64_t started_at = 0;
    std::int64_t updated_at = 0;
  };
  std::vector<New> rows;
  for (const auto& [now, changes] : all) {
    if (changes->before > 0) continue;
    auto progress = progress_of(*now);
    if (!progress) return progress.error();
    rows.push_back({now->id, now->definition, std::string(name_of(now->status)), now->revision, now->state,
                    std::move(*progress), now->correlation, to_ns(now->started_at), to_ns(now->updated_at)});
  }
  if (rows.empty()) return {};
  const auto json = json_of(rows);
  if (!json) return json.error();
  const auto done = tx.execute(insert_, type, *json);
  if (!done) return done.error();
  if (*done == rows.size()) return {};
  const Error conflict{"conflict",
                       "saga " + printable(type) + " " + printable(rows.front().id) +
                           (rows.size() > 1 ? ", or another," : "") +
                           " was begun by another transaction at the same time",
                       Retry::same_call};
  tx.fail(conflict);  // whoever owns it is to know that it was not what he handles
  return conflict;
}

/// Nobody else can have changed it: it is locked. Were it otherwise, its history would be there.
Result<> Ledger::write_known(Transaction& tx, const Instance& now, std::int64_t before) const {
  const auto progress = progress_of(now);
  if (!progress) return progress.error();
  return run(tx, update_, now.type, now.id, before, name_of(now.status), now.revision, now.state, *progress,
             to_ns(now.updated_at));
}

Result<> Ledger::write_notes(Transaction& tx, std::string_view type, std::span<const Written> all) const {
  struct Line {
    std::string id;
    std::int64_t revision = 0;
    int part = 0;
    std::int64_t at = 0;
    std::string what;
    std::string step;
    std::string cause_id;
    std::string cause_type;
    std::string note;
  };
  std::vector<Line> lines;
  for (const auto& [now, changes] : all) {
    int part = 0;
    std::int64_t of = 0;
    for (const auto& [revision, note] : changes->notes) {
      part = revision == of ? part + 1 : 0;
      of = revision;
      lines.push_back(
          {now->id, revision, part, to_ns(note.time), note.what, note.step, note.cause_id, note.cause_type, note.text});
    }
  }
  const auto json = json_of(lines);
  if (!json) return json.error();
  return run(tx, note_, type, *json);
}

Result<> Ledger::write_timers(Transaction& tx, const Instance& now, const Changes& changes) const {
  if (changes.before > 0) {  // else there are none
    if (changes.clears_all)
      if (auto done = run(tx, clear_all_, now.type, now.id); !done) return done;
    for (const auto& step : changes.cleared)
      if (auto done = run(tx, clear_, now.type, now.id, step); !done) return done;
  }
  for (const auto& timer : changes.set)
    if (auto done = run(tx, set_, now.type, now.id, timer.step, name_of(timer.kind), timer.token, to_ns(timer.due));
        !done)
      return done;
  return {};
}

Result<std::vector<Ledger::Due>> Ledger::due(Transaction& tx, std::string_view type, std::span<const int> versions,
                                             TimePoint now, std::size_t max) const {
  return tx.query<Due>(due_, type, list_of(versions), to_ns(now), static_cast<std::int64_t>(max));
}

Result<std::optional<TimePoint>> Ledger::next_due(Transaction& tx, std::string_view type,
                                                  std::span<const int> versions) const {
  const auto found = tx.query_one<std::int64_t>(next_due_, type, list_of(versions));
  if (!found) return found.error();
  return *found ? std::optional(from_ns(**found)) : std::nullopt;
}

Result<> Ledger::remove(Transaction& tx, std::string_view type, const Due& timer) const {
  return run(tx, remove_, type, timer.id, timer.step, timer.kind, timer.token);
}

Result<bool> Ledger::claim(Transaction& tx, std::string_view type, const Due& timer) const {
  const auto done = tx.execute(remove_, type, timer.id, timer.step, timer.kind, timer.token);
  return done ? Result<bool>(*done > 0) : done.error();
}

Result<> Ledger::postpone(Transaction& tx, std::string_view type, const Due& timer, TimePoint due) const {
  return run(tx, postpone_, type, timer.id, timer.step, timer.kind, timer.token, to_ns(due), timer.attempts + 1);
}

Result<> Ledger::ask(Transaction& tx, std::string_view type, std::string_view id, Steering steering) const {
  return run(tx, ask_, type, id, name_of(steering));
}

}  // namespace tidings::saga
