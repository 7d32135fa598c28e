#pragma once

#include <string>

#include "service/host.hpp"

namespace tidings::service {

/// What an event had for a payload when it was published: from its folder where that is of a claim check, and opened
/// where it is sealed. Errors: those of `Claims::redeem` and `Keyring::open`.
[[nodiscard]] Result<std::string> whole_payload(const Host& host, EnvelopeView event);

}  // namespace tidings::service
