#pragma once

#include <chrono>
#include <thread>

#include "tidings/base/time.hpp"

namespace tidings::testing {

/// Looks again and again until it is so, for so long at most; no test depends on how long that takes. `look_every` is
/// longer where looking costs those who are waited for.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& is_so, Duration wait_max = std::chrono::seconds{60},
                              Duration look_every = std::chrono::milliseconds{2}) {
  const auto until = std::chrono::steady_clock::now() + wait_max;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(look_every);
  }
  return true;
}

}  // namespace tidings::testing
