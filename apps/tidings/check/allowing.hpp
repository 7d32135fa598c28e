#pragma once

#include <cstdint>
#include <string_view>

#include "check/project.hpp"

namespace tidings::check {

/// `// tidings: allow(rule): reason`, on its line or, where it stands alone, for the line behind it.
struct Allowance {
  std::string_view rule, reason;
  std::uint32_t line = 0, last_line = 0;
  bool stands_alone = false;
};

[[nodiscard]] std::vector<Allowance> allowances(const File& file);
[[nodiscard]] bool is_allowed(const File& file, std::string_view rule, std::uint32_t line);

}  // namespace tidings::check
