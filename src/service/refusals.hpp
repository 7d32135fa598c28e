#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::service {

/// Whether a publish was refused for what is published. Anything else, a damaged topic or a permission that is gone, is
/// trouble of the broker's, which would be the same for every event: parking them one by one mends nothing.
[[nodiscard]] inline bool is_of_the_event(const Error& error) {
  static constexpr std::string_view codes[] = {"invalid_event", "invalid_header", "invalid_name",
                                               "too_large",     "unknown_topic",  "unsupported"};
  return error.retry == Retry::never && std::ranges::find(codes, error.code) != std::end(codes);
}

}  // namespace tidings::service
