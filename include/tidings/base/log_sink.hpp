#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "tidings/base/time.hpp"

namespace tidings {

enum class LogLevel { debug, info, warning, error };

/// What a line is about: `{"event_id", "0199…"}`. Names are words; values may be any bytes.
struct LogField {
  std::string_view name;
  std::string_view value;
};

/// A line with what it is about, where somebody knows: `handler`, `event_id`, `correlation_id`, `causation_id`,
/// `trace_id`, `span_id`. Borrowed for the call.
struct LogRecord {
  LogLevel level = LogLevel::info;
  std::string_view line;  ///< whole without the fields
  std::span<const LogField> fields;
};

/// Where Tidings says what it does. Implementations are thread-safe and do not throw. Payloads are never logged.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view line) = 0;
  /// For sinks that keep fields; others get the line.
  virtual void write_record(const LogRecord& record) { write(record.level, record.line); }
};

/// One line each to standard error: time, level, text, control characters escaped. Below `info` nothing, unless told
/// otherwise.
[[nodiscard]] LogSink& stderr_log(LogLevel least = LogLevel::info);

/// For sinks: writes `line` to `fd`, going on where a signal or a short write interrupts it. Lines of up to 4 KiB stay
/// whole where several threads and processes write to one pipe. Returns false where the rest of the line is lost:
/// nobody reads the pipe or the terminal for `wait_max`, or writing fails. Leaves errno as it is.
bool write_log_line(int fd, std::string_view line, Duration wait_max = std::chrono::milliseconds{200}) noexcept;

}  // namespace tidings
