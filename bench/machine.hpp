#pragma once

#include <string>

namespace bench {

/// What the figures were taken on: processor, cores, system, compiler, flags. One line.
[[nodiscard]] std::string describe_machine();

/// `2026-11-25`.
[[nodiscard]] std::string today();

}  // namespace bench
