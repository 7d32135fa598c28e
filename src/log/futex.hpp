#pragma once

#include <atomic>
#include <cstdint>

#include "tidings/base/time.hpp"

namespace tidings::log {

/// Sleeps while `word` is `expected`, at most `wait_max`. Works between processes that map the same file. May return
/// early.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Duration wait_max);
/// Wakes as many as sleep on `word`, up to `count`.
void futex_wake(std::atomic<std::uint32_t>& word, int count);

}  // namespace tidings::log
