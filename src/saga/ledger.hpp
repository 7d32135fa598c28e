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

/// What became of one instance in a transaction.
struct Changes {
  std::int64_t before = 0;                           ///< its revision then; 0: it was not there
  std::vector<std::pair<std::int64_t, Note>> notes;  ///< with the revision that each is of
  bool clears_all = false;
  std::vector<std::string> cleared;  ///< as of `Transition`; before `set`
  std::vector<Timer> set;
};

/// The tables of sagas: rows to instances and back. Thread-safe.
class Ledger {
 public:
  Ledger(SqlDialect dialect, Tables tables);

  [[nodiscard]] const Tables& tables() const { return tables_; }

  Result<std::optional<Instance>> load(Transaction& tx, std::string_view type, std::string_view id) const;
  /// A row, or why it cannot be read: `corrupt` (never).
  struct Loaded {
    std::string id;
    Result<Instance> instance;
  };
  /// Those of them that are there. Their rows stay as they are until the end of `tx`; they are locked in the order of
  /// `ids`.
  Result<std::vector<Loaded>> load(Transaction& tx, std::string_view type, const std::vector<std::string>& ids) const;
  Result<std::vector<Instance>> list(Transaction& tx, const ListFilter& filter) const;
  Result<std::vector<Note>> history(Transaction& tx, std::string_view type, std::string_view id) const;
  Result<std::vector<Waiting>> waits(Transaction& tx, std::string_view type, std::string_view id) const;

  struct Written {
    const Instance* instance = nullptr;  ///< as it is now; it was loaded in this transaction, or is new
    const Changes* changes = nullptr;
  };
  /// All of them, sorted by their ids. Error `conflict` (same call, in another transaction): one that is new is there.
  Result<> write(Transaction& tx, std::string_view type, std::span<const Written> all) const;

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
  /// The same; false: somebody else has had it meanwhile.
  Result<bool> claim(Transaction& tx, std::string_view type, const Due& timer) const;
  Result<> postpone(Transaction& tx, std::string_view type, const Due& timer, TimePoint due) const;
  Result<> ask(Transaction& tx, std::string_view type, std::string_view id, Steering steering) const;

 private:
  [[nodiscard]] std::string words(std::string_view statement) const;
  Result<> write_new(Transaction& tx, std::string_view type, std::span<const Written> all) const;
  Result<> write_known(Transaction& tx, const Instance& now, std::int64_t before) const;
  Result<> write_notes(Transaction& tx, std::string_view type, std::span<const Written> all) const;
  Result<> write_timers(Transaction& tx, const Instance& now, const Changes& changes) const;

  SqlDialect dialect_;
  Tables tables_;
  std::string load_, load_one_, load_many_, insert_, update_, note_, clear_all_, clear_, set_, due_, next_due_, remove_,
      postpone_, ask_, list_, history_, waits_;
};

}  // namespace tidings::saga
