#pragma once

#include <string_view>

#include "tidings/broker/types.hpp"

namespace tidings::cli {

/// What people write for a place: what `parse_start` takes, `now`, or how long before it, as `-1h`. Error
/// `invalid_start`.
[[nodiscard]] Result<Start> parse_place(std::string_view text, TimePoint now);
/// The same, of this moment.
[[nodiscard]] Result<Start> parse_place(std::string_view text);

}  // namespace tidings::cli
