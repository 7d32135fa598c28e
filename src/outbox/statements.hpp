#pragma once

#include <string>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::outbox {

/// Whether it is what `check_all` or `fly_all` fails with.
[[nodiscard]] bool is_not_all(const Error& error);

/// A relay's statements, in the words of its database.
struct Statements {
  Statements(SqlDialect dialect, const Tables& tables);

  // Leases. $1 is the relay's name.
  std::string beat;     ///< $2 ms, $3 its place, $4 its process
  std::string forget;   ///< relays that are gone
  std::string relays;   ///< how many there are
  std::string others;   ///< and their processes
  std::string bury;     ///< of one that is gone: its parts are nobody's
  std::string renew;    ///< $2 ms; gives the parts
  std::string release;  ///< $2 parts
  std::string leave;    ///< is no relay any more
  std::string free;     ///< $1 how many; parts that nobody holds
  std::string take;     ///< $2 ms, $3 parts; gives them
  std::string check;    ///< $2 parts; gives those it holds, which stay so until the end
  /// $2 parts, $3 their epochs, $4 how many: the same, and the transaction fails unless it holds all. Empty on SQLite.
  std::string check_all;

  // What is next.
  std::string fetch;      ///< $1 parts, $2 how many of each; on PostgreSQL $3 ids, beyond which it looks
  std::string last_id;    ///< that was given; empty on SQLite
  std::string writers;    ///< other transactions that may have got an id; likewise
  std::string of_outbox;  ///< $1 ids
  std::string of_held;    ///< $1 ids
  std::string due;        ///< $1 parts, $2 how many; keys
  std::string of_key;     ///< $1 part, $2 topic, $3 key, $4 lane, $5 how many; held events
  std::string fly;        ///< $1 relay, $2 [[part, epoch, next sequence, flight]…]; changes those it holds
  std::string fly_all;    ///< $3 how many: the same, and the transaction fails unless all are. Empty on SQLite.

  // What becomes of them. $1 ids.
  std::string archive_outbox, archive_held;
  std::string remove_outbox, remove_held;
  std::string hold;  ///< from the outbox to those that are held

  // Keys: $1 part, $2 topic, $3 key, $4 lane.
  std::string fail;   ///< $5 code, $6 error; gives the attempts
  std::string retry;  ///< $5 ms
  std::string park;
  std::string free_key;  ///< where nothing of it is held any more
  std::string go_on;     ///< what is held of it is due

  std::string clean;  ///< $1 ms, negative: sent before that, $2 how many
};

}  // namespace tidings::outbox
