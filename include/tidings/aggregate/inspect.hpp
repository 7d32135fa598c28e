#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidings/base/strong.hpp"
#include "tidings/base/time.hpp"
#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

/// What projections there are and how they stand, for who has a store and no programs of theirs: tools, dashboards.
namespace tidings::aggregate {

struct ProjectionTableInfo {
  std::string name;  ///< as readers say it
  std::uint64_t rows = 0;
};
/// How far a generation was built from its topic; what comes after it, handlers have added.
struct ProjectionPosition {
  Partition partition;
  Offset next;  ///< everything before it is in it
};
/// A generation that does not serve yet: a rebuild is under way, or was broken off, and goes on when it is called
/// again.
struct ProjectionRebuild {
  std::int64_t generation = 0;
  std::int64_t version = 0;  ///< `ProjectionOptions::version` of the program that builds it
  std::vector<ProjectionPosition> positions;
  std::optional<TimePoint> built_at;  ///< when a batch was built last, by the clock of who did it; none: none was
};
struct ProjectionInfo {
  std::string name;
  std::string topic;            ///< without the namespace; empty where it was made before topics were written down
  std::int64_t generation = 0;  ///< which serves
  std::int64_t version = 0;     ///< `ProjectionOptions::version` of the program that made it
  std::vector<ProjectionTableInfo> tables;
  std::vector<ProjectionPosition> positions;  ///< none: it was never rebuilt
  std::optional<ProjectionRebuild> rebuild;
};

/// By name. Rows are counted, each one. Errors: `no_aggregates`, `older_version`, `newer_version`, as `check_schema`,
/// those of `Store::begin` and of statements.
Result<std::vector<ProjectionInfo>> list_projections(Store& store,
                                                     const outbox::Tables& tables = outbox::default_tables());

}  // namespace tidings::aggregate
