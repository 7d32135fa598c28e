#include "tidings/event/make_envelope.hpp"

#include "tidings/base/text.hpp"
#include "tidings/base/uuid.hpp"

namespace tidings {
namespace {

void append_hex(std::string& out, std::uint64_t number) {
  static constexpr char hex[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out += hex[number >> shift & 15];
}

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}
bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == text.npos;
}

/// W3C Trace Context: `00-<32 hex>-<16 hex>-<2 hex>`; a later version may have more behind.
bool is_trace_parent(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const auto version = text.substr(0, 2), trace = text.substr(3, 32), span = text.substr(36, 16),
             flags = text.substr(53, 2);
  if (!is_lower_hex(version) || version == "ff" || (version == "00" && text.size() != 55)) return false;
  if (text.size() > 55 && text[55] != '-') return false;
  return is_lower_hex(trace) && is_lower_hex(span) && is_lower_hex(flags) && !is_zero(trace) && !is_zero(span);
}

std::uint64_t not_zero(Entropy& entropy) {
  std::uint64_t number = 0;
  while (number == 0) number = entropy.next();
  return number;
}

std::string child_trace(std::string_view parent, Entropy& entropy) {
  const bool valid = is_trace_parent(parent);
  std::string trace = "00-";
  if (valid) {
    trace += parent.substr(3, 32);
  } else {
    append_hex(trace, not_zero(entropy));
    append_hex(trace, entropy.next());
  }
  trace += '-';
  append_hex(trace, not_zero(entropy));
  trace += valid ? std::string("-") + std::string(parent.substr(53, 2)) : "-01";
  return trace;
}

}  // namespace

Envelope begin_envelope(const EnvelopeOptions& options) {
  Envelope envelope;
  envelope.id = make_uuid_v7(*options.clock, *options.entropy).to_string();
  envelope.source = options.source;
  envelope.time = options.clock->now();
  if (const auto* const cause = options.cause) {
    envelope.correlation_id = cause->correlation_id.empty() ? cause->id : cause->correlation_id;
    envelope.causation_id = cause->id;
    envelope.trace_parent = child_trace(cause->trace_parent, *options.entropy);
  } else {
    envelope.correlation_id = envelope.id;
    envelope.trace_parent = child_trace({}, *options.entropy);
  }
  return envelope;
}

namespace detail {

Error foreign_content(const EnvelopeView& envelope, std::string_view wanted) {
  return {"unsupported_content",
          "the payload is '" + printable(envelope.data_content_type) + "', the handler reads " + std::string(wanted)};
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
