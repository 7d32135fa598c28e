#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "saga/machine.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/saga/schema.hpp"

namespace tidings::saga {

/// What a timer's row is of that a person asked for.
[[nodiscard]] std::optional<Steering> steering_of(std::string_view kind);
[[nodiscard]] std::optional<TimerKind> timer_kind_of(std::string_view kind);
[[nodiscard]] std::string_view name_of(Steering steering);

[[nodiscard]] inline std::int64_t to_ns(TimePoint time) {
  return time.time_since_epoch().count();
}
[[nodiscard]] inline TimePoint from_ns(std::int64_t ns) {
  return TimePoint{Duration{ns}};
}

/// The tables of sagas: rows to instances and back. Thread-safe.
class Ledger {
 public:
  Ledger(SqlDialect dialect, Tables tables);

  [[nodiscard]] const Tables& tables() const { return tables_; }

  /// The row stays as it is until the end of `tx`, where `locks`.
  Result<std::optional<Instance>> load(Transaction& tx, std::string_view type, std::string_view id, bool locks) const;
  Result<std::vector<Instance>> list(Transaction& tx, const ListFilter& filter) const;
  Result<std::vector<Note>> history(Transaction& tx, std::string_view type, std::string_view id) const;
  Result<std::vector<Waiting>> waits(Transaction& tx, std::string_view type, std::string_view id) const;

  /// All that a transition changes, but for what it sends. `before`: its revision before, 0: it begins. Error
  /// `conflict` (same call, in another transaction).
  Result<> write(Transaction& tx, const Transition& made, std::int64_t before) const;

  struct Due {
    std::string id;
    std::string step;
    std::string kind;
    std::int64_t token = 0;
    std::int64_t due_at = 0;
    std::int64_t attempts = 0;
  };
  /// Timers of instances whose definition is one of `versions`, which nobody else has in hand; their instances stay so.
  Result<std::vector<Due>> due(Transaction& tx, std::string_view type, std::span<const int> versions, TimePoint now,
                               std::size_t max) const;
  Result<std::optional<TimePoint>> next_due(Transaction& tx, std::string_view type,
                                            std::span<const int> versions) const;
  Result<> remove(Transaction& tx, std::string_view type, const Due& timer) const;
  Result<> postpone(Transaction& tx, std::string_view type, const Due& timer, TimePoint due) const;
  Result<> ask(Transaction& tx, std::string_view type, std::string_view id, Steering steering) const;

 private:
  [[nodiscard]] std::string words(std::string_view statement) const;
  Result<> write_instance(Transaction& tx, const Instance& instance, std::int64_t before) const;
  Result<> write_timers(Transaction& tx, const Transition& made) const;

  SqlDialect dialect_;
  Tables tables_;
  std::string load_, load_locked_, insert_, update_, note_, clear_all_, clear_, set_, due_, next_due_, remove_,
      postpone_, ask_, list_, history_, waits_;
};

}  // namespace tidings::saga
