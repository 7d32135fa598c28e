#pragma once

#include <cstdint>
#include <string>

#include "severity.hpp"

namespace tidings::check {

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
