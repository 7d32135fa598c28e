#pragma once

#include <string>
#include <string_view>

#include "tidings/event/envelope.hpp"

namespace tidings::outbox {

/// What of an envelope has no column of its own, in one: headers as `Headers` has them, of which those of the event are
/// one.
[[nodiscard]] std::string encode_attributes(const EnvelopeView& envelope);

/// Sets what was encoded; the texts are borrowed.
void decode_attributes(std::string_view encoded, EnvelopeView& into);

}  // namespace tidings::outbox
