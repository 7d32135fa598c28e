#include "tidings/event/cloud_events.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/detail/json_value.hpp"
#include "tidings/event/json.hpp"

namespace tidings {
namespace {

using detail::JsonValue;
using detail::read_json;

bool is_json_type(std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  return type.empty() || type == "application/json" || type == "text/json" || type.ends_with("+json");
}

/// CloudEvents on one line: line breaks between the tokens of a payload are blanks here.
std::string on_one_line(std::string_view json) {
  std::string out(json);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');  // inside texts they are escaped
  return out;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, text);
}

/// The attributes that are texts, by their CloudEvents name.
struct TextAttribute {
  std::string_view name;
  std::string Envelope::* member;
};
constexpr std::array text_attributes{TextAttribute{"id", &Envelope::id},
                                     TextAttribute{"type", &Envelope::type},
                                     TextAttribute{"source", &Envelope::source},
                                     TextAttribute{"subject", &Envelope::subject},
                                     TextAttribute{"datacontenttype", &Envelope::data_content_type},
                                     TextAttribute{"dataschema", &Envelope::data_schema},
                                     TextAttribute{"partitionkey", &Envelope::key},
                                     TextAttribute{"correlationid", &Envelope::correlation_id},
                                     TextAttribute{"causationid", &Envelope::causation_id},
                                     TextAttribute{"traceparent", &Envelope::trace_parent}};

struct Reading {
  Envelope envelope;
  std::vector<std::string> seen;
  std::string spec_version;
  std::optional<std::string> data;       // as it stands
  std::optional<std::string> data_text;  // where `data` is a text
  std::optional<std::string> data_base64;
  std::string headers;
};

bool read_headers(void* context, std::string_view name, JsonValue& value) {
  std::string text;
  if (!value.text(text)) return false;
  static_cast<Headers*>(context)->set(name, text);
  return true;
}

/// A value whole, as it stands; a text unescaped, since only JSON content keeps its quotes.
bool read_data(Reading& self, JsonValue& value) {
  const auto begin = value.raw();
  if (!begin.empty() && begin.front() == '"') return value.text(self.data_text.emplace());
  self.data.emplace();
  return value.copy(*self.data);
}

bool read_attribute(void* context, std::string_view name, JsonValue& value) {
  auto& self = *static_cast<Reading*>(context);
  const auto inside = [&](bool read) {
    if (!read) value.add_to_path("." + printable(name));
    return read;
  };
  if (std::find(self.seen.begin(), self.seen.end(), name) != self.seen.end())
    return inside(value.fail("duplicate_member", "the name stands twice in one object"));
  self.seen.emplace_back(name);
  for (const auto& attribute : text_attributes)
    if (attribute.name == name) return inside(value.null() || value.text(self.envelope.*attribute.member));
  if (name == "specversion") return inside(value.text(self.spec_version));
  if (name == "data") return inside(read_data(self, value));
  if (name == "data_base64") return inside(value.text(self.data_base64.emplace()));
  if (name == "tidingsheaders") return inside(value.text(self.headers));
  if (name == "tidingspartition" || name == "tidingsoffset") return inside(value.skip());
  if (name == "time") {
    std::string text;
    if (value.null()) return true;
    if (!value.text(text)) return inside(false);
    auto time = parse_rfc3339(text);
    if (!time) return inside(value.fail("invalid_cloud_event", printable(time.error().message)));
    self.envelope.time = *time;
    return true;
  }
  if (name == "tidingsversion") {
    std::uint64_t version = 0;
    if (!value.integer(version)) return inside(false);
    if (version == 0 || version > 0x7fffffff) return inside(value.fail("out_of_range", "a version is 1 to 2147483647"));
    self.envelope.version = static_cast<std::uint32_t>(version);
    return true;
  }
  // CloudEvents 1.0: lower-case letters and digits; values are texts, integers or booleans here.
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
      return inside(value.fail("invalid_cloud_event", "an attribute's name has lower-case letters and digits only"));
  if (value.null()) return true;
  const auto raw = std::string(value.raw());
  if (raw.starts_with('{') || raw.starts_with('['))
    return inside(value.fail("invalid_cloud_event", "an extension attribute is a text, an integer or a boolean"));
  std::string text = raw;
  if (!inside(raw.starts_with('"') ? value.text(text) : value.skip())) return false;
  self.envelope.headers.set(name, text);
  return true;
}

}  // namespace

std::string to_cloud_event_json(const EnvelopeView& envelope, std::optional<CloudEventPlace> place) {
  std::string out = R"({"specversion":"1.0","id":)";
  append_json_string(out, envelope.id);
  append_member(out, "source", envelope.source.empty() ? "/" : envelope.source);
  append_member(out, "type", envelope.type);
  append_member(out, "subject", envelope.subject);
  if (envelope.time != TimePoint{}) append_member(out, "time", to_rfc3339(envelope.time));
  append_member(out, "datacontenttype", envelope.data_content_type);
  append_member(out, "dataschema", envelope.data_schema);
  append_member(out, "partitionkey", envelope.key);
  append_member(out, "correlationid", envelope.correlation_id);
  append_member(out, "causationid", envelope.causation_id);
  append_member(out, "traceparent", envelope.trace_parent);
  if (envelope.version != 1) out += ",\"tidingsversion\":" + std::to_string(envelope.version);
  if (place) {
    out += ",\"tidingspartition\":" + std::to_string(place->partition.value);
    append_member(out, "tidingsoffset", std::to_string(place->offset.value));
  }
  if (!envelope.headers.empty()) {
    std::string headers = "{";
    for (const auto& [name, value] : envelope.headers) {
      if (headers.size() > 1) headers += ',';
      append_json_string(headers, name);
      headers += ':';
      append_json_string(headers, value);
    }
    append_member(out, "tidingsheaders", headers + "}");
  }
  if (!envelope.payload.empty()) {
    const auto json = is_json_type(envelope.data_content_type);
    if (json && check_json(envelope.payload)) {
      out += ",\"data\":" + on_one_line(envelope.payload);
    } else if (!json && envelope.data_content_type.starts_with("text/") && is_utf8(envelope.payload)) {
      out += ",\"data\":";
      append_json_string(out, envelope.payload);
    } else {
      append_member(out, "data_base64", to_base64(envelope.payload));
    }
  }
  out += '}';
  return out;
}

Result<Envelope> from_cloud_event_json(std::string_view json) {
  Reading reading;
  auto read = read_json(json, [](void* context, JsonValue& value) { return value.object(read_attribute, context); },
                        &reading, {.depth = -1});
  if (!read) return std::move(read.error());
  const auto refuse = [](std::string why) { return Error{"invalid_cloud_event", std::move(why)}; };
  if (reading.spec_version != "1.0")
    return refuse("$.specversion: expected \"1.0\", got '" + printable(reading.spec_version.substr(0, 20)) + "'");
  auto& envelope = reading.envelope;
  if (envelope.id.empty()) return refuse("$.id: an event needs an id");
  if (envelope.type.empty()) return refuse("$.type: an event needs a type");
  if (envelope.source.empty()) return refuse("$.source: an event needs a source");
  if (envelope.source == "/") envelope.source.clear();
  if (!reading.headers.empty()) {
    auto headers = read_json(
        reading.headers, [](void* context, JsonValue& value) { return value.object(read_headers, context); },
        &envelope.headers);
    if (!headers) return refuse("$.tidingsheaders: " + headers.error().message);
  }
  const bool has_data = reading.data || reading.data_text;
  if (has_data && reading.data_base64) return refuse("$: an event has data or data_base64, not both");
  if (reading.data_base64) {
    auto bytes = from_base64(*reading.data_base64);
    if (!bytes) return refuse("$.data_base64: " + bytes.error().message);
    envelope.payload = std::move(*bytes);
  } else if (reading.data) {
    envelope.payload = std::move(*reading.data);
  } else if (reading.data_text) {
    if (is_json_type(envelope.data_content_type))
      append_json_string(envelope.payload, *reading.data_text);
    else
      envelope.payload = std::move(*reading.data_text);
  }
  return envelope;
}

namespace {

constexpr std::size_t text_bytes_max = 65'535;

bool has_any(std::string_view text, std::string_view of) {
  return text.find_first_of(of) != std::string_view::npos;
}
bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}
constexpr std::string_view line_ends("\r\n\0", 3);

std::string shown(std::string_view text) {
  return std::string(cut_at_character(printable(text), text_bytes_max));
}

}  // namespace

void make_valid(Envelope& envelope) {
  if (validate(envelope.view(), std::numeric_limits<std::size_t>::max())) return;
  for (auto* const text :
       {&envelope.id, &envelope.type, &envelope.source, &envelope.subject, &envelope.data_content_type,
        &envelope.data_schema, &envelope.correlation_id, &envelope.causation_id, &envelope.trace_parent})
    if (has_control(*text) || !is_utf8(*text) || text->size() > text_bytes_max) *text = shown(*text);
  if (!is_utf8(envelope.key) || envelope.key.size() > text_bytes_max) envelope.key = shown(envelope.key);
  Headers headers;
  for (const auto& [name, value] : envelope.headers.view()) {
    if (name.empty()) continue;
    headers.set(has_control(name) || !is_utf8(name) ? shown(name) : std::string(name),
                has_any(value, line_ends) || !is_utf8(value) ? shown(value) : std::string(value));
  }
  envelope.headers = std::move(headers);
}

}  // namespace tidings
