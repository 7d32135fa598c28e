#pragma once

#include "tidings/base/time.hpp"

namespace tidings {

/// The machine's steady clock, for deadlines of what the machine does, as sockets and locks are. What a test moves by
/// hand asks its `Clock`. Thread-safe.
[[nodiscard]] inline SteadyTime steady_now() noexcept {
  return std::chrono::steady_clock::now();
}

}  // namespace tidings
