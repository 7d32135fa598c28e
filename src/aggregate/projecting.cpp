#include "tidings/aggregate/detail/projecting.hpp"

#include <algorithm>
#include <vector>

#include "aggregate/standing.hpp"
#include "aggregate/table_names.hpp"
#include "tidings/store/schema.hpp"

namespace tidings {

std::string ReadModel::with_tables(std::string_view sql) const {
  std::string made;
  while (true) {
    const auto at = sql.find('{');
    made += sql.substr(0, at);
    if (at == sql.npos) return made;
    sql.remove_prefix(at);
    const auto end = sql.find('}');
    const auto name = end == sql.npos ? std::string_view() : sql.substr(1, end - 1);
    const auto table = std::ranges::find(options_->tables, name, &ProjectionTable::name);
    if (table == options_->tables.end()) {
      made += sql.front();
      sql.remove_prefix(1);
      continue;
    }
    made += aggregate::detail::generation_table(*options_, name, generation_);
    sql.remove_prefix(end + 1);
  }
}

namespace aggregate::detail {

namespace {

Result<> run(Transaction& tx, const std::string& statement) {
  auto done = tx.execute(statement);
  return done ? Result<>{} : done.error();
}

}  // namespace

std::string generation_table(const ProjectionOptions& options, std::string_view name, std::int64_t generation) {
  return in_schema(options.names, std::string(name) + "_" + std::to_string(generation));
}

Projecting::Projecting(std::string name, std::string topic, std::vector<std::string> types, ProjectionOptions options)
    : of_all(options.names.name("projections")),
      of_generations(options.names.name("projection_generations")),
      of_positions(options.names.name("projection_positions")),
      name_(std::move(name)),
      topic_(std::move(topic)),
      types_(std::move(types)),
      options_(std::move(options)) {}

bool Projecting::takes(std::string_view type) const {
  return std::ranges::find(types_, type) != types_.end();
}

Result<> Projecting::check() const {
  if (options_.tables.empty())
    return Error{"invalid_options", "projection " + name_ + " has no tables; name those that it writes to"};
  for (const auto& table : options_.tables) {
    if (table.name.empty() || !outbox::Tables::named("", table.name))
      return Error{"invalid_name", "'" + table.name + "' cannot be a table of projection " + name_ +
                                       "; take a-z, 0-9 and _, a letter first, 40 at most"};
    if (std::ranges::count(options_.tables, table.name, &ProjectionTable::name) > 1)
      return Error{"invalid_options", "projection " + name_ + " has two tables called " + table.name};
  }
  return {};
}

std::string Projecting::table_names() const {
  std::string all;
  for (const auto& table : options_.tables) all += (all.empty() ? "" : ",") + table.name;
  return all;
}

Result<> Projecting::prepare(Store& store, Duration wait_max) {
  if (auto fine = check(); !fine) return fine;
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  dialect_ = static_cast<int>(store.dialect());
  if (auto locked = lock_schemas(**tx, store.dialect()); !locked) return locked;
  const auto there = (*tx)->query_one<std::int64_t>("select generation from " + of_all + " where name = $1", name_);
  if (!there) return there.error();
  if (*there) return {};
  const auto named =
      (*tx)->execute("insert into " + of_all + "(name, generation, topic) values ($1, 1, $2)", name_, topic_);
  if (!named) return named.error();
  if (auto made = make(**tx, 1); !made) return made;
  if (auto shown = show(**tx, {}, 1); !shown) return shown;
  return (*tx)->commit();
}

Result<std::int64_t> Projecting::lock(Transaction& tx, bool alone) const {
  const bool locks = dialect_ == static_cast<int>(SqlDialect::postgres);
  const auto* const how = !locks ? "" : alone ? " for update" : " for share";
  const Error none{"not_prepared", "projection " + name_ + " has no tables yet; call its prepare(store) first"};
  if (dialect_ < 0) return none;
  // Who has waited for it is to see what the other has made meanwhile.
  if (locks && alone)
    if (auto done = run(tx, "set transaction isolation level read committed"); !done) return done.error();
  const auto found = tx.query_one<std::int64_t>("select generation from " + of_all + " where name = $1" + how, name_);
  if (!found) return found.error();
  return *found ? Result<std::int64_t>(**found) : none;
}

Result<std::vector<Projecting::Generation>> Projecting::generations(Transaction& tx) const {
  return tx.query<Generation>(
      "select generation, version, tables from " + of_generations + " where name = $1 order by generation", name_);
}

/// Readers know a table by a view of its name, which shows one projection's.
Result<> Projecting::check_owner(Transaction& tx) const {
  struct Other {
    std::string name;
    std::string tables;
  };
  const auto others = tx.query<Other>("select name, tables from " + of_generations + " where name <> $1", name_);
  if (!others) return others.error();
  for (const auto& other : *others)
    for (const auto& table : split_names(other.tables))
      if (std::ranges::find(options_.tables, table, &ProjectionTable::name) != options_.tables.end())
        return Error{"table_taken", "table " + table + " belongs to projection " + other.name + "; give that of " +
                                        name_ + " another name"};
  return {};
}

Result<> Projecting::make(Transaction& tx, std::int64_t generation) const {
  if (auto owned = check_owner(tx); !owned) return owned;
  for (const auto& table : options_.tables) {
    const auto name = generation_table(options_, table.name, generation);
    if (auto done = run(tx, "create table " + name + "(" + table.columns + ")"); !done) return done;
    int number = 0;
    for (const auto& index : table.indexes)  // it stands in its table's schema by itself
      if (auto done = run(tx, "create index " + table.name + "_" + std::to_string(generation) + "_by" +
                                  std::to_string(++number) + " on " + name + "(" + index + ")");
          !done)
        return done;
  }
  const auto done =
      tx.execute("insert into " + of_generations + "(name, generation, version, tables) values ($1, $2, $3, $4)", name_,
                 generation, options_.version, table_names());
  return done ? Result<>{} : done.error();
}

Result<> Projecting::drop(Transaction& tx, const Generation& generation) const {
  for (const auto& table : split_names(generation.tables))
    if (auto done = run(tx, "drop table if exists " + generation_table(options_, table, generation.generation)); !done)
      return done;
  for (const auto& table : {of_positions, of_generations}) {
    const auto done =
        tx.execute("delete from " + table + " where name = $1 and generation = $2", name_, generation.generation);
    if (!done) return done.error();
  }
  return {};
}

Result<> Projecting::show(Transaction& tx, const Generation& before, std::int64_t generation) const {
  const auto old = split_names(before.tables);
  for (const auto& table : old)
    if (std::ranges::find(options_.tables, table, &ProjectionTable::name) == options_.tables.end())
      if (auto done = run(tx, "drop view if exists " + in_schema(options_.names, table)); !done) return done;
  for (const auto& table : options_.tables) {
    const bool was_there = std::ranges::find(old, table.name) != old.end();
    if (auto done = show_table(tx, table, was_there ? before.generation : 0, generation); !done) return done;
  }
  return {};
}

/// `before`: the generation that its view shows, or 0.
Result<> Projecting::show_table(Transaction& tx, const ProjectionTable& table, std::int64_t before,
                                std::int64_t generation) const {
  const auto view = in_schema(options_.names, table.name);
  const auto made = generation_table(options_, table.name, generation);
  const auto makes = " view " + view + " as select * from " + made;
  const bool keeps = dialect_ == static_cast<int>(SqlDialect::postgres) && before != 0;
  if (!keeps) {
    if (auto done = run(tx, "drop view if exists " + view); !done) return done;
    return run(tx, "create" + makes);
  }
  const auto of_table = Standing::of(tx, generation_table(options_, table.name, before), made);
  if (!of_table) return of_table.error();
  if (auto done = of_table->give(tx); !done) return done;
  const auto same = begins_with_columns(tx, made, view);
  if (!same) return same.error();
  // Nothing that was said of the view, or made of it, is touched, but for its options.
  if (*same) {
    const auto options = options_of(tx, view);
    if (!options) return options.error();
    return run(tx, "create or replace view " + view + *options + " as select * from " + made);
  }
  const auto of_view = Standing::of(tx, view, view);
  if (!of_view) return of_view.error();
  if (auto done = run(tx, "drop view if exists " + view); !done) return done;
  if (auto done = run(tx, "create" + makes); !done) return done;
  return of_view->give(tx);
}

/// What was built does not change any more once it serves.
Result<std::shared_ptr<const Projecting::Known>> Projecting::known(Transaction& tx, std::int64_t generation) {
  {
    const std::scoped_lock lock(mutex_);
    if (known_generation_ == generation) return known_;
  }
  auto made = std::make_shared<Known>();
  const auto version = tx.query_one<std::int64_t>(
      "select version from " + of_generations + " where name = $1 and generation = $2", name_, generation);
  if (!version) return version.error();
  made->version = version->value_or(0);
  struct Position {
    std::uint32_t part = 0;
    std::uint64_t next_offset = 0;
  };
  const auto positions = tx.query<Position>(
      "select part, next_offset from " + of_positions + " where name = $1 and generation = $2", name_, generation);
  if (!positions) return positions.error();
  for (const auto& position : *positions) made->built_to[position.part] = position.next_offset;
  const std::scoped_lock lock(mutex_);
  known_generation_ = generation;
  known_ = made;
  return known_;
}

Result<std::optional<ReadModel>> Projecting::serving(Transaction& tx, Partition partition, Offset offset) {
  const auto generation = lock(tx, false);
  if (!generation) return generation.error();
  const auto it = known(tx, *generation);
  if (!it) return it.error();
  if ((*it)->version != static_cast<std::int64_t>(options_.version)) {
    Error why{"unavailable",
              "what serves of projection " + name_ + " is of version " + std::to_string((*it)->version) +
                  ", and this program has version " + std::to_string(options_.version) +
                  "; its events wait for a program that has that version, or until this one's is rebuilt",
              Retry::same_call};
    tx.fail(why);
    return why;
  }
  const auto built_to = (*it)->built_to.find(partition.value);
  if (built_to != (*it)->built_to.end() && offset.value < built_to->second) return std::optional<ReadModel>{};
  return std::optional(ReadModel(tx, options_, *generation));
}

}  // namespace aggregate::detail
}  // namespace tidings
