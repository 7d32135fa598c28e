#include "ops/otlp.hpp"

#include "tidings/base/hex.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json.hpp"

namespace tidings::ops {

namespace {

void append_text(std::string& out, std::string_view text) {
  append_json_string(out, is_utf8(text) ? std::string(text) : printable(text));
}

void append_id(std::string& out, std::uint64_t id) {
  char digits[16];
  write_hex(digits, id);
  out.append(digits, sizeof digits);
}

/// 64-bit integers are texts in JSON of protobuf.
void append_attributes(std::string& out, const std::vector<Attribute>& attributes) {
  out += R"("attributes":[)";
  for (const auto& one : attributes) {
    if (out.back() != '[') out += ',';
    out += R"({"key":)";
    append_text(out, one.name);
    out += R"(,"value":{)";
    if (const auto* const text = std::get_if<std::string>(&one.value)) {
      out += R"("stringValue":)";
      append_text(out, *text);
    } else if (const auto* const whole = std::get_if<std::int64_t>(&one.value)) {
      out.append(R"("intValue":")").append(std::to_string(*whole)).append("\"");
    } else {
      out.append(R"("boolValue":)").append(std::get<bool>(one.value) ? "true" : "false");
    }
    out += "}}";
  }
  out += ']';
}

void append_place(std::string& out, const TraceParent& place) {
  out += R"("traceId":")";
  append_id(out, place.trace_high);
  append_id(out, place.trace_low);
  out += R"(","spanId":")";
  append_id(out, place.span);
  out += '"';
}

void append_span(std::string& out, const SpanData& span) {
  out += '{';
  append_place(out, span.self);
  if (span.parent != 0) {
    out += R"(,"parentSpanId":")";
    append_id(out, span.parent);
    out += '"';
  }
  out += R"(,"name":)";
  append_text(out, span.name);
  out.append(R"(,"kind":)").append(std::to_string(static_cast<int>(span.kind)));
  out.append(R"(,"startTimeUnixNano":")").append(std::to_string(span.start.time_since_epoch().count()));
  out.append(R"(","endTimeUnixNano":")").append(std::to_string(span.end.time_since_epoch().count())).append(R"(",)");
  append_attributes(out, span.attributes);
  if (!span.links.empty()) {
    out += R"(,"links":[)";
    for (const auto& link : span.links) {
      if (out.back() != '[') out += ',';
      out += '{';
      append_place(out, link);
      out += '}';
    }
    out += ']';
  }
  if (!span.error.empty()) {
    out += R"(,"status":{"code":2,"message":)";
    append_text(out, span.error);
    out += '}';
  }
  out += '}';
}

}  // namespace

std::string otlp_json(const std::vector<Attribute>& resource, const std::vector<SpanData>& spans) {
  std::string out = R"({"resourceSpans":[{"resource":{)";
  append_attributes(out, resource);
  out += R"(},"scopeSpans":[{"scope":{"name":"tidings"},"spans":[)";
  for (const auto& span : spans) {
    if (out.back() != '[') out += ',';
    append_span(out, span);
  }
  return out + "]}]}]}";
}

}  // namespace tidings::ops
