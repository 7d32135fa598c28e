#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "tidings/base/clock.hpp"
#include "tidings/base/result.hpp"

namespace tidings::cli {

/// What was done from the dashboard, by whom, and what became of it: the last 500 actions in memory, all of them in a
/// file where there is one, a JSON object a line, each synced before `add` returns. An action has two lines of one
/// `id`, the first of which says `asked`, so that none is done that does not stand there; in memory the second takes
/// the place of the first. A file that is moved away, or removed, is made anew. Thread-safe.
class AuditLog {
 public:
  AuditLog() = default;
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Appends to `path` from now on; makes it, for its owner alone. Errors: `io_error`, `not_a_file` (never).
  Result<> open(const std::string& path);

  struct Entry {
    std::string id;         ///< of the action
    std::string actor;      ///< the address that asked, without its port
    std::string action;     ///< `dead-letters.redrive`
    std::string arguments;  ///< a JSON object
    std::string outcome;    ///< `asked`, `done`, `dry_run`, or an error's code
    std::string message;
  };
  /// Whether what is done now can be written down: writes what could not be before. Error `audit_failed` (same call).
  Result<> ready();
  /// Error `audit_failed`: it is in memory, and not in the file; `ready` tries again.
  Result<> add(const Entry& entry, TimePoint now);
  /// `{"entries":[…]}`, the newest first. Waits for no disk.
  [[nodiscard]] std::string json() const;

 private:
  static constexpr std::size_t kept = 500;
  Result<> open_file();
  Result<> stay_in_place();
  Result<> write();

  mutable std::mutex lines_mutex_;
  std::deque<std::pair<std::string, std::string>> lines_;  // by id, the newest first

  std::mutex file_mutex_;  // taken before the other
  std::string unwritten_;  // whole lines
  std::size_t written_ = 0;
  int file_ = -1;
  std::string path_;
};

}  // namespace tidings::cli
