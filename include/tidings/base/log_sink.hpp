#pragma once

#include <string_view>

namespace tidings {

enum class LogLevel { debug, info, warning, error };

/// Where Tidings says what it does. Implementations are thread-safe and do not throw. Payloads are never logged.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view line) = 0;
};

/// One line each to standard error: time, level, text, control characters escaped. Below `info` nothing, unless told
/// otherwise.
[[nodiscard]] LogSink& stderr_log(LogLevel least = LogLevel::info);

}  // namespace tidings
