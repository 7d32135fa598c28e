#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "tidings/base/clock.hpp"
#include "tidings/base/result.hpp"

namespace tidings::cli {

/// What was done from the dashboard, by whom, and what became of it: the last 500 in memory, all of it in a file where
/// there is one, a JSON object a line, synced before the action is answered. Thread-safe.
class AuditLog {
 public:
  AuditLog() = default;
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Appends to `path` from now on; makes it, for its owner alone. Error `io_error`.
  Result<> open(const std::string& path);

  struct Entry {
    std::string actor;      ///< address, or whose token
    std::string action;     ///< `dead-letters.redrive`
    std::string arguments;  ///< a JSON object
    std::string outcome;    ///< `done`, `dry_run`, or an error's code
    std::string message;
  };
  /// Whether what is done now can be written down: writes what could not be before. Error `audit_failed` (same call).
  Result<> ready();
  /// Error `audit_failed`: it is in memory, and not in the file; `ready` tries again.
  Result<> add(const Entry& entry, TimePoint now);
  /// `{"entries":[…]}`, the newest first.
  [[nodiscard]] std::string json() const;

 private:
  static constexpr std::size_t kept = 500;
  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
  Result<> write();
  std::string unwritten_;
  int file_ = -1;
  std::string path_;
};

}  // namespace tidings::cli
