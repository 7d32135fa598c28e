#include "tidings/aggregate/inspect.hpp"

#include <utility>

#include "aggregate/table_names.hpp"
#include "tidings/aggregate/schema.hpp"

namespace tidings::aggregate {

namespace {

constexpr Duration turn_wait = std::chrono::seconds{10};

struct Row {
  std::string name;
  std::string topic;
  std::int64_t serving = 0;
  std::int64_t generation = 0;
  std::int64_t version = 0;
  std::string tables;
  std::int64_t built_at = 0;
};

Result<std::vector<ProjectionPosition>> positions_of(Transaction& tx, const Row& row, const outbox::Tables& tables) {
  struct Position {
    std::uint32_t part = 0;
    std::uint64_t next_offset = 0;
  };
  const auto all = tx.query<Position>("select part, next_offset from " + tables.name("projection_positions") +
                                          " where name = $1 and generation = $2 order by part",
                                      row.name, row.generation);
  if (!all) return all.error();
  std::vector<ProjectionPosition> positions;
  for (const auto& one : *all) positions.push_back({Partition{one.part}, Offset{one.next_offset}});
  return positions;
}

Result<std::vector<ProjectionTableInfo>> tables_of(Transaction& tx, const Row& row, const outbox::Tables& tables) {
  std::vector<ProjectionTableInfo> all;
  for (auto& name : detail::split_names(row.tables)) {
    const auto rows = tx.query_one<std::uint64_t>("select count(*) from " + detail::in_schema(tables, name));
    if (!rows) return rows.error();
    all.push_back({std::move(name), rows->value_or(0)});
  }
  return all;
}

}  // namespace

Result<std::vector<ProjectionInfo>> list_projections(Store& store, const outbox::Tables& tables) {
  if (auto fine = check_schema(store, tables, turn_wait); !fine) return fine.error();
  auto begun = store.begin(turn_wait);
  if (!begun) return begun.error();
  auto& tx = **begun;
  const auto rows = tx.query<Row>(
      "select p.name as name, p.topic as topic, p.generation as serving, g.generation as "
      "generation, g.version as version, g.tables as tables, g.built_at as built_at from " +
      tables.name("projections") + " p join " + tables.name("projection_generations") +
      " g on g.name = p.name where g.generation >= p.generation order by p.name, "
      "g.generation");
  if (!rows) return rows.error();
  std::vector<ProjectionInfo> all;
  for (const auto& row : *rows) {
    auto positions = positions_of(tx, row, tables);
    if (!positions) return positions.error();
    if (row.generation == row.serving) {
      auto counted = tables_of(tx, row, tables);
      if (!counted) return counted.error();
      all.push_back({.name = row.name,
                     .topic = row.topic,
                     .generation = row.generation,
                     .version = row.version,
                     .tables = std::move(*counted),
                     .positions = std::move(*positions),
                     .rebuild = {}});
    } else if (!all.empty() && all.back().name == row.name) {  // the newest, should there be several
      all.back().rebuild = ProjectionRebuild{
          .generation = row.generation,
          .version = row.version,
          .positions = std::move(*positions),
          .built_at =
              row.built_at == 0 ? std::nullopt : std::optional(TimePoint(std::chrono::nanoseconds(row.built_at)))};
    }
  }
  return all;
}

}  // namespace tidings::aggregate
