#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

using Duration = std::chrono::nanoseconds;
/// UTC, nanoseconds since 1970. Order never comes from time.
using TimePoint = std::chrono::sys_time<Duration>;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// RFC 3339 in UTC with as many fractional digits as it takes (0, 3, 6 or 9): `2010-12-01T08:26:00Z`.
[[nodiscard]] std::string to_rfc3339(TimePoint time);
/// Reads RFC 3339 with any offset. Error `invalid_time`.
[[nodiscard]] Result<TimePoint> parse_rfc3339(std::string_view text);

/// ISO 8601 duration, `PT1.5S`.
[[nodiscard]] std::string to_iso8601(Duration duration);
/// Error `invalid_duration`.
[[nodiscard]] Result<Duration> parse_iso8601_duration(std::string_view text);

/// What people write in settings and flags: `250ms`, `30s`, `5min`, `2h`, `7d`, `1.5s`. Error `invalid_duration`.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
[[nodiscard]] std::string to_text(Duration duration);

}  // namespace tidings
