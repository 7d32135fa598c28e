#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

/// Topics and groups: `[A-Za-z0-9._-]`, 1 to 200 bytes, not `.` or `..`, no leading `-`. `what` ("topic") stands in the
/// message. Error `invalid_name`.
Result<> validate_name(std::string_view what, std::string_view name);

/// The candidate nearest to `name` by edit distance, or empty where none is near enough to be meant.
[[nodiscard]] std::string_view nearest(std::string_view name, std::span<const std::string> candidates);

/// `text` as it may be shown on a terminal: control characters, escape sequences, bidirectional overrides and bad UTF-8
/// as `\xNN` or `\u{N}`.
[[nodiscard]] std::string printable(std::string_view text);

/// What people write for sizes: `1048576`, `64KiB`, `512MiB`, `10GiB`, `1TiB`. Error `invalid_size`.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);
/// The same, in the largest unit that takes no fraction.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

/// Whether `text` is well-formed UTF-8.
[[nodiscard]] bool is_utf8(std::string_view text);

[[nodiscard]] std::string to_base64(std::string_view bytes);
/// Error `invalid_base64`.
[[nodiscard]] Result<std::string> from_base64(std::string_view text);

}  // namespace tidings
