#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "outbox/statements.hpp"
#include "tidings/base/time.hpp"

namespace tidings::outbox {

/// Up to which id all that was ever begun in the outbox is committed or gone: nothing can come below it any more, so
/// that a relay need not pass over what it has removed there. On PostgreSQL removed rows stand in the index until a
/// vacuum, and each look would pass over all of them.
///
/// Who inserts has the table's lock before it gets an id, and until its transaction is over. So the ids given when it
/// was looked are settled once all that had the lock just after have gone. One transaction that stays open holds up
/// this number, and nothing else. For one thread.
class SettledIds {
 public:
  explicit SettledIds(const Statements& statements) : statements_(statements) {}

  /// What is settled in the eyes of every transaction that begins from now on; 0 on SQLite, which needs none of it.
  [[nodiscard]] std::int64_t up_to() const { return up_to_; }
  /// Looks, now and then. Errors: those of statements.
  Result<> look(Transaction& tx, SteadyTime now);

 private:
  const Statements& statements_;
  std::int64_t up_to_ = 0;
  std::int64_t next_ = 0;          // settled once those below have gone
  std::vector<std::string> open_;  // transactions
  bool has_looked_ = false;
  SteadyTime next_look_{};
};

}  // namespace tidings::outbox
