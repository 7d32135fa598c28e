#pragma once

#include <string_view>

namespace tidings {

/// The header with what of an event's JSON is shown to nobody who has not asked for it.
inline constexpr std::string_view redact_header = "tidings-redact";

}  // namespace tidings
