#pragma once

#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::bridge {

/// Whether a topic stays where it is unless it is asked for: services keep it for themselves.
[[nodiscard]] bool is_own(std::string_view topic);

/// What stays where it is though it is asked for. Error `unsupported` (never), with the reason.
Result<> check_goes_over(std::string_view topic);

}  // namespace tidings::bridge
