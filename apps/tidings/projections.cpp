#include "commands.hpp"
#include "json_line.hpp"
#include "named_store.hpp"
#include "output.hpp"
#include "tidings/aggregate/inspect.hpp"
#include "tidings/base/text.hpp"

// `tidings projections`: what read models there are in a store.
namespace tidings::cli {
namespace {

using aggregate::ProjectionInfo;
using aggregate::ProjectionPosition;

std::string json_of(const std::vector<ProjectionPosition>& positions) {
  std::vector<std::string> all;
  for (const auto& one : positions)
    all.push_back(
        JsonLine().add("partition", static_cast<std::uint64_t>(one.partition.value)).add("next", one.next.value).str());
  return json_array(all);
}

std::string json_of(const ProjectionInfo& one) {
  std::vector<std::string> tables;
  for (const auto& table : one.tables)
    tables.push_back(JsonLine().add("table", table.name).add("rows", table.rows).str());
  JsonLine line;
  line.add("projection", one.name)
      .add("topic", one.topic)
      .add("version", static_cast<std::uint64_t>(one.version))
      .add("generation", static_cast<std::uint64_t>(one.generation))
      .raw("tables", json_array(tables))
      .raw("built_to", json_of(one.positions));
  if (one.rebuild) {
    JsonLine rebuild;
    rebuild.add("version", static_cast<std::uint64_t>(one.rebuild->version))
        .add("generation", static_cast<std::uint64_t>(one.rebuild->generation))
        .raw("built_to", json_of(one.rebuild->positions));
    if (one.rebuild->built_at) rebuild.add("built_at", to_rfc3339(*one.rebuild->built_at));
    line.raw("rebuild", rebuild.str());
  }
  return line.str();
}

/// So many offsets were read, of all partitions.
std::uint64_t read_of(const std::vector<ProjectionPosition>& positions) {
  std::uint64_t sum = 0;
  for (const auto& one : positions) sum += one.next.value;
  return sum;
}

std::string rebuild_of(const ProjectionInfo& one) {
  if (!one.rebuild) return "";
  return "generation " + std::to_string(one.rebuild->generation) + ", version " + std::to_string(one.rebuild->version) +
         ", read to " + std::to_string(read_of(one.rebuild->positions)) +
         (one.rebuild->built_at ? ", at " + to_rfc3339(*one.rebuild->built_at) : ", has not begun");
}

}  // namespace

int list_projections(const Common& common, const ProjectionArguments& arguments) {
  auto tables = outbox::Tables::named(arguments.schema, arguments.prefix);
  if (!tables) return fail(tables.error());
  auto store = open_named_store(arguments.store);
  if (!store) return fail(store.error());
  const auto all = aggregate::list_projections(**store, *tables);
  if (!all && all.error().code == "no_aggregates")
    return fail(Error{"no_projections", "the database has no table " + tables->name("aggregate_schema") +
                                            "; a service that keeps projections makes it"});
  if (!all) return fail(all.error());
  std::string lines;
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : *all) {
    lines += harmless_json(json_of(one)) + "\n";
    for (const auto& table : one.tables)
      rows.push_back({printable(one.name), printable(one.topic), std::to_string(one.version),
                      std::to_string(one.generation), printable(table.name), std::to_string(table.rows),
                      printable(rebuild_of(one))});
  }
  if (common.json) return print(lines);
  return print(rows.empty()
                   ? "no projections\n"
                   : table({"projection", "topic", ">version", ">generation", "table", ">rows", "rebuild"}, rows));
}

}  // namespace tidings::cli
