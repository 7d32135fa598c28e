#include "brokers/kafka/wire.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <list>
#include <optional>
#include <vector>

#include "tidings/base/text.hpp"
#include "tidings/event/cloud_events.hpp"

namespace tidings::brokers::kafka {

namespace {

constexpr std::string_view attribute_prefix = "ce_";
constexpr std::string_view content_type = "content-type";
constexpr std::string_view structured = "application/cloudevents";
// Before the name of a header that would be taken for an attribute.
constexpr std::string_view escape = "tidings-header-";

struct Attribute {
  std::string_view name;
  std::string_view EnvelopeView::* member;
};
constexpr std::array attributes{Attribute{"ce_id", &EnvelopeView::id},
                                Attribute{"ce_type", &EnvelopeView::type},
                                Attribute{"ce_source", &EnvelopeView::source},
                                Attribute{"ce_subject", &EnvelopeView::subject},
                                Attribute{"ce_dataschema", &EnvelopeView::data_schema},
                                Attribute{"ce_correlationid", &EnvelopeView::correlation_id},
                                Attribute{"ce_causationid", &EnvelopeView::causation_id},
                                Attribute{"ce_traceparent", &EnvelopeView::trace_parent},
                                Attribute{content_type, &EnvelopeView::data_content_type}};

void add(const NativeHeaders& headers, std::string_view name, std::string_view value) {
  // An empty value is another than none: librdkafka takes a null pointer for none.
  rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.empty() ? "" : value.data(),
                      static_cast<ssize_t>(value.size()));
}

bool needs_escape(std::string_view name) {
  return name.starts_with(attribute_prefix) || name.starts_with(escape) || name == content_type;
}

struct Header {
  std::string_view name;
  std::string_view value;
};

void read_headers(const rd_kafka_message_t& message, std::vector<Header>& all) {
  all.clear();
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t index = 0;
       rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++index)
    all.push_back({name, {static_cast<const char*>(value), value != nullptr ? size : 0}});
}

/// What others wrote may be no header of ours: then as it can be shown.
void set_header(Headers& headers, std::string_view name, std::string_view value) {
  const auto is_fine = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos && is_utf8(text);
  };
  if (name.empty()) return;
  headers.set(is_fine(name) ? std::string(name) : printable(name),
              is_fine(value) ? std::string(value) : printable(value));
}

/// What a record is read into: views of its texts, and texts that had to be made.
struct Read {
  EnvelopeView event;
  Headers headers;
  std::list<std::string> made;  // none as a rule: no memory then

  std::string_view keep(std::string text) { return made.emplace_back(std::move(text)); }
};

/// A text of ours as others may write it: fit to be published again, as to the dead letters.
std::string_view text_of(std::string_view text, Read& read) {
  constexpr std::size_t text_bytes_max = 65'535;
  const bool is_plain =
      std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  if (is_plain && text.size() <= text_bytes_max && is_utf8(text)) return text;
  auto shown = printable(text);
  if (shown.size() > text_bytes_max) shown.resize(text_bytes_max);
  return is_utf8(shown) ? read.keep(std::move(shown)) : "?";
}

bool read_attribute(Read& read, const Header& header, std::string_view& spec_version) {
  auto& event = read.event;
  for (const auto& [name, member] : attributes)
    if (header.name == name) {
      event.*member = text_of(header.value, read);
      return true;
    }
  if (header.name == "ce_specversion") {
    spec_version = header.value;
    return true;
  }
  if (header.name == "ce_time") {
    if (auto time = parse_rfc3339(header.value)) event.time = *time;
    return true;
  }
  if (header.name == "ce_partitionkey") {
    if (event.key.empty()) event.key = text_of(header.value, read);
    return true;
  }
  if (header.name == "ce_tidingsversion") {
    std::uint32_t version = 0;
    const auto* const end = header.value.data() + header.value.size();
    if (const auto got = std::from_chars(header.value.data(), end, version);
        got.ec == std::errc{} && got.ptr == end && version > 0)
      event.version = version;
    return true;
  }
  return false;
}

/// All but its payload.
void read_binary(const rd_kafka_message_t& message, const std::vector<Header>& headers, Read& read) {
  auto& event = read.event;
  std::string_view spec_version;
  for (const auto& header : headers) {
    if (read_attribute(read, header, spec_version)) continue;
    auto name = header.name;
    if (name.starts_with(escape))
      name.remove_prefix(escape.size());
    else if (name.starts_with(attribute_prefix))
      name.remove_prefix(attribute_prefix.size());  // an extension of others
    set_header(read.headers, name, header.value);
  }
  if (spec_version.empty() || event.id.empty() || event.type.empty()) {
    event.id = read.keep(std::string(rd_kafka_topic_name(message.rkt)) + "-" + std::to_string(message.partition) + "-" +
                         std::to_string(message.offset));
    event.type = "kafka.Record";
  }
  if (event.source == "/") event.source = {};
}

/// The event's texts in one piece, and views of them.
void keep(Record& record, const EnvelopeView& view) {
  constexpr std::array texts{&EnvelopeView::id,           &EnvelopeView::type,         &EnvelopeView::source,
                             &EnvelopeView::subject,      &EnvelopeView::data_schema,  &EnvelopeView::correlation_id,
                             &EnvelopeView::causation_id, &EnvelopeView::trace_parent, &EnvelopeView::data_content_type,
                             &EnvelopeView::key,          &EnvelopeView::payload};
  std::size_t size = view.headers.encoded().size();
  for (const auto text : texts) size += (view.*text).size();
  record.texts.reserve(size);
  record.event = view;
  const auto copy = [&](std::string_view text) {
    const auto at = record.texts.size();
    record.texts += text;  // never beyond what was reserved, so nothing moves
    return std::string_view(record.texts).substr(at);
  };
  for (const auto text : texts) record.event.*text = copy(view.*text);
  record.event.headers = HeadersView(copy(view.headers.encoded()));
  record.bytes = size + sizeof(Record);
}

}  // namespace

NativeHeaders to_headers(const EnvelopeView& event) {
  NativeHeaders headers(rd_kafka_headers_new(16));
  add(headers, "ce_specversion", "1.0");
  for (const auto& [name, member] : attributes)
    if (const auto text = event.*member; !text.empty()) add(headers, name, text);
  if (event.source.empty()) add(headers, "ce_source", "/");  // CloudEvents wants one
  if (event.time != TimePoint{}) add(headers, "ce_time", to_rfc3339(event.time));
  if (event.version != 1) add(headers, "ce_tidingsversion", std::to_string(event.version));
  for (const auto& [name, value] : event.headers) {
    if (name == expiry_header)  // an attribute of CloudEvents, which others are to see
      add(headers, std::string(attribute_prefix) + std::string(name), value);
    else if (needs_escape(name))
      add(headers, std::string(escape) + std::string(name), value);
    else
      add(headers, name, value);
  }
  return headers;
}

SharedRecord read_record(const rd_kafka_message_t& message) {
  auto record = std::make_shared<Record>();
  record->offset = static_cast<std::uint64_t>(message.offset);
  rd_kafka_timestamp_type_t type{};
  if (const auto ms = rd_kafka_message_timestamp(&message, &type); type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms > 0)
    record->appended = TimePoint{std::chrono::milliseconds{ms}};
  const std::string_view payload{static_cast<const char*>(message.payload),
                                 message.payload != nullptr ? message.len : 0};
  thread_local std::vector<Header> headers;  // so that it is not made for each
  read_headers(message, headers);
  const auto has = [&](std::string_view name) {
    return std::ranges::find(headers, name, &Header::name) != headers.end();
  };
  const auto type_header = std::ranges::find(headers, content_type, &Header::name);
  Read read;
  std::optional<Envelope> from_json;
  if (!has("ce_specversion") && type_header != headers.end() && type_header->value.starts_with(structured))
    if (auto whole = from_cloud_event_json(payload)) from_json = std::move(*whole);
  if (from_json) {
    make_valid(*from_json);
    read.event = from_json->view();
  } else {
    read_binary(message, headers, read);
    read.event.headers = read.headers.view();
    read.event.payload = payload;
  }
  if (message.key != nullptr && message.key_len > 0) {
    const std::string_view key{static_cast<const char*>(message.key), message.key_len};
    read.event.key = is_utf8(key) && key.size() <= 65'535 ? key : text_of(key, read);
  }
  keep(*record, read.event);
  return record;
}

}  // namespace tidings::brokers::kafka
