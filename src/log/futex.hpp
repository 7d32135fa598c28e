#pragma once

#include <atomic>
#include <cstdint>

#include "tidings/base/time.hpp"

namespace tidings::log {

/// Sleeps while `word` is `expected`, at most `wait_max`. Works between processes that map the same file. May return
/// early. `bits`, of which there is one at least, say who sleeps.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Duration wait_max,
                std::uint32_t bits = UINT32_MAX);
/// Wakes as many as sleep on `word`, up to `count`, of those who have one of `bits`.
void futex_wake(std::atomic<std::uint32_t>& word, int count, std::uint32_t bits = UINT32_MAX);

}  // namespace tidings::log
