#include "tidings/ops/trace.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "ops/otlp.hpp"

namespace tidings::ops {
namespace {

using namespace std::chrono_literals;
using Variables = std::vector<std::pair<std::string, std::string>>;

std::string wrong(const Variables& more) {
  Variables variables{{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"}};
  variables.insert(variables.end(), more.begin(), more.end());
  const auto options = trace_options(variables, "shop");
  return options ? "no error" : options.error().message;
}

TEST(TraceOptionsTest, are_off_without_an_endpoint_or_where_they_are_switched_off) {
  const std::pair<std::string, std::string> endpoint{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"};
  EXPECT_EQ(trace_options({}, "shop").or_throw().endpoint, "");
  EXPECT_EQ(trace_options({{"OTEL_EXPORTER_OTLP_ENDPOINT", ""}}, "shop").or_throw().endpoint, "");
  EXPECT_EQ(trace_options({endpoint, {"OTEL_SDK_DISABLED", "true"}}, "shop").or_throw().endpoint, "");
  for (const auto* const spelt : {"True", "TRUE"})
    EXPECT_EQ(trace_options({endpoint, {"OTEL_SDK_DISABLED", spelt}}, "shop").or_throw().endpoint, "");
  EXPECT_EQ(trace_options({endpoint, {"OTEL_TRACES_EXPORTER", "none"}}, "shop").or_throw().endpoint, "");
  EXPECT_EQ(trace_options({endpoint}, "shop").or_throw().endpoint, "http://collector:4318/v1/traces");
  EXPECT_EQ(
      trace_options({endpoint, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://other/x"}}, "shop").or_throw().endpoint,
      "http://other/x");
}

TEST(TraceOptionsTest, are_those_of_the_standard_variables) {
  const auto options = trace_options({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/"},
                                      {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%2Cb, x = y"},
                                      {"OTEL_EXPORTER_OTLP_TIMEOUT", "1500"},
                                      {"OTEL_BSP_SCHEDULE_DELAY", "250"},
                                      {"OTEL_BSP_MAX_QUEUE_SIZE", "100"},
                                      {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000"},
                                      {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment=test"},
                                      {"OTEL_TRACES_SAMPLER", "traceidratio"},
                                      {"OTEL_TRACES_SAMPLER_ARG", "0.25"}},
                                     "shop")
                           .or_throw();
  EXPECT_EQ(options.headers, (Variables{{"api-key", "a,b"}, {"x", "y"}}));
  EXPECT_EQ(options.timeout, 1500ms);
  EXPECT_EQ(options.delay_max, 250ms);
  EXPECT_EQ(options.queue_max, 100U);
  EXPECT_EQ(options.batch_max, 100U) << "no more than the queue has";
  EXPECT_FALSE(options.sampler.follows_parent);
  EXPECT_EQ(options.sampler.share, 0.25);
  EXPECT_EQ(std::get<std::string>(options.resource.at(0).value), "test");
  EXPECT_EQ(std::get<std::string>(options.resource.at(1).value), "other");
}

TEST(TraceOptionsTest, say_what_is_wrong) {
  EXPECT_TRUE(wrong({{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}).contains("http/json is spoken here"));
  EXPECT_TRUE(wrong({{"OTEL_TRACES_EXPORTER", "zipkin"}}).contains("not 'zipkin'"));
  EXPECT_TRUE(wrong({{"OTEL_TRACES_SAMPLER", "sometimes"}}).contains("not 'sometimes'"));
  EXPECT_TRUE(
      wrong({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "2"}}).contains("from 0 to 1"));
  EXPECT_TRUE(
      wrong({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "nan"}}).contains("from 0 to 1"));
  EXPECT_TRUE(wrong({{"OTEL_BSP_MAX_QUEUE_SIZE", "many"}}).contains("OTEL_BSP_MAX_QUEUE_SIZE must be a whole number"));
  EXPECT_TRUE(wrong({{"OTEL_EXPORTER_OTLP_HEADERS", "a=b%0D%0Ac: d"}}).contains("NAME=VALUE"));
  for (const auto* const name : {"Host", "content-length", "Transfer-Encoding", "a b", "a:b"})
    EXPECT_TRUE(wrong({{"OTEL_EXPORTER_OTLP_HEADERS", std::string(name) + "=c"}}).contains("is no header")) << name;
  const auto none = trace_options({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://"}}, "shop");
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message.contains("'http://' is no http://HOST:PORT"));
  EXPECT_TRUE(wrong({{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"}}).contains("is no http://"));
}

TEST(TracerOptionsTest, that_are_wrong_are_refused_by_their_name) {
  auto& log = stderr_log();
  const auto refused = [&](auto change) {
    TraceOptions options{.endpoint = "http://127.0.0.1:1/v1/traces"};
    change(options);
    const auto made = Tracer::make(std::move(options), log);
    EXPECT_TRUE(made || made.error().code == "invalid_options");
    return made ? "nothing" : made.error().message.substr(0, made.error().message.find(": "));
  };
  EXPECT_EQ(refused([](auto&) {}), "nothing");
  EXPECT_EQ(refused([](auto& of) { of.endpoint = "collector:4318"; }), "TraceOptions::endpoint");
  EXPECT_EQ(refused([](auto& of) { of.endpoint = "http://a/\r\nb"; }), "TraceOptions::endpoint");
  EXPECT_EQ(refused([](auto& of) { of.batch_max = 0; }), "TraceOptions::batch_max");
  EXPECT_EQ(refused([](auto& of) { of.queue_max = 0; }), "TraceOptions::queue_max");
  for (const auto time : {Duration(0s), Duration(-1s), Duration::max()}) {
    EXPECT_EQ(refused([&](auto& of) { of.timeout = time; }), "TraceOptions::timeout");
    EXPECT_EQ(refused([&](auto& of) { of.delay_max = time; }), "TraceOptions::delay_max");
  }
  for (const auto share : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(refused([&](auto& of) { of.sampler.share = share; }), "TraceOptions::sampler");
  EXPECT_EQ(refused([](auto& of) { of.headers = {{"a", "b\r\nc: d"}}; }), "TraceOptions::headers");
  EXPECT_EQ(refused([](auto& of) { of.headers = {{"Content-Length", "5"}}; }), "TraceOptions::headers");
  EXPECT_FALSE(Tracer::make({}, log).or_throw()->is_on());
}

TEST(OtlpTest, is_json_with_ids_in_hex_and_hostile_texts_escaped) {
  SpanData span{.self = {.trace_high = 1, .trace_low = 0xabc, .span = 0x10, .flags = 1},
                .parent = 0x20,
                .name = "process \"x\"\n",
                .kind = SpanKind::consumer,
                .start = TimePoint{5ns},
                .end = TimePoint{7ns},
                .attributes = {{"a", std::string("\xff")}, {"n", std::int64_t{3}}, {"b", true}},
                .links = {{.trace_high = 2, .trace_low = 3, .span = 4}},
                .error = "busy"};
  EXPECT_EQ(
      otlp_json({{"service.name", std::string("shop")}}, {span}),
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},)"
      R"("scopeSpans":[{"scope":{"name":"tidings"},"spans":[{"traceId":"00000000000000010000000000000abc",)"
      R"("spanId":"0000000000000010","parentSpanId":"0000000000000020","name":"process \"x\"\n","kind":5,)"
      R"("startTimeUnixNano":"5","endTimeUnixNano":"7","attributes":[{"key":"a","value":{"stringValue":"\\xFF"}},)"
      R"({"key":"n","value":{"intValue":"3"}},{"key":"b","value":{"boolValue":true}}],)"
      R"("links":[{"traceId":"00000000000000020000000000000003","spanId":"0000000000000004"}],)"
      R"("status":{"code":2,"message":"busy"}}]}]}]})");
}

TEST(TracerTest, that_is_off_takes_nothing_and_scopes_end) {
  const Tracer off;
  EXPECT_FALSE(off.begin().is_valid());
  {
    const InSpan in({.trace_high = 1, .trace_low = 1, .span = 1});
    const Span span(off, "x");
    EXPECT_EQ(Tracer::current().span, 1U) << "off, it changes nothing";
  }
  EXPECT_FALSE(Tracer::current().is_valid());
}

}  // namespace
}  // namespace tidings::ops
