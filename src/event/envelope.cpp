#include "tidings/event/envelope.hpp"

#include <algorithm>
#include <cstdint>

#include "event/eight_bytes.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings {
namespace {

constexpr std::size_t text_bytes_max = 0xffff;

Error invalid(std::string_view what, std::string_view why) {
  return {"invalid_event", "the event's " + std::string(what) + " " + std::string(why)};
}

Error not_sealed(const EnvelopeView& envelope) {
  return {"not_sealed", "event " + printable(envelope.type) +
                            " is to be encrypted, and nobody has sealed it: it does not leave in the open; set "
                            "encryption.key_file (or encryption.keys) in the service that publishes it, or give a "
                            "tidings::Keyring to who does, as EnqueueOptions::sealer"};
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// ASCII that can be printed: nearly every text, and looked at eight bytes at a time.
bool is_plain(std::string_view text) {
  constexpr auto tops = every_byte(0x80);
  // A byte's top bit is set where it was set, where the byte is less than a space, and where it is DEL. A carry only
  // comes from such a byte.
  const auto bad_ones = [](std::uint64_t word) {
    return word | (word - every_byte(0x20)) | ((word ^ every_byte(0x7f)) - every_byte(1));
  };
  std::uint64_t bad = 0;
  if (text.size() < 8) {
    for (const auto c : text) {
      const auto byte = static_cast<unsigned char>(c);
      bad |= byte < 0x20 || byte >= 0x7f ? tops : 0;
    }
  } else {
    for (std::size_t at = 0; at + 8 < text.size(); at += 8) bad |= bad_ones(eight_bytes(text.data() + at));
    bad |= bad_ones(eight_bytes(text.data() + text.size() - 8));
  }
  return (bad & tops) == 0;
}

/// Texts that are neither too long nor anything but plain: those of nearly every event.
template <class... Texts>
bool are_fine(const Texts&... texts) {
  return ((texts.size() | ...) <= text_bytes_max) && (is_plain(texts) && ...);
}

Result<> validate_texts(const EnvelopeView& envelope) {
  struct Text {
    std::string_view what;
    std::string_view text;
  };
  for (const auto& [what, text] :
       {Text{"id", envelope.id}, Text{"type", envelope.type}, Text{"source", envelope.source},
        Text{"subject", envelope.subject}, Text{"data content type", envelope.data_content_type},
        Text{"data schema", envelope.data_schema}, Text{"correlation id", envelope.correlation_id},
        Text{"causation id", envelope.causation_id}, Text{"traceparent", envelope.trace_parent}}) {
    if (text.size() > text_bytes_max) return invalid(what, "is longer than 65,535 bytes");
    if (is_plain(text)) continue;
    if (has_control(text)) return invalid(what, "has control characters");
    if (!is_utf8(text)) return invalid(what, "is not UTF-8");
  }
  if (envelope.key.size() > text_bytes_max) return invalid("key", "is longer than 65,535 bytes");
  if (!is_utf8(envelope.key)) return invalid("key", "is not UTF-8");
  return {};
}

}  // namespace

Envelope::Envelope(const EnvelopeView& view)
    : id(view.id),
      type(view.type),
      source(view.source),
      subject(view.subject),
      data_content_type(view.data_content_type),
      data_schema(view.data_schema),
      key(view.key),
      correlation_id(view.correlation_id),
      causation_id(view.causation_id),
      trace_parent(view.trace_parent),
      time(view.time),
      version(view.version),
      headers(view.headers),
      payload(view.payload) {}

EnvelopeView Envelope::view() const {
  return {.id = id,
          .type = type,
          .source = source,
          .subject = subject,
          .data_content_type = data_content_type,
          .data_schema = data_schema,
          .key = key,
          .correlation_id = correlation_id,
          .causation_id = causation_id,
          .trace_parent = trace_parent,
          .time = time,
          .version = version,
          .headers = headers.view(),
          .payload = payload};
}

TimePoint expiry(const EnvelopeView& envelope) {
  const auto text = envelope.headers.get(expiry_header);
  if (!text) return TimePoint::max();
  const auto time = parse_rfc3339(*text);
  return time ? *time : TimePoint::max();
}

std::size_t size_bytes(const EnvelopeView& envelope) {
  return envelope.id.size() + envelope.type.size() + envelope.source.size() + envelope.subject.size() +
         envelope.data_content_type.size() + envelope.data_schema.size() + envelope.key.size() +
         envelope.correlation_id.size() + envelope.causation_id.size() + envelope.trace_parent.size() +
         envelope.headers.encoded().size() + envelope.payload.size();
}

Result<> validate(const EnvelopeView& envelope, std::size_t size_bytes_max) {
  if (envelope.id.empty()) return invalid("id", "is empty; a UUIDv7 will do");
  if (envelope.type.empty()) return invalid("type", "is empty; give its wire name, like shop.OrderPlaced");
  if (!are_fine(envelope.id, envelope.type, envelope.source, envelope.subject, envelope.data_content_type,
                envelope.data_schema, envelope.key, envelope.correlation_id, envelope.causation_id,
                envelope.trace_parent)) [[unlikely]]
    if (auto valid = validate_texts(envelope); !valid) return valid;
  std::size_t encoded = 0;
  for (const auto& [name, value] : envelope.headers) {
    if (name.empty()) return invalid("header", "has an empty name");
    if (has_control(name) || !is_utf8(name))
      return invalid("header '" + printable(name) + "'", "has a name with control characters or bad UTF-8");
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
      return invalid("header '" + printable(name) + "'", "has CR, LF or NUL in its value");
    if (!is_utf8(value)) return invalid("header '" + printable(name) + "'", "is not UTF-8");
    if (name == encryption_header && value == encryption_required) return not_sealed(envelope);
    encoded += 8 + name.size() + value.size();
  }
  if (encoded != envelope.headers.encoded().size()) return invalid("headers", "are malformed");
  if (const auto size = size_bytes(envelope); size > size_bytes_max)
    return Error{"too_large", "the event has " + std::to_string(size) + " bytes with its headers, the topic takes " +
                                  std::to_string(size_bytes_max) +
                                  "; make it smaller, or create the topic with a larger limit"};
  return {};
}

}  // namespace tidings
