#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidings::cli {

/// `a, b, c`, as they may be shown on a terminal.
[[nodiscard]] std::string listed(const std::vector<std::string>& words);

/// `first` and then `text`, broken at blanks so that no line is wider than 80 columns where words allow it; lines after
/// the first are indented as wide as `first`, or by `indent`. Ends with a new line. `text` may be shown as it is.
[[nodiscard]] std::string wrapped(std::string_view first, std::string_view text, std::size_t indent = 0);

/// Letters, digits, `_`, `-` and `.` as they are, others as `_`: what AsyncAPI allows as a name.
[[nodiscard]] std::string plain_name(std::string_view name);

}  // namespace tidings::cli
