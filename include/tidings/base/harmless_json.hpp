#pragma once

#include <string>
#include <string_view>

namespace tidings {

/// The same JSON, with control characters, bidirectional overrides and all else that may harm a terminal as `\uNNNN`.
/// `json` is UTF-8.
[[nodiscard]] std::string harmless_json(std::string_view json);

}  // namespace tidings
