#pragma once

#include <string>

#include "tidings/base/log_sink.hpp"

namespace tidings::service {

/// Log lines for machines, to standard error: `{"time":…,"level":…,"service":…,"text":…}`, one object a line,
/// with the record's fields behind.
class JsonLog final : public LogSink {
 public:
  JsonLog(std::string service, LogLevel least) : service_(std::move(service)), least_(least) {}
  void write(LogLevel level, std::string_view line) override {
    write_record({.level = level, .line = line, .fields = {}});
  }
  void write_record(const LogRecord& record) override;

 private:
  std::string service_;
  LogLevel least_;
};

/// The line that `JsonLog` writes.
[[nodiscard]] std::string json_log_line(std::string_view time, LogLevel level, std::string_view service,
                                        std::string_view text, std::span<const LogField> fields = {});

}  // namespace tidings::service
