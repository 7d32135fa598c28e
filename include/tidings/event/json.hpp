#pragma once

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

/// Objects and arrays in one another, at most: deeper values are neither written nor read, since both recurse.
inline constexpr int json_depth_max = 500;

/// Appends `text` in quotes, escaped as RFC 8259 asks, control characters as `\u00XX`. `text` must be UTF-8.
void append_json_string(std::string& out, std::string_view text);

/// Whether `document` is one well-formed JSON value. Errors (never): `invalid_json`, `too_deep`, with the path.
Result<> check_json(std::string_view document);

/// The text or integer member `member` of the object `document`, as text. Errors (never): `missing_member`,
/// `wrong_type`, `duplicate_member`, and as `check_json`.
[[nodiscard]] Result<std::string> json_member_text(std::string_view document, std::string_view member);

}  // namespace tidings
