#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tidings/broker/types.hpp"

namespace tidings::service {

/// A line for people on those of `deliveries` that an earlier process began and did not end: which, and in which
/// attempt. Empty where there is none. Payloads are not in it.
[[nodiscard]] std::string unfinished_text(std::string_view topic, std::span<const Delivery> deliveries);

}  // namespace tidings::service
