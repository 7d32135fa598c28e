#include "brokers/nats/event_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "tidings/base/percent.hpp"
#include "tidings/event/cloud_events.hpp"

namespace tidings::brokers::nats {

namespace {

struct TextAttribute {
  const char* header;
  std::string_view EnvelopeView::* view;
  std::string Envelope::* own;
};
constexpr std::array attributes{
    TextAttribute{"ce-id", &EnvelopeView::id, &Envelope::id},
    TextAttribute{"ce-type", &EnvelopeView::type, &Envelope::type},
    TextAttribute{"ce-source", &EnvelopeView::source, &Envelope::source},
    TextAttribute{"ce-subject", &EnvelopeView::subject, &Envelope::subject},
    TextAttribute{"ce-dataschema", &EnvelopeView::data_schema, &Envelope::data_schema},
    TextAttribute{"ce-partitionkey", &EnvelopeView::key, &Envelope::key},
    TextAttribute{"ce-correlationid", &EnvelopeView::correlation_id, &Envelope::correlation_id},
    TextAttribute{"ce-causationid", &EnvelopeView::causation_id, &Envelope::causation_id},
    TextAttribute{"ce-traceparent", &EnvelopeView::trace_parent, &Envelope::trace_parent}};
constexpr std::string_view structured = "application/cloudevents+json";
constexpr const char* expectation = "Nats-Expected-Last-Msg-Id";

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view content_type_of(natsMsg& message) {
  const auto type = header_of(message, "content-type");
  return type.empty() ? header_of(message, "Content-Type") : type;
}

void read_own_headers(std::string_view text, Headers& into) {
  while (!text.empty()) {
    const auto one = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const auto equals = one.find('=');
    if (equals != one.npos && equals > 0)
      into.set(percent_decoded(one.substr(0, equals)), percent_decoded(one.substr(equals + 1)));
  }
}

/// Extension attributes that are not ours become headers of that name, as in structured mode.
void read_extensions(natsMsg& message, Headers& into) {
  const char** names = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(&message, &names, &count) != NATS_OK) return;
  std::vector<std::string> others;
  constexpr std::array<std::string_view, 3> known{"ce-specversion", "ce-time", "ce-tidingsversion"};
  for (int index = 0; index < count; ++index) {
    const std::string_view name(names[index]);
    if (!name.starts_with("ce-") || std::ranges::find(known, name) != known.end() ||
        std::ranges::any_of(attributes, [&](const TextAttribute& one) { return name == one.header; }))
      continue;
    others.emplace_back(name);
  }
  std::free(static_cast<void*>(names));
  std::ranges::sort(others);  // libnats keeps no order
  for (const auto& name : others) into.set(name.substr(3), percent_decoded(header_of(message, name.c_str())));
}

bool read_binary(natsMsg& message, Envelope& envelope) {
  if (header_of(message, "ce-id").empty() || header_of(message, "ce-type").empty()) return false;
  for (const auto& attribute : attributes)
    if (const auto value = header_of(message, attribute.header); !value.empty())
      envelope.*attribute.own = percent_decoded(value);
  if (envelope.source == "/") envelope.source.clear();
  envelope.data_content_type = percent_decoded(content_type_of(message));
  if (const auto time = parse_rfc3339(header_of(message, "ce-time"))) envelope.time = *time;
  envelope.version = number<std::uint32_t>(header_of(message, "ce-tidingsversion")).value_or(1);
  read_own_headers(header_of(message, "tidings-headers"), envelope.headers);
  read_extensions(message, envelope.headers);
  return true;
}

}  // namespace

HeaderList event_headers(const EnvelopeView& event, std::string_view apart) {
  HeaderList headers;
  headers.reserve(8);
  // An id is unique within its source.
  headers.emplace_back("Nats-Msg-Id", event.source.empty()
                                          ? percent_encoded(event.id, "/")
                                          : percent_encoded(event.source) + "/" + percent_encoded(event.id, "/"));
  if (!apart.empty()) headers.front().second += "%/" + percent_encoded(apart);  // "%/" is no text's encoding
  headers.emplace_back("ce-specversion", "1.0");
  for (const auto& attribute : attributes)
    if (!(event.*attribute.view).empty())
      headers.emplace_back(attribute.header, percent_encoded(event.*attribute.view));
  if (event.source.empty()) headers.emplace_back("ce-source", "/");  // CloudEvents wants one
  if (!event.data_content_type.empty()) headers.emplace_back("content-type", percent_encoded(event.data_content_type));
  if (event.time != TimePoint{}) headers.emplace_back("ce-time", to_rfc3339(event.time));
  if (event.version != 1) headers.emplace_back("ce-tidingsversion", std::to_string(event.version));
  std::string own;
  for (const auto& [name, value] : event.headers) {
    if (name == expiry_header) {  // an attribute of CloudEvents, which others are to see
      headers.emplace_back("ce-" + std::string(name), percent_encoded(value));
      continue;
    }
    if (!own.empty()) own += '&';
    own += percent_encoded(name, "=&") + "=" + percent_encoded(value, "&");
  }
  if (!own.empty()) headers.emplace_back("tidings-headers", std::move(own));
  return headers;
}

std::size_t message_bytes(const HeaderList& headers, std::size_t payload) {
  auto bytes = std::string_view("NATS/1.0\r\n\r\n").size() + payload;
  for (const auto& [name, value] : headers) bytes += name.size() + value.size() + std::string_view(": \r\n").size();
  return bytes;
}

std::size_t expectation_bytes(std::string_view id) {
  return std::string_view(expectation).size() + id.size() + std::string_view(": \r\n").size();
}

std::size_t accepted_bytes_max(std::string_view topic, const EnvelopeView& event, std::size_t payload_max) {
  // Services write 4 KiB of them at most, and percent signs make three bytes of one.
  constexpr std::size_t letter_headers_bytes = std::size_t{12} << 10;
  constexpr std::string_view mark_of_letters = "tidings-dead-offset";
  // Anybody may set a header: elsewhere such an event could not be parked.
  constexpr std::string_view topics_of_letters = ".dead-letters";
  if (topic.ends_with(topics_of_letters) && event.headers.get(mark_of_letters)) return payload_max;
  return payload_max - std::min(letter_headers_bytes, payload_max / 4);
}

Error too_large(std::string_view topic, std::size_t bytes, std::size_t bytes_max) {
  return {"too_large", "an event for topic " + std::string(topic) + " is a message of " + std::to_string(bytes) +
                           " bytes, and " + std::to_string(bytes_max) +
                           " may go: what the NATS server takes, less what a dead letter adds; make it smaller, or "
                           "raise the server's max_payload"};
}

void expect_last(natsMsg& message, const std::string& id) {
  if (id.empty())
    natsMsgHeader_Delete(&message, expectation);
  else
    natsMsgHeader_Set(&message, expectation, id.c_str());
}

std::optional<DeliveredAt> delivered_at(const natsMsg& message) {
  const char* reply = natsMsg_GetReply(&message);
  if (reply == nullptr) return std::nullopt;
  constexpr std::size_t short_form = 9;
  constexpr std::size_t long_form_max = 16;
  std::array<std::string_view, long_form_max> tokens;  // of every message: no memory for it
  std::size_t count = 0;
  for (std::string_view rest(reply); !rest.empty() && count < tokens.size(); ++count) {
    tokens[count] = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(rest.size(), tokens[count].size() + 1));
  }
  // $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.CONSUMER_SEQUENCE.TIME.PENDING, or with DOMAIN.ACCOUNT before the
  // stream.
  if (count < short_form || tokens[0] != "$JS" || tokens[1] != "ACK") return std::nullopt;
  const std::size_t first = count == short_form ? 5 : 7;
  const auto sequence = number<std::uint64_t>(tokens[first]);
  const auto consumer_sequence = number<std::uint64_t>(tokens[first + 1]);
  const auto time = number<std::int64_t>(tokens[first + 2]);
  if (!sequence || !consumer_sequence || !time) return std::nullopt;
  return DeliveredAt{*sequence, *consumer_sequence, TimePoint{Duration{*time}}};
}

EnvelopeView Kept::view() const {
  auto view = envelope.view();
  if (!payload_is_own) view.payload = payload_of(*message);
  return view;
}

std::shared_ptr<const Kept> read_event(Message message, const DeliveredAt& at) {
  auto kept = std::make_shared<Kept>();
  kept->at = at;
  kept->message = std::move(message);
  auto& from = *kept->message;
  if (content_type_of(from).starts_with(structured)) {
    if (auto envelope = from_cloud_event_json(payload_of(from))) {
      kept->envelope = std::move(*envelope);
      kept->payload_is_own = true;
      make_valid(kept->envelope);
      return kept;
    }
  } else if (read_binary(from, kept->envelope)) {
    make_valid(kept->envelope);
    return kept;
  }
  kept->envelope.id = header_of(from, "Nats-Msg-Id");
  if (kept->envelope.id.empty())
    kept->envelope.id = std::string(natsMsg_GetSubject(&from)) + "/" + std::to_string(at.sequence);
  kept->envelope.type = "nats.message";
  kept->envelope.data_content_type = content_type_of(from);
  make_valid(kept->envelope);
  return kept;
}

}  // namespace tidings::brokers::nats
