#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/saga/schema.hpp"

namespace tidings::saga {

/// For who carries out commands of sagas: a compensation may overtake the command that it undoes, which must then do
/// nothing when it comes. Both are asked about in the transaction of what they do, which also has the inbox's mark. The
/// ids are those of the commands' envelopes. Thread-safe. Errors of `admit` and `undo`: those of statements.
class Tombstones {
 public:
  /// The tables are there (`apply_schema`).
  explicit Tombstones(const Store& store, const Tables& tables = default_tables(), Clock& clock = system_clock());

  /// True: it is to be done. False: its compensation came before it, or it was admitted before.
  Result<bool> admit(Transaction& tx, std::string_view command_id);
  /// True: what it undoes was admitted and is to be undone. False: that has not come, and is refused when it does; or
  /// it was undone before.
  Result<bool> undo(Transaction& tx, std::string_view command_id);

  /// Whether their table is there, as where a participant keeps some or a saga runs. Errors: those of `Store::begin`
  /// and of statements.
  Result<bool> are_there(Store& store) const;
  /// Forgets what is older, at most so many; how many there were. What comes after that is taken for the first: keep
  /// what is younger than the longest saga. Errors: those of `Store::begin` and of statements.
  Result<std::uint64_t> clean_up(Store& store, Duration older_than, std::size_t most = 1'000);

 private:
  /// False: it is there.
  Result<bool> insert(Transaction& tx, std::string_view command, int round, bool is_admitted) const;
  static Result<bool> any(Transaction& tx, const std::string& query, std::string_view command);

  SqlDialect dialect_;
  Clock* clock_;
  std::string table_, insert_, undone_, admitted_, remove_;
};

}  // namespace tidings::saga
