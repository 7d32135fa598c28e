#include "tidings/event/make_envelope.hpp"

#include <algorithm>

#include "tidings/base/hex.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/uuid.hpp"
#include "tidings/event/detail/stamp.hpp"
#include "tidings/event/sealer.hpp"
#include "tidings/event/trace_parent.hpp"

namespace tidings {
namespace {

std::uint64_t not_zero(Entropy& entropy) {
  std::uint64_t number = 0;
  while (number == 0) number = entropy.next();
  return number;
}

/// `00-<trace>-<span>-<flags>`, with a new span.
void write_child_trace(std::array<char, 55>& out, std::string_view parent, Entropy& entropy) {
  static constexpr std::string_view blank = "00-00000000000000000000000000000000-0000000000000000-01";
  const bool valid = parse_trace_parent(parent).has_value();
  blank.copy(out.data(), out.size());
  if (valid) {
    parent.substr(3, 32).copy(out.data() + 3, 32);
    parent.substr(53, 2).copy(out.data() + 53, 2);
  } else {
    write_hex(out.data() + 3, not_zero(entropy));
    write_hex(out.data() + 19, entropy.next());
  }
  write_hex(out.data() + 36, not_zero(entropy));
}

}  // namespace

detail::Stamp detail::make_stamp(const EnvelopeView* cause, Clock& clock, Entropy& entropy) {
  Stamp stamp;
  stamp.time = clock.now();
  make_uuid_v7(stamp.time, entropy).write_to(stamp.id);
  write_child_trace(stamp.trace_parent, cause != nullptr ? cause->trace_parent : std::string_view{}, entropy);
  return stamp;
}

void detail::begin_envelope(Envelope& envelope, const EnvelopeOptions& options) {
  const EnvelopeView caller{.trace_parent = options.trace_parent, .payload = {}};
  const auto stamp = make_stamp(options.cause != nullptr ? options.cause : &caller, *options.clock, *options.entropy);
  envelope.id = stamp.id_text();
  envelope.source = options.source;
  envelope.time = stamp.time;
  envelope.trace_parent = stamp.trace_text();
  if (const auto* const cause = options.cause) {
    envelope.correlation_id = cause->correlation_id.empty() ? cause->id : cause->correlation_id;
    envelope.causation_id = cause->id;
  } else {
    envelope.correlation_id = envelope.id;
  }
}

Envelope begin_envelope(const EnvelopeOptions& options) {
  Envelope envelope;
  detail::begin_envelope(envelope, options);
  return envelope;
}

namespace detail {

Error foreign_content(const EnvelopeView& envelope, std::string_view wanted) {
  if (is_sealed(envelope))
    return {"unsupported_content", "the payload is sealed with key '" + printable(seal_key(envelope)) +
                                       "', and is to be opened before it is read; a service does so by its setting "
                                       "encryption.key_file"};
  return {"unsupported_content",
          "the payload is '" + printable(envelope.data_content_type) + "', the handler reads " + std::string(wanted)};
}

bool came_secret(const EnvelopeView& envelope) {
  return !envelope.headers.empty() && (envelope.headers.get(redact_header) || envelope.headers.get(encryption_header));
}

Error untold(Error why) {
  why.message = "what its codec says of it is not told, since the event was sealed, or has members that are redacted";
  return why;
}

Error foreign_version(const EnvelopeView& envelope, std::uint32_t newest, bool upcasts) {
  const auto version = std::to_string(envelope.version);
  if (envelope.version > newest)
    return {"unknown_version", "version " + version + " of " + printable(envelope.type) + " is newer than version " +
                                   std::to_string(newest) +
                                   ", which this program knows; deploy the newer handler, then drive the event again"};
  return {"unknown_version", "version " + version + " of " + printable(envelope.type) +
                                 " is older than what this program reads; " +
                                 (upcasts ? "no upcast goes back that far"
                                          : "give the event's class a static upcast from the version before")};
}

}  // namespace detail
}  // namespace tidings
