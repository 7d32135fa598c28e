#include "outbox/attributes.hpp"

#include <array>
#include <utility>

#include "tidings/event/headers.hpp"

namespace tidings::outbox {

namespace {

constexpr std::string_view headers = "headers";

struct Text {
  std::string_view name;
  std::string_view EnvelopeView::* member;
};
/// The names stand in tables.
constexpr std::array texts{Text{"source", &EnvelopeView::source},
                           Text{"subject", &EnvelopeView::subject},
                           Text{"datacontenttype", &EnvelopeView::data_content_type},
                           Text{"dataschema", &EnvelopeView::data_schema},
                           Text{"correlationid", &EnvelopeView::correlation_id},
                           Text{"causationid", &EnvelopeView::causation_id},
                           Text{"traceparent", &EnvelopeView::trace_parent}};

void append(std::string& out, std::string_view name, std::string_view value) {
  for (const auto size : {static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())})
    for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(size >> shift & 0xff);
  out.append(name).append(value);
}

}  // namespace

std::string encode_attributes(const EnvelopeView& envelope) {
  std::string out;
  out.reserve(256);
  for (const auto& [name, member] : texts)
    if (!(envelope.*member).empty()) append(out, name, envelope.*member);
  if (!envelope.headers.encoded().empty()) append(out, headers, envelope.headers.encoded());
  return out;
}

void decode_attributes(std::string_view encoded, EnvelopeView& into) {
  for (const auto& [name, value] : HeadersView(encoded)) {
    if (name == headers) into.headers = HeadersView(value);
    for (const auto& text : texts)
      if (name == text.name) into.*text.member = value;
  }
}

}  // namespace tidings::outbox
