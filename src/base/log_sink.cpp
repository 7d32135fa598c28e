#include "tidings/base/log_sink.hpp"

#include <unistd.h>

#include <atomic>
#include <string>

#include "tidings/base/clock.hpp"
#include "tidings/base/text.hpp"

namespace tidings {
namespace {

class StderrLog final : public LogSink {
 public:
  explicit StderrLog(LogLevel least) : least_(least) {}

  void write(LogLevel level, std::string_view line) override {
    if (level < least_) return;
    static constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
    try {
      const auto now = std::chrono::floor<std::chrono::milliseconds>(system_clock().now());
      auto text = to_rfc3339(now) + " " + std::string(names[static_cast<int>(level)]) + " " + printable(line) + "\n";
      write_log_line(STDERR_FILENO, text);
    } catch (...) {  // a log line is not worth a crash
    }
  }

 private:
  LogLevel least_;
};

}  // namespace

LogSink& stderr_log(LogLevel least) {
  static StderrLog sinks[] = {StderrLog(LogLevel::debug), StderrLog(LogLevel::info), StderrLog(LogLevel::warning),
                              StderrLog(LogLevel::error)};
  return sinks[static_cast<int>(least)];
}

}  // namespace tidings
