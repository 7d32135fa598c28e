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

Result<Instance> instance_of(InstanceRow row) {
  const auto corrupt = [&](const std::string& what) {
    return Error{"corrupt", "saga " + printable(row.type) + " " + printable(row.id) + " cannot be read: " + what};
  };
  auto progress = JsonCodec::decode<Progress>(row.progress);
  if (!progress) return corrupt("its progress is no JSON of ours: " + progress.error().message);
  Instance made;
  bool is_known = false;
  for (const auto& one : enumerators<Status>)
    if (one.name == row.status) made.status = one.value, is_known = true;
  if (!is_known) return corrupt("its status is '" + printable(row.status) + "'");
  made.type = std::move(row.type);
  made.id = std::move(row.id);
  made.definition = row.definition;
  made.backward = progress->backward;
  made.stage = progress->stage;
  made.steps = std::move(progress->steps);
  made.why = std::move(progress->why);
  made.started_by = std::move(progress->started_by);
  made.state = std::move(row.state);
  made.revision = row.revision;
  made.correlation = std::move(row.correlation);
  made.started_at = from_ns(row.started_at);
  made.updated_at = from_ns(row.updated_at);
  return made;
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

template <class... Args>
Result<> run(Transaction& tx, const std::string& statement, const Args&... args) {
  const auto done = tx.execute(statement, args...);
  return done ? Result<>{} : done.error();
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
  load_locked_ = words("select " + columns + " from @sagas where type = $1 and id = $2 @lock");
  insert_ = words("insert into @sagas(" + columns +
                  ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing");
  update_ = words(
      "update @sagas set status = $4, revision = $5, state = $6, progress = $7, updated_at = $8 where type = $1 and id "
      "= $2 and revision = $3");
  note_ = words(
      "insert into @saga_history(type, id, revision, part, at, what, step, cause_id, cause_type, note) values ($1, $2, "
      "$3, $4, $5, $6, $7, $8, $9, $10)");
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
  postpone_ = words("update @saga_timers set due_at = $5, attempts = attempts + 1" + timer);
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

Result<std::optional<Instance>> Ledger::load(Transaction& tx, std::string_view type, std::string_view id,
                                             bool locks) const {
  auto row = tx.query_one<InstanceRow>(locks ? load_locked_ : load_, type, id);
  if (!row) return row.error();
  if (!*row) return std::optional<Instance>{};
  auto made = instance_of(std::move(**row));
  if (!made) return made.error();
  return std::optional<Instance>(std::move(*made));
}

Result<std::vector<Instance>> Ledger::list(Transaction& tx, const ListFilter& filter) const {
  auto rows = tx.query<InstanceRow>(list_, filter.type, filter.status ? name_of(*filter.status) : std::string_view{},
                                    filter.after_type, filter.after_id, static_cast<std::int64_t>(filter.limit));
  if (!rows) return rows.error();
  std::vector<Instance> all;
  for (auto& row : *rows) {
    auto made = instance_of(std::move(row));
    if (!made) return made.error();
    all.push_back(std::move(*made));
  }
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

Result<> Ledger::write(Transaction& tx, const Transition& made, std::int64_t before) const {
  const auto& now = made.instance;
  if (auto done = write_instance(tx, now, before); !done) return done;
  int part = 0;
  for (const auto& note : made.notes)
    if (auto done = run(tx, note_, now.type, now.id, now.revision, part++, to_ns(note.time), note.what, note.step,
                        note.cause_id, note.cause_type, note.text);
        !done)
      return done;
  return write_timers(tx, made);
}

Result<> Ledger::write_instance(Transaction& tx, const Instance& now, std::int64_t before) const {
  std::string progress;
  if (auto written = JsonCodec::encode(Progress{now.backward, now.stage, now.steps, now.why, now.started_by}, progress);
      !written)
    return written;
  const auto done = before == 0
                        ? tx.execute(insert_, now.type, now.id, now.definition, name_of(now.status), now.revision,
                                     now.state, progress, now.correlation, to_ns(now.started_at), to_ns(now.updated_at))
                        : tx.execute(update_, now.type, now.id, before, name_of(now.status), now.revision, now.state,
                                     progress, to_ns(now.updated_at));
  if (!done) return done.error();
  if (*done > 0) return {};
  const Error conflict{
      "conflict",
      "saga " + printable(now.type) + " " + printable(now.id) + " was changed by another transaction at the same time",
      Retry::same_call};
  tx.fail(conflict);  // whoever owns it is to know that it was not what he handles
  return conflict;
}

Result<> Ledger::write_timers(Transaction& tx, const Transition& made) const {
  const auto& now = made.instance;
  if (made.clears_all) {
    if (auto done = run(tx, clear_all_, now.type, now.id); !done) return done;
  } else {
    for (const auto& step : made.cleared)
      if (auto done = run(tx, clear_, now.type, now.id, step); !done) return done;
  }
  for (const auto& timer : made.set)
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

Result<> Ledger::postpone(Transaction& tx, std::string_view type, const Due& timer, TimePoint due) const {
  return run(tx, postpone_, type, timer.id, timer.step, timer.kind, to_ns(due));
}

Result<> Ledger::ask(Transaction& tx, std::string_view type, std::string_view id, Steering steering) const {
  return run(tx, ask_, type, id, name_of(steering));
}

}  // namespace tidings::saga
