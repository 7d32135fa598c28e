#pragma once

#include <cstdint>
#include <string_view>

namespace tidings {

/// How much a finding weighs, of code or of a combination of capabilities: the heaviest first. Of capabilities an error
/// is called critical.
enum class Severity : std::uint8_t { error, warning, advice, off };

[[nodiscard]] constexpr std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::advice:
      return "advice";
    case Severity::off:
      break;
  }
  return "off";
}

}  // namespace tidings
