#pragma once

#include <cstdint>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

/// What an acknowledged publish survives. The numbers stand in files.
enum class Durability : std::uint32_t {
  memory = 0,    ///< the death of any process
  interval = 1,  ///< that, and a power cut but for the last second
  durable = 2,   ///< that, and a power cut
};

[[nodiscard]] std::string_view to_string(Durability durability);
/// Error `invalid_durability`, naming the three.
[[nodiscard]] Result<Durability> parse_durability(std::string_view text);

}  // namespace tidings
