#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/aggregate/read_model.hpp"
#include "tidings/base/strong.hpp"
#include "tidings/event/envelope.hpp"
#include "tidings/store/store.hpp"

namespace tidings::aggregate::detail {

/// The name of a table in a generation.
[[nodiscard]] std::string generation_table(const ProjectionOptions& options, std::string_view name,
                                           std::int64_t generation);

/// A projection without its types: its generations of tables, and which of them serves. Thread-safe, once prepared.
class Projecting {
 public:
  /// `types`: of the events that it takes.
  Projecting(std::string name, std::string topic, std::vector<std::string> types, ProjectionOptions options);

  Result<> prepare(Store& store, Duration wait_max);
  /// What serves, for an event at that place; none: the event is in it already. It serves until the transaction ends.
  Result<std::optional<ReadModel>> serving(Transaction& tx, Partition partition, Offset offset);

  /// A generation as it stands in the tables.
  struct Generation {
    std::int64_t generation = 0;
    std::int64_t version = 0;
    std::string tables;  ///< their names, with commas between
  };
  /// The one that serves. Nobody else changes which it is until the transaction ends, where it is locked `alone`; else
  /// others may lock it too. `alone` is the first that a transaction does. Error `not_prepared`.
  Result<std::int64_t> lock(Transaction& tx, bool alone) const;
  Result<std::vector<Generation>> generations(Transaction& tx) const;
  /// Error `table_taken` (never): another projection has a table of one of the names.
  Result<> make(Transaction& tx, std::int64_t generation) const;
  Result<> drop(Transaction& tx, const Generation& generation) const;
  /// Readers see the tables of this one from the commit on.
  Result<> show(Transaction& tx, const Generation& before, std::int64_t generation) const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& topic() const { return topic_; }
  [[nodiscard]] bool takes(std::string_view type) const;
  [[nodiscard]] const ProjectionOptions& options() const { return options_; }

  std::string of_all, of_generations, of_positions;  ///< Tidings' own tables

 private:
  struct Known {
    std::int64_t version = 0;
    std::map<std::uint32_t, std::uint64_t> built_to;  // by partition; empty for one that was not rebuilt
  };
  [[nodiscard]] Result<> check() const;
  Result<> check_owner(Transaction& tx) const;
  [[nodiscard]] std::string table_names() const;
  Result<> show_table(Transaction& tx, const ProjectionTable& table, std::int64_t before,
                      std::int64_t generation) const;
  Result<std::shared_ptr<const Known>> known(Transaction& tx, std::int64_t generation);

  const std::string name_;
  const std::string topic_;
  const std::vector<std::string> types_;
  const ProjectionOptions options_;
  std::atomic<int> dialect_ = -1;  // of the store that it was prepared with
  std::mutex mutex_;
  std::int64_t known_generation_ = -1;
  std::shared_ptr<const Known> known_;
};

using ApplyEvent = std::function<Result<>(const EnvelopeView& event, ReadModel& model)>;

/// A projection of whatever events.
struct AnyProjection {
  std::shared_ptr<Projecting> core;
  ApplyEvent apply;
};

}  // namespace tidings::aggregate::detail
