#pragma once

#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <utility>

#include "tidings/base/log_sink.hpp"
#include "tidings/base/text.hpp"

namespace tidings::ops {

/// Tidings' lines in a logger of spdlog's, with their fields behind: `… handler=pay event_id=0199…`. Header-only; the
/// program links spdlog. Lines are escaped as everywhere. Thread-safe, with a logger for several threads (`_mt`). A
/// line that the logger cannot write, as on a full disk, is lost; spdlog's error handler hears of it.
class SpdlogSink final : public LogSink {
 public:
  /// Not null.
  explicit SpdlogSink(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}

  void write(LogLevel level, std::string_view line) override {
    try {
      if (!logger_->should_log(level_of(level))) return;
      const auto text = printable(line);
      logger_->log(level_of(level), spdlog::string_view_t(text.data(), text.size()));
    } catch (...) {  // a log line is not worth a crash
    }
  }
  void write_record(const LogRecord& record) override {
    try {
      if (!logger_->should_log(level_of(record.level))) return;
      std::string text(record.line);
      for (const auto& [name, value] : record.fields)
        if (!value.empty()) text.append(" ").append(name).append("=").append(value);
      write(record.level, text);
    } catch (...) {
    }
  }

 private:
  static spdlog::level::level_enum level_of(LogLevel level) {
    switch (level) {
      case LogLevel::debug:
        return spdlog::level::debug;
      case LogLevel::info:
        return spdlog::level::info;
      case LogLevel::warning:
        return spdlog::level::warn;
      case LogLevel::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
  }

  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace tidings::ops
