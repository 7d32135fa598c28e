#pragma once

#include <span>
#include <string_view>

#include "tidings/broker/broker.hpp"

namespace tidings::bridge {

/// Whether what the target acknowledged as a repeat is what stands there. It goes by a producer's numbers, and a source
/// that was made anew begins with the same ones: its events would be settled, and be nowhere. `events` have the
/// bridge's header, and `published` is what their publishing gave. Costs nothing without repeats, else reading them.
///
/// Errors: `source_changed` (never), `timeout` (same call), those of reading.
Result<> check_repeats(Broker& to, std::string_view topic, std::span<const EnvelopeView> events,
                       std::span<const Published> published);

}  // namespace tidings::bridge
