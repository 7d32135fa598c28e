#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "tidings/base/clock.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/base/time.hpp"
#include "tidings/store/transaction.hpp"

namespace tidings {

/// What may be said in SQL differs a little; statements of ours that do have a form for each.
enum class SqlDialect { sqlite, postgres };

/// Hears what is told on a channel of a database, over a connection of its own. For one thread at a time.
class Listener {
 public:
  virtual ~Listener() = default;
  /// Until something has been told since the last time, or for so long. True: something has. Error `unavailable`
  /// (reopen: listen anew, and look at once, since what was told meanwhile was not heard).
  virtual Result<bool> wait(Duration wait_max) = 0;
};

/// A database that takes part in transactions. Thread-safe. Not to be used in a child of a fork.
class Store {
 public:
  /// As `close` with no time to wait: transactions that are open must have gone before.
  virtual ~Store() = default;

  [[nodiscard]] virtual SqlDialect dialect() const = 0;

  /// Waits up to `wait_max` for its turn: SQLite has one writer at a time, each in the order in which it came; of
  /// another there are as many as `StoreOptions::connections`. Errors: `busy` (same call: others are before it, in this
  /// process or another), `unavailable` (same call: the database is away; it is connected to again by the next call),
  /// `closed` (reopen), `permission_denied`, `corrupt`, `newer_version` (never).
  virtual Result<std::unique_ptr<OpenTransaction>> begin(Duration wait_max) = 0;

  /// What transactions of any process tell by `notify CHANNEL`, once they are committed. Errors: `unsupported` (never:
  /// SQLite has no such thing), `invalid_name` (never: `[a-z_][a-z0-9_]*` of 63 bytes at most), `unavailable` (same
  /// call).
  virtual Result<std::unique_ptr<Listener>> listen(std::string_view channel);

  /// No transaction begins any more; waits for those that are open. Error `timeout` (same call).
  virtual Result<> close(Duration wait_max) = 0;
};

struct StoreOptions {
  std::size_t connections = 4;     ///< at once; SQLite has one
  bool must_exist = false;         ///< a file is not made then, nor its mode changed
  Clock* clock = &system_clock();  ///< outlives the store
  LogSink* log = &stderr_log();    ///< likewise
};

/// A folder of `src/stores/` describes itself with this.
struct StoreFactory {
  std::string scheme;   ///< `sqlite`
  std::string example;  ///< `sqlite:./data.db`
  Result<std::unique_ptr<Store>> (*open)(std::string_view url, const StoreOptions& options) = nullptr;
};

}  // namespace tidings
