#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/event/envelope.hpp"

namespace tidings {

/// The header with what of an event's JSON is shown to nobody who has not asked for it: JSON pointers (RFC 6901),
/// percent-encoded, with commas between. Made of `.redacted` in its traits, so that tools without the type know it.
inline constexpr std::string_view redact_header = "tidings-redact";

/// What the header may have at most; of a longer one, or one that cannot be read, everything is masked.
inline constexpr std::size_t redact_pointers_max = 64;
inline constexpr std::size_t redact_bytes_max = 4096;

/// The header of an event of which all is masked.
inline constexpr std::string_view redact_everything = "*";

/// What stands in place of a value.
inline constexpr std::string_view redacted_value = "\"***\"";

/// The pointers of a header; none where it cannot be read.
[[nodiscard]] std::optional<std::vector<std::string>> redact_pointers(std::string_view header);
/// The header of such pointers; one of which everything is masked where they are too many.
[[nodiscard]] std::string redact_header_of(const std::vector<std::string>& pointers);

/// `json` with `"***"` in place of each value that `header` points to; all else stays byte for byte. A step of a
/// pointer is the name of a member, however it is escaped and how often it stands there, or `*`, any member. What is
/// pointed to through an array is in each of its elements. Where `json` is no JSON, or `header` cannot be read,
/// `"***"` alone.
[[nodiscard]] std::string redact_json(std::string_view json, std::string_view header);

/// The payload as it may be shown: masked where the event says so. One that is sealed, or waits in a folder, as it is.
[[nodiscard]] std::string shown_payload(const EnvelopeView& event);

}  // namespace tidings
