#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::check {

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

struct Finding {
  std::string rule;
  Severity severity = Severity::warning;
  std::string file;  ///< as the project's folder was named, and from there
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::string what;        ///< here
  std::string can_happen;  ///< because of it
  std::string to_do;
};

}  // namespace tidings::check
