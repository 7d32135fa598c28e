// Log records: what a line is about, in JSON and in spdlog.
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "service/json_log.hpp"
#include "service/testing.hpp"
#include "tidings/ops/spdlog_sink.hpp"

namespace tidings::service {
namespace {

/// Records, with their fields.
class Records final : public LogSink {
 public:
  void write(LogLevel, std::string_view) override {}
  void write_record(const LogRecord& record) override {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, value] : record.fields)
      if (record.line.contains(part)) fields_[std::string(name)] = value;
  }
  std::map<std::string, std::string> fields() {
    const std::scoped_lock lock(mutex_);
    return fields_;
  }
  std::string part;

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> fields_;
};

class LogsTest : public ServiceTest {};

TEST_F(LogsTest, a_line_about_an_event_says_which_and_of_which_trace) {
  Records records;
  records.part = "parked event";
  service_ =
      std::make_unique<Service>(Service::create({.name = "test", .broker = broker_.get(), .log = &records}).or_throw());
  service_->on("pay", {}, [](const Order&) -> Result<> { return Error{"bad", "no"}; });
  const auto running = start();
  const auto cause = make_envelope(Order{"a", 0}, {.source = "elsewhere"}).or_throw();
  const auto view = cause.view();
  const auto envelope = make_envelope(Order{"a", 1}, {.source = "elsewhere", .cause = &view}).or_throw();
  publish_raw("orders", envelope);
  ASSERT_TRUE(eventually([&] { return !records.fields().empty(); }));
  const auto fields = records.fields();
  EXPECT_EQ(fields.at("handler"), "pay");
  EXPECT_EQ(fields.at("event_id"), envelope.id);
  EXPECT_EQ(fields.at("event_type"), "test.order");
  EXPECT_EQ(fields.at("correlation_id"), cause.id);
  EXPECT_EQ(fields.at("causation_id"), cause.id);
  EXPECT_EQ(fields.at("trace_id"), envelope.trace_parent.substr(3, 32));
  EXPECT_EQ(fields.at("span_id"), envelope.trace_parent.substr(36, 16));
}

TEST(JsonLogTest, has_the_fields_escaped_and_leaves_out_those_that_are_empty) {
  const LogField fields[] = {{"handler", "pay\n\x1b[31m"}, {"event_id", ""}, {"trace_id", "\xff"}};
  EXPECT_EQ(json_log_line("T", LogLevel::warning, "shop", "a \"line\"", fields),
            R"({"time":"T","level":"warning","service":"shop","text":"a \"line\"","handler":"pay\n\u001b[31m",)"
            R"("trace_id":"\\xFF"})"
            "\n");
}

TEST(JsonLogTest, shows_no_character_that_turns_text_around_or_ends_a_line) {
  const LogField fields[] = {{"event_type", "\u202Eredro"}, {"handler\u2066", "\u2028"}, {"event_id", "\x7f ä😀"}};
  EXPECT_EQ(json_log_line("T", LogLevel::warning, "shop", "\u202Eeno", fields),
            R"({"time":"T","level":"warning","service":"shop","text":"\u202Eeno","event_type":"\u202Eredro",)"
            R"("handler\u2066":"\u2028","event_id":"\u007F ä😀"})"
            "\n");
}

TEST(SpdlogSinkTest, writes_lines_with_their_fields_and_escapes_them) {
  std::ostringstream out;
  auto logger = std::make_shared<spdlog::logger>("x", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  logger->set_pattern("%l %v");
  ops::SpdlogSink sink(logger);
  const LogField fields[] = {{"handler", "pay"}, {"event_id", "1\n2"}, {"causation_id", ""}};
  sink.write_record({.level = LogLevel::warning, .line = "shop: parked {} %s", .fields = fields});
  sink.write(LogLevel::debug, "not at this level");
  sink.write(LogLevel::error, "broken\x1b[0m");
  EXPECT_EQ(out.str(), "warning shop: parked {} %s handler=pay event_id=1\\x0A2\nerror broken\\x1B[0m\n");
}

}  // namespace
}  // namespace tidings::service
