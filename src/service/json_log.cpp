#include "service/json_log.hpp"

#include <unistd.h>

#include "tidings/base/clock.hpp"
#include "tidings/base/harmless_json.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json.hpp"

namespace tidings::service {

std::string json_log_line(std::string_view time, LogLevel level, std::string_view service, std::string_view text,
                          std::span<const LogField> fields) {
  static constexpr std::string_view levels[] = {"debug", "info", "warning", "error"};
  std::string line = R"({"time":)";
  append_json_string(line, time);
  line += R"(,"level":)";
  append_json_string(line, levels[static_cast<int>(level)]);
  line += R"(,"service":)";
  append_json_string(line, service);
  line += R"(,"text":)";
  const auto append = [&](std::string_view any) {
    append_json_string(line, is_utf8(any) ? std::string(any) : printable(any));
  };
  append(text);
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    line += ',';
    append(name);
    line += ':';
    append(value);
  }
  return harmless_json(line + "}") + "\n";
}

void JsonLog::write_record(const LogRecord& record) {
  if (record.level < least_) return;
  try {
    const auto now = std::chrono::floor<std::chrono::milliseconds>(system_clock().now());
    auto line = record.line;
    if (line.starts_with(service_ + ": ")) line.remove_prefix(service_.size() + 2);
    const auto text = json_log_line(to_rfc3339(now), record.level, service_, line, record.fields);
    write_log_line(STDERR_FILENO, text);
  } catch (...) {  // a log line is not worth a crash
  }
}

}  // namespace tidings::service
