#pragma once

#include <span>
#include <string>
#include <string_view>

#include "service/host.hpp"
#include "tidings/aggregate/projection.hpp"

namespace tidings::service {

[[nodiscard]] Error unknown_projection(std::string_view name, std::span<const std::string> known);

/// What a service does with `--rebuild NAME`: makes the tables where there are none, and the projection anew, and says
/// in its log how far it is. What is written to `wake_fd` ends it between two batches. Errors as `tidings::rebuild`.
Result<> rebuild_projection(Host& host, const aggregate::detail::AnyProjection& projection, bool anew, int wake_fd);

}  // namespace tidings::service
